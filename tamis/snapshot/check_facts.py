"""snapshot.json: is it one, and does it agree with itself and with what it names?"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from tamis.runs import Finding
from tamis.snapshot.folder import FORMAT
from tamis.snapshot.jcs import canonical_json
from tamis.snapshot.names import NAME, is_version

SNAPSHOT = "snapshot.json"

_SHAPE: dict[str, type] = {
    "tamis_snapshot": int,
    "name": str,
    "version": str,
    "parents": list,
    "created": str,
    "kind": str,
    "files": list,
    "content": dict,
    "schema": dict,
    "splits": dict,
    "conservation": dict,
}

_FILE = {"path": str, "bytes": int, "sha256": str}

_PART = re.compile(r"data/(.+)-\d{5}-of-\d{5}\.parquet", re.DOTALL)

_KEPT = {
    "contract": "evidence/contract.odcs.yaml",
    "recipe": "evidence/recipe.resolved.json",
    "env": "evidence/env.json",
}
"""Members of which a file is kept as evidence, and its sha256 is told."""


def misshapen(facts: Any) -> str | None:
    """What is wrong with the members of snapshot.json that are relied on."""
    if not isinstance(facts, dict):
        return "it is no object"
    for name, kind in _SHAPE.items():
        if not isinstance(facts.get(name), kind) or isinstance(facts[name], bool):
            return f"{name} is not there, or no {kind.__name__}"
    if facts["tamis_snapshot"] != FORMAT:
        return f"tamis_snapshot is {facts['tamis_snapshot']}"
    if not NAME.fullmatch(facts["name"]) or not is_version(facts["version"]):
        return "name or version is none"
    for file in facts["files"]:
        if not isinstance(file, dict) or not all(isinstance(file.get(k), t) for k, t in _FILE.items()):
            return "files has an entry without path, bytes or sha256"
        if outside(file["path"]):
            return f"files names {file['path']!r}, which is not in the folder"
    if not isinstance(facts["content"].get("root"), str) or not isinstance(facts["content"].get("leaves"), int):
        return "content has no root, or no number of leaves"
    if not all(type(n) is int for n in [*facts["splits"].values(), *facts["conservation"].values()]):
        return "splits or conservation has something that is no number"
    return None


def outside(name: str) -> bool:
    """Whether a name leads out of the folder, or is spelled otherwise than we do."""
    place = PurePosixPath(name)
    return not name or place.is_absolute() or ".." in place.parts or str(place) != name or "\\" in name or "\0" in name


def unnamed(facts: Mapping[str, Any], listed: Mapping[str, str]) -> Iterator[Finding]:
    """Files that the manifest lists and the id does not cover. Documents beside the data are what they may be."""
    known = {file["path"] for file in facts["files"]}
    for name in sorted(listed.keys() - known):
        if "/" in name or name.endswith(".parquet"):
            yield Finding(name, "was added: snapshot.json does not name it")


def disagreements(facts: Mapping[str, Any], folder: Path) -> Iterator[Finding]:
    """Where snapshot.json contradicts itself: its parts and splits, its columns, its evidence."""
    rows: dict[str, int] = dict.fromkeys(facts["splits"], 0)
    digests: dict[str, str] = {}
    for file in facts["files"]:
        if file["path"] in digests:
            yield Finding(SNAPSHOT, f"names {file['path']} twice")
        digests[file["path"]] = file["sha256"]
        part = _PART.fullmatch(file["path"])
        if part is not None and part[1] in rows:
            rows[part[1]] += file["rows"] if isinstance(file.get("rows"), int) else 0
        elif file["path"].startswith("data/"):
            yield Finding(SNAPSHOT, f"names {file['path']}, which is no part of a split")
    if rows != facts["splits"]:
        yield Finding(SNAPSHOT, "has splits of other lengths than their parts")
    if facts["schema"].get("fingerprint") != _fingerprint(facts["schema"].get("fields")):
        yield Finding(SNAPSHOT, "has a schema whose fingerprint is another")
    yield from _evidence(facts, digests, folder)


def _fingerprint(fields: Any) -> str | None:
    try:
        return hashlib.sha256(canonical_json(fields)).hexdigest()
    except (ValueError, RecursionError):  # what we never write; the spelling of the whole is wrong, too
        return None


def _evidence(facts: Mapping[str, Any], digests: Mapping[str, str], folder: Path) -> Iterator[Finding]:
    if facts.get("erasures"):  # what was erased is taken out of the evidence, too; the digests are of how it was
        return
    for member, name in _KEPT.items():
        told = facts.get(member)
        if isinstance(told, dict) and "sha256" in told and digests.get(name) != told["sha256"]:
            yield Finding(
                name, f"is not the {member} that snapshot.json tells of: it has another sha256, or is missing"
            )
    result = "evidence/contract.result.json"
    if facts.get("contract") and result in digests:
        try:
            passed = json.loads((folder / result).read_bytes())["passed"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            passed = None
        if passed is not True:
            yield Finding(result, "does not say that the contract was kept, which snapshot.json does")
