"""Repeated record ids, and what is known of every record so far.

Each fragment leaves its keys sorted. A partition is a range of the first 8 bytes of the key: it is read from every fragment,
resolved in memory, and written in the order of the input. How many partitions there are changes nothing but memory.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from tamis.desk import KeyRange, Order, marked
from tamis.engine.work import Work
from tamis.kernels.radix import ordered
from tamis.ledger import DROPPED, DUPLICATE_ID, KEPT, QUARANTINED
from tamis.schemas.ids import halves, sort_keys
from tamis.schemas.rows import RECORD_ID

RESOLVED = pa.schema(
    [
        pa.field("ordinal", pa.uint64(), False),
        pa.field("record_id", RECORD_ID, False),
        pa.field("rule", pa.string(), False),
        pa.field("value", pa.float32()),
        pa.field("peer_id", RECORD_ID),
        pa.field("evidence", pa.string()),
    ]
)
"""What was resolved about a record, by its place in the whole input. For a repeated id, `peer_id` is its new one."""

IDS = "ids"
ID_BYTES = 256
"""Memory that looking for repeated ids takes for each."""


def placed(tables: Iterable[pa.Table], bases: np.ndarray) -> Iterator[pa.Table]:
    """`tables` of one fragment each, whose first ordinals are `bases`, with `ordinal` in place of `row`."""
    for base, table in zip(bases, tables, strict=False):
        ordinal = table.column("row").to_numpy().astype(np.uint64) + np.uint64(base)
        yield table.drop_columns("row").add_column(0, "ordinal", pa.array(ordinal))


def in_order(tables: Iterable[pa.Table], by: Order = "ordinal", without: np.ndarray | None = None) -> pa.Table:
    """Entries of all `tables`, each by key and then by ordinal, later ones with later ordinals.

    without   (ceil(n / 8),) uint8: a bit for every record, set for those to leave out
    """
    found = []
    for table in tables:
        if without is not None:
            here = ~marked(without, table.column("ordinal").to_numpy())
            table = table if here.all() else table.filter(pa.array(here))
        found.append(table)
    met = pa.concat_tables(found).combine_chunks()
    # Stable: equal keys stay in input order.
    return met.take(
        pa.array(ordered(sort_keys(met.column("key")) if by == "key" else met.column("ordinal").to_numpy()))
    )


def meet(
    tables: Iterable[pa.Table], bases: np.ndarray, by: Order = "ordinal", without: np.ndarray | None = None
) -> pa.Table:
    """Entries of all `tables` (one for each fragment: a key range of it, by key, then row), in order."""
    return in_order(placed(tables, bases), by, without)


class Entries(Protocol):
    """Where the entries of an exchange lie."""

    def tables(self, work: Work, keys: KeyRange) -> Iterator[pa.Table]:
        """Those of a key range, with their ordinals: later tables have later ones."""
        ...


class InFragments(NamedTuple):
    """Entries as they were left: `part` of the tasks at `places` (group and number), whose first ordinals are `bases`."""

    part: str
    places: Sequence[tuple[object, int]]
    bases: np.ndarray

    def tables(self, work: Work, keys: KeyRange) -> Iterator[pa.Table]:
        """Of every fragment."""
        found = (work.between(group, number, self.part, *keys) for group, number in self.places)
        return placed(found, self.bases)


class IdsTask(NamedTuple):
    """One key range of the search for repeated ids."""

    work: Work
    number: int
    keys: KeyRange
    entries: Entries
    group: str = IDS


def run_ids(task: IdsTask) -> dict[str, Any]:
    """Find the repeated ids of one range, unless that is done; return its completion record."""
    if (done := task.work.done(task.group, task.number)) is not None:
        return done
    found = _repeated(in_order(task.entries.tables(task.work, task.keys), "key")).sort_by("ordinal")
    return task.work.finish_tables(task.group, task.number, {"resolved": found}, {"resolved": found.num_rows})


def _repeated(met: pa.Table) -> pa.Table:
    """Records whose id an earlier one has, each with a new id: sha256 over the id and how often it came before.

    met  entries by the first 8 bytes of `key`
    """
    first = sort_keys(met.column("key"))
    twice = np.zeros(len(first), bool)
    twice[1:] = first[1:] == first[:-1]
    twice[:-1] |= twice[1:]
    met = met.filter(pa.array(twice)).combine_chunks()  # next to nothing, in most inputs
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
            pa.nulls(len(at), pa.string()),
        ],
        schema=RESOLVED,
    )


def _renamed(ids: pa.Array, times: np.ndarray) -> pa.Array:
    """New ids for repeated ones. Repeated ids are few: a Python loop is fine."""
    import hashlib

    pairs = zip(ids.to_pylist(), times.tolist(), strict=True)
    return pa.array([hashlib.sha256(b"%b#%d" % (old, n)).digest()[:16] for old, n in pairs], RECORD_ID)


class Passed(NamedTuple):
    """A segment is done: what its stages decided counts."""

    segment: int


class Exchanged(NamedTuple):
    """An exchange is done: the records that its `tables` of the part "resolved" name have `fate`, from `step` on.

    Each table has records of the whole input. Where there are several, windows of the input were gathered from them
    (tamis.engine.windows): a fragment is looked up in one file, not in all.
    """

    group: str
    tables: int
    step: int
    fate: int = DROPPED
    windows: tuple[int, ...] = (0,)
    """The first ordinal of each window; of none, nothing was resolved."""

    @property
    def gathered(self) -> str:
        """Where the windows lie."""
        return self.group if self.tables == 1 else f"{self.group}-windows"


SEEDS = pa.schema(
    [
        pa.field("ordinal", pa.uint64(), False),
        pa.field("record_id", RECORD_ID, False),
        pa.field("fate", pa.uint8(), False),
        pa.field("action", pa.string(), False),
        pa.field("rule", pa.string(), False),
        pa.field("value", pa.float32()),
        pa.field("evidence", pa.string()),
    ]
)
"""What became of a seed, by its place in the whole input."""


class Derived(NamedTuple):
    """A deriving stage is done: the part "seeds" of `group` says what became of each of its seeds."""

    group: str
    step: int


Told = Passed | Exchanged | Derived


class Fates:
    """What is known of every record so far, a fragment at a time.

    born  for each fragment the segment that its rows were made at the end of; -1: they were read
    """

    def __init__(self, work: Work, bases: np.ndarray, told: Sequence[Told] = (), born: Sequence[int] = ()) -> None:
        self.work, self.bases = work, bases
        self.told = list(told)
        """In the order in which it became known."""
        self.born = tuple(born) or (-1,) * (len(bases) - 1)

    def so_far(self) -> Fates:
        """What is known now, whatever is added later."""
        return Fates(self.work, self.bases, self.told, self.born)

    def add(self, done: Told) -> None:
        """Take in what has become known."""
        self.told.append(done)

    def add_fragments(self, segment: int, rows: Sequence[int]) -> None:
        """Take in fragments of so many rows each, made at the end of `segment`."""
        more = self.bases[-1] + np.cumsum(np.asarray(rows, np.int64))
        self.bases = np.concatenate([self.bases, more]).astype(np.int64)
        self.born = (*self.born, *(segment for _ in rows))

    def first(self, fragment: int) -> int:
        """The segment that tells of a fragment first: its index is there."""
        return max(self.born[fragment], 0)

    @property
    def exchanges(self) -> list[Exchanged]:
        """The exchanges so far."""
        return [done for done in self.told if isinstance(done, Exchanged)]

    def in_after(self, segment: int, fragment: int) -> np.ndarray:
        """Places of the records of `fragment` that were in at the end of `segment`: (k,) int64, ascending."""
        return np.flatnonzero(self.of(fragment, self.told.index(Passed(segment)) + 1)[0] == KEPT)

    def of(self, fragment: int, told: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Fate (n,) and step (n,), uint8, of the records of `fragment`, after the first `told` of what is known."""
        total = int(self.bases[fragment + 1] - self.bases[fragment])
        fate, step = np.zeros(total, np.uint8), np.zeros(total, np.uint8)
        for done in self.told[:told]:
            if isinstance(done, Passed):
                if done.segment < self.born[fragment]:
                    continue
                table = self.work.table(done.segment, fragment, "fates")
                here = table.column("fate").to_numpy()
                new = (here != KEPT) & (fate == KEPT)
                fate[new], step[new] = here[new], table.column("step").to_numpy()[new]
            elif isinstance(done, Derived):
                rows, seeds = self.seeds(done, fragment)
                becomes = seeds.column("fate").to_numpy()
                gone = becomes != KEPT
                fate[rows[gone]], step[rows[gone]] = becomes[gone], done.step
            else:
                rows = self.resolved(done, fragment)[0]
                rows = rows[fate[rows] == KEPT]
                fate[rows], step[rows] = done.fate, done.step
        return fate, step

    @property
    def derivations(self) -> list[Derived]:
        """The deriving stages so far."""
        return [done for done in self.told if isinstance(done, Derived)]

    def seeds(self, done: Derived, fragment: int) -> tuple[np.ndarray, pa.Table]:
        """Rows of `fragment` that were seeds, ascending, and what became of them: SEEDS."""
        low, high = (np.uint64(b) for b in self.bases[fragment : fragment + 2])
        table = self.work.table(done.group, 0, "seeds")
        ordinal = table.column("ordinal").to_numpy()
        lo, hi = np.searchsorted(ordinal, [low, high])
        return (ordinal[lo:hi] - low).astype(np.int64), table.slice(lo, hi - lo)

    def resolved(self, done: Exchanged, fragment: int) -> tuple[np.ndarray, pa.Table]:
        """Rows of `fragment` that an exchange found, ascending, and what it found."""
        low, high = (int(b) for b in self.bases[fragment : fragment + 2])
        first, last = max(0, bisect_right(done.windows, low) - 1), bisect_left(done.windows, high)
        tables = [self.work.between(done.gathered, k, "resolved", low, high - 1, "ordinal") for k in range(first, last)]
        found = pa.concat_tables([RESOLVED.empty_table(), *tables])
        return (found.column("ordinal").to_numpy() - np.uint64(low)).astype(np.int64), found

    def renamed(self, fragment: int) -> dict[int, bytes]:
        """New ids of the records of `fragment` whose id an earlier record has."""
        ids = next((done for done in self.exchanges if done.group == IDS), None)
        if ids is None:
            return {}
        rows, found = self.resolved(ids, fragment)
        return dict(zip(rows.tolist(), found.column("peer_id").to_pylist(), strict=True)) if rows.size else {}


def ids_done(tables: int) -> Exchanged:
    """The search for repeated ids is done."""
    return Exchanged(IDS, tables, 0, QUARANTINED)


def bases_of(rows: Sequence[int]) -> np.ndarray:
    """(n + 1,) int64: where each of n fragments of so many rows begins among all records, and their number."""
    return np.concatenate([[0], np.cumsum(np.asarray(rows, np.int64))]).astype(np.int64)
