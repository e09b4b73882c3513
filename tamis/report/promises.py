"""What a snapshot promises, and what was found when that was checked."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import yaml

from tamis.snapshot import Snapshot

ORDER = ("failed", "error", "warning", "skipped", "passed")
"""Results, the worst first; any other stands before them."""

DESCRIBES = ("purpose", "usage", "limitations")


@dataclass(frozen=True)
class Promise:
    """One check. `result` is passed, failed or another word of the contract's result; `action` what a failure does."""

    id: str
    column: str
    rule: str
    result: str
    action: str
    found: str
    value: Any


@dataclass(frozen=True)
class Promises:
    """A contract and what was found. `says` is its description: purpose, usage and limitations, where it has them."""

    id: str
    version: str
    passed: bool
    says: dict[str, str]
    checks: tuple[Promise, ...]

    @property
    def results(self) -> dict[str, int]:
        """How many checks came out how."""
        return dict(sorted(Counter(check.result for check in self.checks).items(), key=lambda item: _place(item[0])))


def promises(snapshot: Snapshot) -> Promises | None:
    """What `snapshot` promises; None where it has no contract."""
    contract = snapshot.facts.get("contract")
    if not contract:
        return None
    result = json.loads(snapshot.evidence("contract.result.json") or b"{}")
    checks = tuple(_promise(check) for check in result.get("checks", []))
    return Promises(
        id=str(contract["id"]),
        version=str(contract["version"]),
        passed=contract.get("result") == "passed",
        says=_says(snapshot.evidence("contract.odcs.yaml")),
        checks=tuple(sorted(checks, key=lambda check: _place(check.result))),
    )


def _promise(check: dict[str, Any]) -> Promise:
    column, reason = str(check.get("field") or ""), str(check.get("reason") or "")
    return Promise(
        id=str(check["id"]),
        column=column,
        rule=str(check.get("type") or ""),
        result=str(check["result"]),
        action=str(check.get("action") or ""),
        found=reason.removeprefix(f"{column}: ") if column else reason,
        value=(check.get("diagnostics") or {}).get("value"),
    )


def _place(result: str) -> int:
    return ORDER.index(result) if result in ORDER else -1


def _says(contract: bytes | None) -> dict[str, str]:
    loaded = yaml.safe_load(contract or b"")
    described = loaded.get("description") if isinstance(loaded, dict) else None
    if not isinstance(described, dict):
        return {"purpose": str(described)} if described else {}
    return {name: str(described[name]) for name in DESCRIBES if described.get(name)}
