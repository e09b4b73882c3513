"""A version written anew without some of its records."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from tamis.data.parquet import read_table
from tamis.data.writer import write_parquet
from tamis.snapshot import prune
from tamis.snapshot.build import Draft
from tamis.snapshot.expunge import promised
from tamis.snapshot.folder import Snapshot
from tamis.snapshot.graph import Reached
from tamis.snapshot.names import is_version
from tamis.snapshot.names import version as parsed
from tamis.snapshot.store import Entry
from tamis.snapshot.unname import applied, unnamed

WRITTEN = frozenset(
    {"tamis_snapshot", "name", "version", "parents", "created", "kind", "files", "content", "schema", "splits"}
    | {"tombstones", "code", "writer"}
)
"""Members of snapshot.json that are made anew for every version."""


def redraft(
    old: Snapshot,
    gone: Reached,
    scratch: Path,
    receipt: str,
    manifests: dict[str, str],
    taken: set[tuple[str, str]],
    values: Collection[str] = (),
) -> Draft:
    """`old` without `gone`. Its contract is held against the rows that are left, which are in `scratch` for that.

    values  what was asked for: a source of which no record is left loses its name, where that holds one
    """
    schema = old.schema

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in old.batches():
            stays = ~gone.holds(batch.column("record_id"))
            yield batch if stays.all() else batch.filter(pa.array(stays))

    files: dict[str, Path | bytes | pa.Table] = {
        p.relative_to(old.path).as_posix(): p for p in sorted((old.path / "evidence").rglob("*")) if p.is_file()
    }
    facts = {name: value for name, value in old.facts.items() if name not in WRITTEN}
    if commit := (old.facts.get("code") or {}).get("git"):
        facts["code"] = {"package": f"tamis {version('tamis')}", "git": commit}
    contract = old.path / "evidence/contract.odcs.yaml"
    if contract.is_file() and facts.get("contract"):
        write_parquet(scratch, (pa.Table.from_batches([b]) for b in batches()), schema)
        told, result = promised([scratch], contract)
        files["evidence/contract.result.json"] = told
        facts["contract"] = {**facts["contract"], "result": result}
    files |= _ledger(old, gone)
    rows = old.data(["record_id", "source"])
    held = gone.holds(rows.column("record_id"))
    if (ledger := old.evidence("run.json")) is not None:
        known = json.loads(ledger)
        names = unnamed(known, values, set(pc.unique(rows.column("source").filter(pa.array(~held))).to_pylist()))
        facts = applied(facts, names)
        if names:
            files["evidence/run.json"] = (
                json.dumps(applied(known, names), indent=2, ensure_ascii=False).encode() + b"\n"
            )
    books = dict(facts.get("conservation") or {})
    lost = int(held.sum())
    facts["conservation"] = {**books, "kept": books.get("kept", 0) - lost, "erased": books.get("erased", 0) + lost}
    if (run := facts.get("run")) and run.get("manifest") in manifests:
        facts["run"] = {**run, "manifest": manifests[run["manifest"]]}
    facts["erasures"] = [*old.facts.get("erasures", []), receipt]
    return Draft(
        name=old.name,
        version=_next(old, taken),
        parents=(old.id,),
        kind=old.kind,
        schema=schema,
        batches=batches,
        salts=old,
        lineage=prune.rows(old.lineage(), gone, "child", "parent"),
        facts=facts,
        files=files,
    )


def _ledger(old: Snapshot, gone: Reached) -> dict[str, Path | bytes | pa.Table]:
    """The ledger without `gone`."""
    files: dict[str, Path | bytes | pa.Table] = {}
    fates = old.fates()
    at = gone.holds(fates.column("record_id"))
    for path in sorted((old.path / "ledger").rglob("*.parquet")):
        name = path.relative_to(old.path).as_posix()
        table = read_table(path)
        if name == "ledger/fates.parquet":
            files[name] = prune.fates(table, at) if at.any() else path
        elif name.startswith("ledger/verdicts/"):
            left = prune.verdicts(table, gone)
            files[name] = left if left is not table else path
        elif name.startswith("ledger/edges/"):
            files[name] = prune.edges(table, at) if at.any() else path
        else:
            files[name] = path
    return files


def _next(old: Snapshot, taken: set[tuple[str, str]]) -> str:
    """The next patch version that is free."""
    number = _patched(old.version)
    while (old.name, number) in taken:
        number = _patched(number)
    return number


def _patched(number: str) -> str:
    """One patch version on; a pre-release becomes the patch after its release."""
    found = parsed(number)
    return str(found._replace(patch=found.patch + 1, pre=""))


def beside(entry: Entry, number: str) -> Path:
    """Where the new version goes: beside the old one."""
    name = entry.path.name
    if is_version(name):
        return entry.path.with_name(("v" if name.startswith("v") else "") + number)
    return entry.path.with_name(f"{name}-{number}")
