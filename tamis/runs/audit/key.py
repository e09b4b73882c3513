"""What the tasks of a sample are, kept from those who label it.

{"tamis_audit": 1, "run": {"name": "docs", "manifest": "…"}, "seed": 0, "sample": {"file": "sample.jsonl", "sha256": "…"},
 "strata": [{"step": 3, "stage": "quality.gopher@1", "rule": "min_words", "population": 120}],
 "tasks": {"017": {"record_id": "8a…", "stratum": 0}}, "seal": "…"}
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tamis.data.writer import write_json
from tamis.errors import InputError
from tamis.runs.audit.draw import Stratum
from tamis.runs.folder import Run
from tamis.runs.manifest import MANIFEST, sha256

FORMAT = 1

ENDING = ".key.json"


@dataclass(frozen=True)
class Key:
    """A key as it was written.

    facts  all of it
    """

    path: Path
    facts: dict[str, Any]

    @property
    def strata(self) -> list[Stratum]:
        """What was drawn from."""
        return [Stratum(s["step"], s["stage"], s["rule"], s["population"]) for s in self.facts["strata"]]

    @property
    def tasks(self) -> dict[str, int]:
        """Place of the stratum of each task."""
        return {task: entry["stratum"] for task, entry in self.facts["tasks"].items()}

    def record(self, task: str) -> str:
        """The record_id of a task."""
        return str(self.facts["tasks"][task]["record_id"])

    @property
    def seal(self) -> str:
        """sha256 of all that it says."""
        return str(self.facts["seal"])


def write_key(path: Path, facts: dict[str, Any]) -> Key:
    """Seal `facts` and write them to `path`."""
    sealed = {"tamis_audit": FORMAT, **facts}
    sealed["seal"] = _seal(sealed)
    write_json(path, sealed)
    return Key(path, sealed)


def open_key(path: Path, run: Run) -> Key:
    """The key at `path`. Raises InputError where it is none, was changed since, or is of another run."""
    try:
        facts = json.loads(path.read_bytes())
        found, seal = facts["tamis_audit"], facts["seal"]
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); name the key with --key") from error
    except (ValueError, KeyError, TypeError, RecursionError) as damage:
        raise InputError(
            f"{path} is no key of an audit ({damage!r}); `tamis audit RUN -o sample.jsonl` writes sample{ENDING}"
        ) from damage
    if found != FORMAT:
        raise InputError(f"{path} was written by a newer tamis (format {found}, this one reads {FORMAT}); update tamis")
    if seal != _seal(facts):
        raise InputError(f"{path} was changed since it was sealed; take the one that was written with the sample")
    if facts["run"]["manifest"] != sha256(run.path / MANIFEST):
        raise InputError(f"{path} belongs to the run {facts['run']['name']!r} as it was then, not to {run.path}")
    return Key(path, facts)


def find_key(labels: Path, run: Run) -> Key:
    """The key of `run` that lies beside `labels`. Raises InputError where there is none, or more than one."""
    found = []
    for path in sorted(labels.resolve().parent.glob(f"*{ENDING}")):
        try:
            found.append(open_key(path, run))
        except InputError:
            continue
    if len(found) != 1:
        named = ", ".join(key.path.name for key in found) or "none"
        raise InputError(
            f"beside {labels} there should be one key of this run, and there is {named}; name it with --key"
        )
    return found[0]


def _seal(facts: dict[str, Any]) -> str:
    said = {name: value for name, value in facts.items() if name != "seal"}
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
