"""What is left of a version that was superseded by an erasure: enough to compute its root, and nothing of the record.

snapshot.json      as it was: its digest is the id
leaves.parquet     a record that was erased has no id and no salt any more; its leaf stays
tombstones.jsonl   {"position": 17, "leaf": "c1…e3", "erased": "2026-11-02T10:00:00+00:00", "receipt": "5d…"}
withdrawn.json     what took its place, and by which receipt
README.md  MANIFEST.sha256  provenance.dsse.json (where it was signed)

Every other leaf can be computed from the version that took its place: records that were not erased kept their salts there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.data.parquet import plain
from tamis.data.writer import write_bytes, write_json, write_parquet
from tamis.errors import InputError
from tamis.runs.integrity import Finding
from tamis.runs.manifest import MANIFEST, files, seal
from tamis.snapshot.folder import Snapshot
from tamis.snapshot.graph import Reached
from tamis.snapshot.journal import Step
from tamis.snapshot.leaves import fixed, root
from tamis.snapshot.store import Store
from tamis.snapshot.tables import LEAVES

WITHDRAWN = "withdrawn.json"

TOMBSTONES = "tombstones.jsonl"

SIGNATURE = "provenance.dsse.json"

STAYS = ("snapshot.json", SIGNATURE)


class Successor(NamedTuple):
    """What takes the place of a version: its id, and what it is called."""

    id: str
    ref: str


class Buried(NamedTuple):
    """Steps that leave tombstones in a folder, and the leaves that have become some: (k, 32) uint8."""

    steps: tuple[Step, ...]
    leaves: np.ndarray


def is_withdrawn(folder: Path) -> bool:
    """Whether the folder is what is left of a version."""
    return (folder / WITHDRAWN).is_file()


def bury(
    snapshot: Snapshot, staged: Path, gone: Reached, to: Successor | None, receipt: str, now: str
) -> Buried | None:
    """Write to `staged` what is left of `snapshot` without the records `gone`; the steps put it in its place.

    `to` takes its place; None where something has already. None where a withdrawn version holds none of the records.
    """
    table = snapshot.leaves()
    here = gone.holds(table.column("record_id"))
    if to is None and not here.any():
        return None
    staged.mkdir(parents=True)
    hidden = pa.array(here)
    ids, salts = (pc.if_else(hidden, pa.scalar(None, LEAVES.field(k).type), table.column(k)) for k in range(2))
    write_parquet(staged / "leaves.parquet", [pa.table([ids, salts, table.column("leaf")], schema=LEAVES)], LEAVES)
    leaves = fixed(table.column("leaf"), 32)[here]
    lines = [
        json.dumps({"position": p, "leaf": leaf.tobytes().hex(), "erased": now, "receipt": receipt})
        for p, leaf in zip(np.flatnonzero(here).tolist(), leaves, strict=True)
    ]
    before = (snapshot.path / TOMBSTONES).read_text("utf-8") if (snapshot.path / TOMBSTONES).is_file() else ""
    write_bytes(staged / TOMBSTONES, (before + "".join(line + "\n" for line in lines)).encode())
    _say(snapshot, staged, to, receipt, now)
    for name in STAYS:
        if (snapshot.path / name).is_file():
            write_bytes(staged / name, (snapshot.path / name).read_bytes())
    seal(staged, {})
    new = [p.relative_to(staged).as_posix() for p in sorted(staged.rglob("*")) if p.is_file()]
    moves = [Step("move", staged / name, snapshot.path / name) for name in new]
    removes = [Step("remove", snapshot.path / name) for name in _goes(snapshot.path, set(new))]
    return Buried((*moves, *removes), leaves)


def _goes(folder: Path, new: set[str]) -> list[str]:
    """What its manifest names and does not stay; a folder of nothing else as a whole. What others put there is not ours."""
    lines = (folder / MANIFEST).read_text("utf-8").splitlines()
    old = {line.partition("  ")[2] for line in lines if not line.startswith("#")} - new
    old = {name for name in old if not name.startswith("/") and ".." not in Path(name).parts}
    there = {p.relative_to(folder).as_posix() for p in files(folder)}
    folders = {name.partition("/")[0] for name in old if "/" in name}
    whole = {f for f in folders if all(name in old for name in there if name.startswith(f + "/"))}
    return sorted(whole | {name for name in old & there if name.partition("/")[0] not in whole})


def _say(snapshot: Snapshot, staged: Path, to: Successor | None, receipt: str, now: str) -> None:
    """withdrawn.json, and the same for a reader."""
    if to is not None:
        facts: dict[str, Any] = {
            "tamis_withdrawn": 1,
            "snapshot": snapshot.id,
            "ref": snapshot.ref,
            "superseded_by": {"snapshot": to.id, "ref": to.ref},
            "withdrawn": now,
            "receipts": [receipt],
        }
    else:
        facts = _said(snapshot.path)
        facts["receipts"].append(receipt)
    write_json(staged / WITHDRAWN, facts)
    ref = facts["superseded_by"]["ref"]
    says = (
        f"# {snapshot.ref} is withdrawn, superseded by {ref}\n\n"
        "Records were erased from it. Its data is gone; what is left computes its Merkle root, with a tombstone for each record\n"
        f"that was erased. `tamis verify` checks that; the data without those records is {ref}.\n"
    )
    write_bytes(staged / "README.md", says.encode())


def words(folder: Path) -> str:
    """What to tell a reader of it."""
    said, table = _said(folder), Snapshot(folder).leaves()
    return (
        f"withdrawn on {said['withdrawn'][:10]}, superseded by {said['superseded_by']['ref']}: "
        f"{table.column('record_id').null_count:,} of {len(table):,} leaves are tombstones, the root is what it was"
    )


def _said(folder: Path) -> dict[str, Any]:
    """withdrawn.json. Raises InputError."""
    try:
        said: dict[str, Any] = json.loads(plain(folder / WITHDRAWN).read_bytes())
        texts = [said["snapshot"], said["withdrawn"], *(said["superseded_by"][name] for name in ("snapshot", "ref"))]
        if all(isinstance(text, str) for text in texts) and isinstance(said["receipts"], list):
            return said
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as damage:
        raise InputError(
            f"{folder / WITHDRAWN} cannot be read ({damage!r:.80}); it was written by another hand"
        ) from damage
    raise InputError(
        f"{folder / WITHDRAWN} does not say what took the place of the snapshot; it was written by another hand"
    )


def check(folder: Path, store: Store | None) -> list[Finding]:
    """What is wrong with the rest of a withdrawn version; empty where nothing is. Its files are checked elsewhere.

    The root is computed from the leaves, and leaves that are no tombstones are held against the version that took its place.
    """
    snapshot = Snapshot(folder)
    table, facts = snapshot.leaves(), snapshot.facts
    leaves = fixed(table.column("leaf"), 32)
    found = []
    if len(table) != facts["content"]["leaves"] or root(leaves) != snapshot.root:
        found.append(Finding("leaves.parquet", "does not give the root of snapshot.json"))
    said = _said(folder)
    if said["snapshot"] != snapshot.id:
        found.append(Finding("snapshot.json", f"has the id {snapshot.id}, {WITHDRAWN} names {said['snapshot']}"))
    entry = store.entry(snapshot.id) if store else None
    if entry is not None and entry.superseded != said["superseded_by"]["snapshot"]:
        found.append(Finding(WITHDRAWN, "was added: the store knows of no erasure that withdrew this snapshot"))
    is_null = table.column("record_id").is_null().to_numpy(zero_copy_only=False)
    if not np.array_equal(is_null, table.column("salt").is_null().to_numpy(zero_copy_only=False)):
        found.append(Finding("leaves.parquet", "has a record without its salt, or a salt without its record"))
    try:
        lines = [json.loads(line) for line in plain(folder / TOMBSTONES).read_text("utf-8").splitlines()]
        wanted = sorted((int(line["position"]), str(line["leaf"])) for line in lines)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as damage:
        return [*found, Finding(TOMBSTONES, f"cannot be read: {damage!r:.80}")]
    if wanted != [(p, leaves[p].tobytes().hex()) for p in np.flatnonzero(is_null).tolist()]:
        found.append(Finding(TOMBSTONES, "does not name the leaves that have no record any more"))
    return found + _against(table.filter(pa.array(~is_null)), said["superseded_by"], store)


def vouched(folder: Path, id: str, key: Path | str) -> list[Finding]:
    """Whether the signature of a withdrawn version holds: that it was made for this id, with the other half of `key`."""
    from tamis.snapshot.envelope import subjects
    from tamis.snapshot.sign import opened

    path = folder / SIGNATURE
    if not path.is_file():
        return [Finding(SIGNATURE, "is missing: the snapshot is not signed")]
    try:
        payload, _ = opened(path.read_bytes(), key)
        named = subjects(payload)
    except InputError as wrong:
        return [Finding(SIGNATURE, str(wrong))]
    if named.get("snapshot.json") != id.removeprefix("sha256:"):
        return [Finding(SIGNATURE, "was made for another snapshot.json")]
    return []


def _against(table: pa.Table, to: dict[str, str], store: Store | None) -> list[Finding]:
    """Leaves of records that were not erased, beside those of the version that has them."""
    entry = store.living(to["snapshot"]) if store else None
    if entry is None:
        return [
            Finding(
                WITHDRAWN, f"names {to['ref']} in its place, which is not in the store: its records cannot be checked"
            )
        ]
    import polars as pl

    successor = Snapshot(entry.path)
    mine, theirs = pl.DataFrame(table), pl.DataFrame(successor.leaves())
    missing = mine.join(theirs, on=["record_id", "salt", "leaf"], how="anti")
    if len(missing):
        first = missing.get_column("record_id")[0].hex()
        return [
            Finding(
                "leaves.parquet",
                f"has {len(missing):,} leaves that {successor.ref} has not, the first of record {first}",
            )
        ]
    return []


def digest(leaves: Sequence[np.ndarray]) -> str:
    """One number for the leaves that have become tombstones, in whatever snapshots: sha256 over them, sorted, each once."""
    every = {leaf.tobytes() for some in leaves for leaf in some}
    return f"sha256:{hashlib.sha256(b''.join(sorted(every))).hexdigest()}"
