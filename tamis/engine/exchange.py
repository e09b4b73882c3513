"""Who meets whom: keys of all fragments, a range at a time, and what was resolved about them.

Each fragment leaves its keys sorted. A partition is a range of the first byte of the key: it is read from every fragment,
resolved in memory, and written in the order of the input. How many partitions there are changes nothing but memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.engine.isolate import resolve
from tamis.engine.work import Work, write_arrow
from tamis.ledger import DROPPED, DUPLICATE_ID, KEPT, QUARANTINED, halves, sort_keys
from tamis.schemas.rows import RECORD_ID
from tamis.stage import Corpus

RESOLVED = pa.schema(
    [
        pa.field("ordinal", pa.uint64(), False),
        pa.field("record_id", RECORD_ID, False),
        pa.field("rule", pa.string(), False),
        pa.field("value", pa.float32()),
        pa.field("peer_id", RECORD_ID),
    ]
)
"""What was resolved about a record, by its place in the whole input. For a repeated id, `peer_id` is its new one."""

ROWS_PER_PARTITION = 1 << 17
IDS = "ids"


class ResolveTask(NamedTuple):
    """One partition of one exchange."""

    work: Work
    group: str
    number: int
    partitions: int
    bases: np.ndarray
    """(fragments + 1,) ordinal of the first record of each fragment."""
    segment: int
    corpus: Corpus | None
    """None: look for repeated record ids."""
    earlier: tuple[tuple[str, int], ...] = ()
    """Exchanges whose answers count already: group and partitions."""


def partitions_for(rows: int) -> int:
    """How many partitions an exchange of `rows` keys is cut into: a power of two, at most 256."""
    return min(256, 1 << max(0, (rows - 1) // ROWS_PER_PARTITION).bit_length())


def run_resolve(task: ResolveTask) -> dict[str, Any]:
    """Resolve one partition, unless it is done; return its completion record."""
    if (done := task.work.done(task.group, task.number)) is not None:
        return done
    met = _meet(task)
    found = _repeated(met) if task.corpus is None else _resolved(task, task.corpus, met)
    found = found.sort_by("ordinal")
    path = write_arrow(task.work.temporary(task.group, task.number, "resolved"), found)
    return task.work.finish(task.group, task.number, {"resolved": path}, {"resolved": found.num_rows})


def _meet(task: ResolveTask) -> pa.Table:
    """All keys of the partition, in input order."""
    part = "ids" if task.corpus is None else "sketch"
    low, high = task.number * 2**64 // task.partitions, (task.number + 1) * 2**64 // task.partitions - 1
    tables = []
    for fragment in range(len(task.bases) - 1):
        table = task.work.table(task.segment, fragment, part)
        first = sort_keys(table.column("key"))
        lo, hi = np.searchsorted(first, np.uint64(low), "left"), np.searchsorted(first, np.uint64(high), "right")
        table = table.slice(lo, hi - lo)
        ordinal = table.column("row").to_numpy().astype(np.uint64) + np.uint64(task.bases[fragment])
        tables.append(table.drop_columns("row").add_column(0, "ordinal", pa.array(ordinal)))
    return pa.concat_tables(tables).sort_by("ordinal").combine_chunks()


def _repeated(met: pa.Table) -> pa.Table:
    """Records whose id an earlier one has, each with a new id: sha256 over the id and how often it came before."""
    keys, ordinal = halves(met.column("key")), met.column("ordinal").to_numpy()
    order = np.lexsort((ordinal, keys[:, 1], keys[:, 0]))
    same = np.zeros(len(order), bool)
    same[1:] = (keys[order[1:]] == keys[order[:-1]]).all(axis=1)
    times = np.arange(len(order)) - np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))
    at = pa.array(order[same])
    ids = met.column("key").combine_chunks().take(at)
    return pa.table(
        [
            met.column("ordinal").take(at),
            ids,
            pa.array([DUPLICATE_ID] * len(at), pa.string()),
            pa.array(times[same].astype(np.float32)),
            _renamed(ids, times[same]),
        ],
        schema=RESOLVED,
    )


def _renamed(ids: pa.Array, times: np.ndarray) -> pa.Array:
    """New ids for repeated ones. Repeated ids are few: a Python loop is fine."""
    import hashlib

    pairs = zip(ids.to_pylist(), times.tolist(), strict=True)
    return pa.array([hashlib.sha256(b"%b#%d" % (old, n)).digest()[:16] for old, n in pairs], RECORD_ID)


def _resolved(task: ResolveTask, corpus: Corpus, met: pa.Table) -> pa.Table:
    alive = met.column("alive").to_numpy(zero_copy_only=False)
    ordinal = met.column("ordinal").to_numpy()
    for group, partitions in task.earlier:
        for p in range(partitions):
            gone = task.work.table(group, p, "resolved").column("ordinal").to_numpy()
            if gone.size:
                alive = alive & ~np.isin(ordinal, gone, assume_unique=True)
    met = met.filter(pa.array(alive)).drop_columns("alive").combine_chunks()
    found = resolve(corpus, met)
    place = np.searchsorted(met.column("ordinal").to_numpy(), found.column("ordinal").to_numpy())
    columns = [
        found.column("ordinal"),
        met.column("record_id").take(pa.array(place)),
        found.column("rule").cast(pa.string()),
        found.column("value"),
        found.column("peer_id"),
    ]
    return pa.table(columns, schema=RESOLVED)


class Fates:
    """What is known of every record so far, a fragment at a time."""

    def __init__(self, work: Work, bases: np.ndarray) -> None:
        self.work, self.bases = work, bases
        self.told: list[tuple[str | int, int, int, int]] = []
        """In order: a segment, or an exchange with its partitions, its step and the fate of those it found."""

    def add_segment(self, number: int) -> None:
        """Segment `number` is done."""
        self.told.append((number, 0, 0, 0))

    def add_exchange(self, group: str, partitions: int, step: int, fate: int = DROPPED) -> None:
        """The exchange of `step` is done; the records it found have `fate`."""
        self.told.append((group, partitions, step, fate))

    @property
    def exchanges(self) -> tuple[tuple[str, int], ...]:
        """Groups and partitions of the exchanges so far."""
        return tuple((group, n) for group, n, _, _ in self.told if isinstance(group, str))

    def in_after(self, segment: int, fragment: int) -> np.ndarray:
        """Places of the records of `fragment` that were in at the end of `segment`: (k,) int64, ascending."""
        told = next(k for k, (group, *_) in enumerate(self.told) if group == segment)
        return np.flatnonzero(self.of(fragment, told + 1)[0] == KEPT)

    def of(self, fragment: int, told: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Fate (n,) and step (n,), uint8, of the records of `fragment`, after the first `told` of what is known."""
        total = int(self.bases[fragment + 1] - self.bases[fragment])
        fate, step = np.zeros(total, np.uint8), np.zeros(total, np.uint8)
        for group, partitions, at, becomes in self.told[:told]:
            if isinstance(group, int):
                table = self.work.table(group, fragment, "fates")
                here = table.column("fate").to_numpy()
                new = (here != KEPT) & (fate == KEPT)
                fate[new], step[new] = here[new], table.column("step").to_numpy()[new]
            else:
                rows = self.resolved(group, partitions, fragment)[0]
                rows = rows[fate[rows] == KEPT]
                fate[rows], step[rows] = (QUARANTINED if group == IDS else becomes), at
        return fate, step

    def resolved(self, group: str, partitions: int, fragment: int) -> tuple[np.ndarray, pa.Table]:
        """Rows of `fragment` that an exchange found, ascending, and what it found."""
        low, high = (np.uint64(b) for b in self.bases[fragment : fragment + 2])
        tables = []
        for p in range(partitions):
            table = self.work.table(group, p, "resolved")
            lo, hi = np.searchsorted(table.column("ordinal").to_numpy(), [low, high])
            tables.append(table.slice(lo, hi - lo))
        found = pa.concat_tables(tables).sort_by("ordinal") if tables else RESOLVED.empty_table()
        return (found.column("ordinal").to_numpy() - low).astype(np.int64), found

    def renamed(self, fragment: int) -> dict[int, bytes]:
        """New ids of the records of `fragment` whose id an earlier record has."""
        partitions = next((n for group, n, _, _ in self.told if group == IDS), 0)
        rows, found = self.resolved(IDS, partitions, fragment)
        return dict(zip(rows.tolist(), found.column("peer_id").to_pylist(), strict=True)) if rows.size else {}


def ranges(rows: Sequence[int]) -> np.ndarray:
    """(n + 1,) int64: where each of n fragments begins among all records, and their number."""
    return np.concatenate([[0], np.cumsum(np.asarray(rows, np.int64))]).astype(np.int64)
