"""Desks: the rounds of a corpus stage, carried out as recorded tasks over files, or at once in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.data import Fragment, Reading
from tamis.desk import KeyRange, Order, key_ranges, marked, marks
from tamis.engine.arrow import Size, within
from tamis.engine.earlier import Earlier, rows_of_earlier
from tamis.engine.exchange import RESOLVED, Exchanged, Fates, InFragments, bases_of, in_order, meet
from tamis.engine.isolate import carry_out
from tamis.engine.left import left, picked, rows_left
from tamis.engine.merge import Merged, MergeTask, merging, run_merge, wanted
from tamis.engine.plan import Plan
from tamis.engine.work import Work
from tamis.ledger import KEPT
from tamis.schemas.rows import RECORD_ID
from tamis.stage import Corpus

SHARE = 64 << 20
"""Bytes of memory a task of an exchange takes, unless a budget says otherwise."""

Runner = Callable[[str, Callable[[Any], dict[str, Any]], "Sequence[RoundTask | MergeTask]"], None]
"""Carries out tasks: what to call it, the function, its arguments."""


def round_group(step: int, name: str) -> str:
    """Where the tasks of round `name` of `step` lie."""
    return f"step{step}-{name}"


@dataclass(frozen=True)
class FileDesk:
    """A desk over the work folder of a run. See tamis.desk.Desk."""

    work: Work
    plan: Plan
    step: int
    corpus: Corpus
    segment: int
    """The segment whose sketches are settled."""
    fates: Fates
    parts: Sequence[Fragment]
    reading: Reading
    share: int = SHARE
    before: tuple[Earlier, ...] = ()
    bases: np.ndarray = field(default_factory=lambda: np.zeros(1, np.int64))
    counts: dict[str, int] = field(default_factory=dict)
    """Tasks of the rounds that are done."""
    merged: dict[str, Merged] = field(default_factory=dict)
    """Parts of which bundles of fragments were merged."""
    runner: Runner | None = field(default=None, repr=False, compare=False)

    @property
    def earlier(self) -> int:
        """Fragments of earlier corpora."""
        return len(self.before)

    def group(self, name: str) -> str:
        """Where the tasks of round `name` lie."""
        return round_group(self.step, name)

    def run(self, name: str, items: Iterable[Any], method: str | None = None) -> int:
        """Carry out a round."""
        assert self.runner is not None, "a task cannot begin a round of its own"
        desk = replace(self, runner=None)
        tasks = [RoundTask(desk, name, k, item, method or name) for k, item in enumerate(items)]
        self.runner(f"{self.corpus.name}: {name}", run_round, tasks)
        self.counts[name] = len(tasks)
        return len(tasks)

    def table(self, name: str, number: int, part: str | None = None) -> pa.Table:
        """A table of a round."""
        return self.work.table(self.group(name), number, part or name)

    def between(
        self, name: str, number: int, low: int, high: int, key: str = "key", part: str | None = None
    ) -> pa.Table:
        """Rows of one."""
        return self.work.between(self.group(name), number, part or name, low, high, key)

    def size(self, name: str, number: int, part: str | None = None) -> Size:
        """Rows and bytes of one."""
        return self.work.size(self.group(name), number, part or name)

    def count(self, name: str) -> int:
        """Tasks of a round."""
        return self.counts.get(name, 0)

    def sketch(self, fragment: int, part: str = "sketch") -> pa.Table:
        """A table made of the sketches of a fragment."""
        return self.work.table(*self._place(fragment), part)

    def _place(self, fragment: int) -> tuple[object, int]:
        """Group and number of the task that made the sketches of a fragment."""
        if fragment < self.earlier:
            return self.group("earlier"), fragment
        return self.segment, fragment - self.earlier

    def _entries(self, part: str, among: range | None = None) -> InFragments:
        fragments = range(len(self.bases) - 1) if among is None else among
        places = [self._place(fragment) for fragment in fragments]
        return InFragments(part, places, self.bases[fragments.start : fragments.stop])

    def alive(self, fragment: int) -> np.ndarray:
        """Records that are still in."""
        if fragment < self.earlier:
            return np.ones(int(self.bases[fragment + 1] - self.bases[fragment]), bool)
        alive: np.ndarray = self.fates.of(fragment - self.earlier)[0] == KEPT
        return alive

    def rows(self, fragment: int, wanted: np.ndarray) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
        """Records of a fragment, read again."""
        if fragment < self.earlier:
            return rows_of_earlier(self.before[fragment], wanted)
        number = fragment - self.earlier
        where = left(self.plan, self.fates, number, self.segment, wanted)
        return rows_left(self.work, number, self.parts[number], self.reading, where)

    def ranges(self, part: str = "sketch", entry_bytes: int = 256) -> list[KeyRange]:
        """Key ranges of `part`."""
        fragments = len(self.bases) - 1
        entries = sum(self.work.size(*self._place(fragment), part).rows for fragment in range(fragments))
        cuts = key_ranges(entries, entry_bytes, self.share)
        if self.runner is not None and part not in self.merged and wanted(fragments, len(cuts)):
            _, places, bases = self._entries(part)
            merged, tasks = merging(self.work, self.group(f"{part}-merged"), part, places, bases, len(cuts))
            self.runner(f"{self.corpus.name}: merging {part}", run_merge, tasks)
            self.merged[part] = merged
        return cuts

    def meet(
        self,
        keys: KeyRange,
        part: str = "sketch",
        by: Order = "ordinal",
        without: np.ndarray | None = None,
        among: range | None = None,
    ) -> pa.Table:
        """Entries of `part` in a key range."""
        whole = self.merged.get(part) if among is None else None
        entries = whole or self._entries(part, among)
        met = in_order(entries.tables(self.work, keys), by, without)
        ordinal = met.column("ordinal").to_numpy()
        alive = np.ones(len(ordinal), bool)
        if "alive" in met.schema.names:
            alive = met.column("alive").to_numpy(zero_copy_only=False).copy()
            met = met.drop_columns("alive")
        for done in self.fates.exchanges:
            ours = ordinal >= np.uint64(self.bases[self.earlier])
            own = ordinal[ours] - np.uint64(self.bases[self.earlier])
            alive[ours] &= ~marked(_gone(self.work, self.work.begun, done, int(self.fates.bases[-1])), own)
        return met if alive.all() else met.filter(pa.array(alive)).combine_chunks()

    def record_ids(self, ordinals: np.ndarray) -> pa.Array:
        """Ids of the records at `ordinals` (n,), in any order."""
        found: list[Any] = []
        order = np.argsort(ordinals, kind="stable")
        cuts = np.searchsorted(ordinals[order], self.bases)
        for fragment in np.flatnonzero(np.diff(cuts)).tolist():
            rows = ordinals[order[cuts[fragment] : cuts[fragment + 1]]].astype(np.int64) - self.bases[fragment]
            found.append(self._ids(fragment).take(pa.array(rows)))
        ids = pa.concat_arrays(found) if found else pa.nulls(0, RECORD_ID)
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return ids.take(pa.array(back))

    def _ids(self, fragment: int) -> pa.Array:
        if fragment < self.earlier:
            return self.work.table(self.group("earlier"), fragment, "ids").column("record_id").combine_chunks()
        number = fragment - self.earlier
        index = self.work.table(self.fates.first(number), number, "index", ["record_id"])
        return index.column("record_id").combine_chunks()


@lru_cache(8)
def _gone(work: Work, begun: tuple[int, int], done: Exchanged, count: int) -> np.ndarray:
    """A bit for every record, set for those that an exchange let go. `begun`: another run may be in this folder later."""
    tables = (work.table(done.group, k, "resolved", ["ordinal"]) for k in range(done.tables))
    return marks(count, (table.column("ordinal").to_numpy() for table in tables))


class RoundTask(NamedTuple):
    """One task of a round."""

    desk: FileDesk
    name: str
    number: int
    item: Any
    method: str

    @property
    def processes(self) -> bool:
        """Whether the stage wants processes of its own."""
        return self.desk.corpus.holds_gil


def run_round(task: RoundTask) -> dict[str, Any]:
    """Carry out one task of a round, unless it is done; return its completion record."""
    desk, group = task.desk, task.desk.group(task.name)
    if (done := desk.work.done(group, task.number)) is not None:
        return done
    found = carry_out(desk.corpus, task.method, desk, task.number, task.item)
    if task.name == "resolved":
        found = {"resolved": _resolved(found["resolved"], desk)}
    return desk.work.finish_tables(group, task.number, found, {})


def _resolved(found: pa.Table, desk: FileDesk) -> pa.Table:
    """RESOLVED rows of RESOLUTION rows."""
    ordinal = found.column("ordinal").to_numpy()
    columns = [
        pa.array(ordinal - np.uint64(desk.bases[desk.earlier])),
        desk.record_ids(ordinal),
        found.column("rule").cast(pa.string()),
        *(found.column(name) for name in ("value", "peer_id", "evidence")),
    ]
    return pa.table(columns, schema=RESOLVED)


@dataclass
class MemoryDesk:
    """A desk over one table in memory. See tamis.desk.Desk."""

    corpus: Corpus
    parts: list[dict[str, pa.Table]]
    """What `Corpus.index` made of each fragment: those of earlier corpora, then the table."""
    ids: list[pa.Array]
    batches: Sequence[pa.RecordBatch]
    """The rows of the table, as the stage reads them."""
    before: Sequence[Earlier] = ()
    share: int = 1 << 40
    rounds: dict[str, list[dict[str, pa.Table]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bases = bases_of([len(ids) for ids in self.ids])

    @property
    def earlier(self) -> int:
        """Fragments of earlier corpora."""
        return len(self.before)

    def run(self, name: str, items: Iterable[Any], method: str | None = None) -> int:
        """Carry out a round."""
        self.rounds[name] = [carry_out(self.corpus, method or name, self, k, item) for k, item in enumerate(items)]
        return len(self.rounds[name])

    def table(self, name: str, number: int, part: str | None = None) -> pa.Table:
        """A table of a round."""
        return self.rounds[name][number][part or name]

    def between(
        self, name: str, number: int, low: int, high: int, key: str = "key", part: str | None = None
    ) -> pa.Table:
        """Rows of one."""
        return within(self.table(name, number, part), low, high, key)

    def size(self, name: str, number: int, part: str | None = None) -> Size:
        """Rows and bytes of one."""
        table = self.table(name, number, part)
        return Size(table.num_rows, table.nbytes)

    def count(self, name: str) -> int:
        """Tasks of a round."""
        return len(self.rounds.get(name, ()))

    def sketch(self, fragment: int, part: str = "sketch") -> pa.Table:
        """A table made of the sketches of a fragment."""
        return self.parts[fragment][part]

    def alive(self, fragment: int) -> np.ndarray:
        """All records are in."""
        return np.ones(len(self.ids[fragment]), bool)

    def rows(self, fragment: int, wanted: np.ndarray) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
        """Records of a fragment."""
        if fragment < self.earlier:
            return rows_of_earlier(self.before[fragment], wanted)
        return picked(self.batches, wanted)

    def ranges(self, part: str = "sketch", entry_bytes: int = 256) -> list[KeyRange]:
        """One range."""
        return key_ranges(sum(parts[part].num_rows for parts in self.parts), entry_bytes, self.share)

    def meet(
        self,
        keys: KeyRange,
        part: str = "sketch",
        by: Order = "ordinal",
        without: np.ndarray | None = None,
        among: range | None = None,
    ) -> pa.Table:
        """Entries of `part` in a key range."""
        here = slice(None) if among is None else slice(among.start, among.stop)
        met = meet((within(parts[part], *keys) for parts in self.parts[here]), self.bases[here], by, without)
        return met.drop_columns("alive") if "alive" in met.schema.names else met

    def record_ids(self, ordinals: np.ndarray) -> pa.Array:
        """Ids of the records at `ordinals`."""
        return pa.concat_arrays(self.ids).take(pa.array(ordinals.astype(np.int64)))
