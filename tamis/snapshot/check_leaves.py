"""Every record of a snapshot held against its leaf, and the leaves against their root."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.data.parquet import UNREADABLE, one_line, open_file
from tamis.runs import Finding
from tamis.snapshot.canonical import Room, canonical
from tamis.snapshot.folder import Snapshot, reading
from tamis.snapshot.leaves import LEAD, fixed, leaves_of, numbers, places, root
from tamis.snapshot.tables import LEAVES

NAMED = 5
"""Records of a file that are named; of the rest, how many."""

BATCH = 2048
"""Rows that are hashed at a time: their bytes stay in the processor's cache."""

THREADS = 2

SURPLUS = 10_000
"""Rows more than there are leaves that are looked at: a small file can say that it has any number of them."""


@dataclass
class Checked:
    """What was found. records: rows that were read."""

    findings: list[Finding] = field(default_factory=list)
    records: int = 0


class _Stored(NamedTuple):
    """Leaves as they are stored, without tombstones, by record_id."""

    ids: np.ndarray
    salts: np.ndarray
    leaves: np.ndarray


class _Part(NamedTuple):
    """A data file: where its records are among the leaves (-1: nowhere), and which are not what their leaf says."""

    places: np.ndarray
    strange: list[bytes]
    changed: list[bytes]
    damage: str | None


def check_leaves(snapshot: Snapshot, on_progress: Callable[[int], None] | None = None) -> Checked:
    """Hold every record against its leaf. Raises what reading leaves.parquet raises."""
    content, found = snapshot.facts["content"], Checked()
    if (there := _rows(snapshot.path / "leaves.parquet")) > content["leaves"]:
        # A small file can say that it has more rows than there is memory for.
        found.findings.append(Finding("leaves.parquet", f"has {there:,} leaves, there were {content['leaves']:,}"))
        return found
    ids, salts, leaves = (_column(snapshot, name) for name in LEAVES.names)
    if len(ids) != content["leaves"]:
        found.findings.append(Finding("leaves.parquet", f"has {len(ids):,} leaves, there were {content['leaves']:,}"))
    if (computed := root(fixed(leaves, 32)).hex()) != content["root"]:
        found.findings.append(Finding("leaves.parquet", f"has the root {computed}, it was {content['root']}"))
    stored = _stored(pa.table([ids, salts, leaves], schema=LEAVES), found)
    del ids, salts, leaves  # 64 bytes a record, which are in `stored`
    seen = np.zeros(len(stored.ids), np.uint8)
    with ThreadPoolExecutor(THREADS) as pool:
        for path, part in zip(snapshot.parts(), pool.map(lambda p: _part(p, stored), snapshot.parts()), strict=True):
            _tell(found, path, part)
            here, times = np.unique(part.places[part.places >= 0], return_counts=True)
            seen[here] = np.minimum(seen[here] + times, 2)
            found.records += len(part.places)
            if on_progress:
                on_progress(found.records)
    for what, which in (("is missing from data/", seen == 0), ("is more than once in data/", seen > 1)):
        ids = [_bytes(pair) for pair in stored.ids[which][:NAMED]]
        found.findings += _named("leaves.parquet", what, ids, int(which.sum()))
    _count(found, snapshot)
    return found


def _column(snapshot: Snapshot, name: str) -> pa.ChunkedArray:
    """A column of leaves.parquet, read on its own: of all at once there would be another copy."""
    path = snapshot.path / "leaves.parquet"
    with reading(path), open_file(path) as file:
        return file.read([name], use_threads=False).column(name).cast(LEAVES.field(name).type)


def _rows(path: Path) -> int:
    with reading(path):
        return int(pq.read_metadata(path).num_rows)


def _stored(table: pa.Table, found: Checked) -> _Stored:
    """The leaves that have a record, in the order of their ids, which must be that of the table."""
    whole = table.column("record_id").null_count == 0
    alive = table if whole else table.filter(table.column("record_id").is_valid())
    ids = numbers(fixed(alive.column("record_id"), 16))
    follows = (ids[1:, 0] > ids[:-1, 0]) | ((ids[1:, 0] == ids[:-1, 0]) & (ids[1:, 1] > ids[:-1, 1]))
    if not follows.all():
        found.findings.append(Finding("leaves.parquet", "is not in the order of its record ids"))
        order = np.lexsort((ids[:, 1], ids[:, 0]))
        ids, alive = ids[order], alive.take(pa.array(order))
    if alive.column("salt").null_count:
        found.findings.append(Finding("leaves.parquet", "has a record without a salt"))
    return _Stored(ids, fixed(alive.column("salt"), 16), fixed(alive.column("leaf"), 32))


def _part(path: Path, stored: _Stored) -> _Part:
    found: list[np.ndarray] = []
    strange: list[bytes] = []
    changed: list[bytes] = []
    damage, read = None, 0
    room = Room()
    try:
        with open_file(path) as file:
            for batch in file.iter_batches(BATCH, use_threads=False):
                ids = fixed(batch.column("record_id").cast(pa.binary(16)), 16)
                at = places(stored.ids, numbers(ids))
                found.append(at)
                read += len(at)
                if read > len(stored.ids) + SURPLUS:
                    damage = f"it has {file.metadata.num_rows:,} rows, more than there are leaves"
                    break
                records = canonical(batch, LEAD, room)
                salts = stored.salts[at] if len(stored.ids) else np.zeros((len(ids), 16), np.uint8)
                leaves = leaves_of(records, salts)
                known = at >= 0
                differs = known.copy()
                differs[known] = (leaves[known] != stored.leaves[at[known]]).any(axis=1)
                changed += [ids[k].tobytes() for k in np.flatnonzero(differs).tolist()]
                strange += [ids[k].tobytes() for k in np.flatnonzero(~known).tolist()]
    except (*UNREADABLE, KeyError) as error:
        damage = one_line(error)
    return _Part(np.concatenate(found) if found else np.empty(0, np.int64), strange, changed, damage)


def _tell(found: Checked, path: Path, part: _Part) -> None:
    name = f"data/{path.name}"
    if part.damage is not None:
        found.findings.append(Finding(name, f"breaks off after {len(part.places):,} records: {part.damage}"))
    found.findings += _named(name, "is not what was frozen", part.changed[:NAMED], len(part.changed))
    found.findings += _named(name, "was added: it has no leaf", part.strange[:NAMED], len(part.strange))


def _named(file: str, what: str, ids: list[bytes], total: int) -> list[Finding]:
    told = [Finding(file, f"record {id.hex()} {what}") for id in ids]
    if total > len(ids):
        told.append(Finding(file, f"and {total - len(ids):,} more: a record {what}"))
    return told


def _count(found: Checked, snapshot: Snapshot) -> None:
    """Rows of each split, by the footers of its files."""
    for split, wanted in snapshot.splits.items():
        try:
            rows = 0
            for path in snapshot.parts(split):
                with open_file(path) as file:
                    rows += file.metadata.num_rows
        except UNREADABLE:
            continue  # told already
        if rows != wanted:
            found.findings.append(Finding(f"data/{split}-*", f"has {rows:,} rows, there were {wanted:,}"))


def _bytes(pair: np.ndarray) -> bytes:
    raw: bytes = pair.astype(">u8").tobytes()
    return raw
