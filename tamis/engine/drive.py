"""A plan carried out: passes, exchanges, books, and the files of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from tamis.bench import Bench
from tamis.data import Fragment, InputFile, Reading
from tamis.data.storage.address import Remote
from tamis.desk import key_ranges
from tamis.engine.account import AccountTask, Books, balance, check_attrition, run_account
from tamis.engine.bundles import BundleTask, bundled, run_bundle
from tamis.engine.contents import Emit, scores_of
from tamis.engine.derive import DeriveTask, derived_fragments, group_of, made_already, run_derive
from tamis.engine.desk import SHARE, FileDesk, RoundTask, round_group
from tamis.engine.earlier import Earlier, EarlierTask, of_earlier, run_earlier, see_whole
from tamis.engine.emit import run_emit, tasks
from tamis.engine.exchange import (
    ID_BYTES,
    IDS,
    Derived,
    Entries,
    Exchanged,
    Fates,
    IdsTask,
    InFragments,
    Passed,
    bases_of,
    ids_done,
    run_ids,
)
from tamis.engine.executor import Engine
from tamis.engine.isolate import blamed
from tamis.engine.left import left
from tamis.engine.made import Source
from tamis.engine.merge import MergeTask, merging, run_merge, wanted
from tamis.engine.passes import PassTask, run_pass
from tamis.engine.plan import Plan, Segment
from tamis.engine.segment import Settled
from tamis.engine.unpack import UnpackTask, cut, run_unpack
from tamis.engine.windows import gathering, run_window
from tamis.engine.work import Work
from tamis.errors import InputError, RunError
from tamis.ledger import KEPT, READING, Step
from tamis.stage import Corpus, Derive, Stage

T = TypeVar("T")
R = TypeVar("R")


class Progress(NamedTuple):
    """How far a run is: `done` of `total` tasks, or seeds, of what is going on now; `more` is what a stage tells of itself."""

    what: str
    done: int
    total: int
    rows: int
    more: Mapping[str, Any] = MappingProxyType({})


OnProgress = Callable[[Progress], None]


class Result(NamedTuple):
    """What a run leaves: its books, the files written and what was wrong with the input."""

    books: Books
    rows: dict[str, int]
    files: list[dict[str, Any]]
    fragment_rows: list[int]
    damage: list[tuple[int, str]]
    facts: dict[int, dict[str, Any]]
    """By step: what a stage says of how it went, or of what it measured."""
    varies: dict[int, dict[str, Any]]
    """By step: what a deriving stage says that may be otherwise another time."""
    derived: list[dict[str, Any]]
    """Files of rows made: file, step and rows."""


@dataclass
class Drive:
    """Everything a run needs, and what it has found so far."""

    work: Work
    out: Path
    plan: Plan
    fragments: Sequence[Fragment]
    reading: Reading
    engine: Engine
    max_drop_per_source: float | None = None
    share: int = SHARE
    """Bytes of memory for each task of an exchange."""
    earlier: dict[int, tuple[Earlier, ...]] = field(default_factory=dict)
    """By step: the earlier corpora its stage compares with."""
    bench: Callable[[Path, Decimal], Bench] | None = None
    """Makes the bench of a deriving stage: of its scratch folder, and the money that those before it spent."""
    given: Mapping[int, Source] = field(default_factory=dict)
    """By step: what to take for what a deriving stage makes, instead of asking it."""
    on_progress: OnProgress = lambda _: None
    as_if: int | None = None
    """Bytes of input by which it is told whether processes are worth their start; None: those there are."""
    far: Remote | None = None
    """Where each file of the run is put besides, once it is written."""
    made: list[Fragment] = field(default_factory=list)
    """Fragments of rows that were made."""
    varies: dict[int, dict[str, Any]] = field(default_factory=dict)
    paid: Decimal = Decimal(0)
    compared: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    """By step: what is known of the parts of its earlier corpora."""
    records: list[dict[str, Any]] = field(default_factory=list)
    verdicts: list[int] = field(default_factory=list)
    """How many there are of each fragment."""

    def run(self) -> Result:
        """Carry the plan out; what is done already is not done again."""
        self._read_earlier()
        self._first_pass()
        totals = [record["total"] for record in self.records]
        fates = Fates(self.work, bases_of(totals))
        fates.add(Passed(0))
        self._repeated_ids(fates)
        desk: FileDesk | None = None
        desks: dict[int, FileDesk] = {}
        facts: dict[int, dict[str, Any]] = {}
        for segment in self.plan.segments:
            if segment.number:
                self._later_pass(fates, segment, desk)
                fates.add(Passed(segment.number))
            if segment.corpus:
                step, corpus = segment.corpus
                desk = desks[step] = self._settle(fates, step, corpus, segment)
                facts[step] = {**corpus.facts(desk), **self._of_earlier(desk)}
            if segment.derive:
                facts[segment.derive[0]] = self._derive(fates, segment)
        books = self._books(fates)
        if self.max_drop_per_source is not None:
            labels = {0: READING.label, **{step: stage.label for step, stage in self.plan.steps}}
            check_attrition(books, self.max_drop_per_source, labels)
        emit = self._emitter(fates, desks)
        files = self._emit(emit, books)
        facts |= {step: {**facts.get(step, {}), **told} for step, told in _told(emit).items()}
        rows = balance(books, len(self.plan.steps), _counted(files))
        damage = [(k, str(r["damage"])) for k, r in enumerate(self.records) if r["damage"]]
        return Result(books, rows, files, totals, damage, facts, self.varies, self._made_files(fates))

    def _made_files(self, fates: Fates) -> list[dict[str, Any]]:
        steps = {segment.number: step for segment, step, _ in self.plan.derives}
        rows = np.diff(fates.bases)[len(self.fragments) :].tolist()
        born = fates.born[len(self.fragments) :]
        return [
            {"file": fragment.file.name, "step": steps[number], "rows": n}
            for fragment, number, n in zip(self.made, born, rows, strict=True)
        ]

    @property
    def parts(self) -> tuple[Fragment, ...]:
        """The fragments of the input, then those of what was made."""
        return (*self.fragments, *self.made)

    def unpack(self, files: Sequence[InputFile], size: int) -> None:
        """Unpack the compressed ones of `files` to disk and cut them into fragments of `size` bytes."""
        packed = [file for file in files if file.compression is not None]
        if packed:
            items = (UnpackTask(self.work, k, file, self.reading.max_record) for k, file in enumerate(packed))
            records = self._map("unpacking", run_unpack, items, len(packed))
            self.fragments = tuple(cut(self.work, files, records, size))

    def _map(
        self, what: str, task: Callable[[T], R], items: Iterable[T], total: int, processes: bool = False
    ) -> list[R]:
        """Results of all tasks, in the order of the items, with progress."""
        found: dict[int, R] = {}
        rows = 0
        self.on_progress(Progress(what, 0, total, 0))
        for place, result in self.engine.map(task, items, processes=processes):
            found[place] = result
            rows += result.get("total", 0) if isinstance(result, dict) else 0
            self.on_progress(Progress(what, len(found), total, rows))
        return [found[k] for k in range(len(found))]

    @property
    def _size(self) -> int:
        """Bytes of input."""
        if self.as_if is not None:
            return self.as_if
        return sum({fragment.file.path: fragment.file.bytes for fragment in self.fragments}.values())

    def _first_pass(self) -> None:
        segment = self.plan.segments[0]
        items = (
            PassTask(self.work, self.plan, segment, k, fragment, self.reading)
            for k, fragment in enumerate(self.fragments)
        )
        self.records = self._map(
            _names(segment, "reading"), run_pass, items, len(self.fragments), segment.wants_processes(self._size)
        )

    def _later_pass(self, fates: Fates, segment: Segment, desk: FileDesk | None) -> None:
        items = (self._later_task(fates, segment, k, desk) for k in range(len(self.parts)))
        self._map(_names(segment, "sieving"), run_pass, items, len(self.parts), segment.wants_processes(self._size))

    def _later_task(self, fates: Fates, segment: Segment, k: int, desk: FileDesk | None) -> PassTask:
        total = int(fates.bases[k + 1] - fates.bases[k])
        where = left(self.plan, fates, k, segment.number - 1)
        settled = Settled(desk, int(desk.bases[desk.earlier + k])) if desk and segment.revisit else None
        task = PassTask(self.work, self.plan, segment, k, self.parts[k], self.reading, total, where)
        return task._replace(settled=settled)

    def _repeated_ids(self, fates: Fates) -> None:
        self._resolved(fates, "record ids", ids_done(self._look_for_ids(fates, IDS)))

    def _resolved(self, fates: Fates, what: str, done: Exchanged) -> None:
        """Take in what an exchange resolved, gathered in windows of the input."""
        done, items = gathering(self.work, done, int(fates.bases[-1]), self.share)
        if items:
            self._map(f"{what}: gathering", run_window, items, len(items))
        fates.add(done)

    def _look_for_ids(self, fates: Fates, group: str) -> int:
        """Find repeated ids: the tables "resolved" of `group`. Returns how many there are."""
        cuts = key_ranges(int(fates.bases[-1]), ID_BYTES, self.share)
        places = [(fates.first(k), k) for k in range(len(fates.born))]
        entries: Entries = InFragments("ids", places, fates.bases)
        if wanted(len(places), len(cuts)):
            entries, merges = merging(self.work, f"{group}-merged", "ids", places, fates.bases, len(cuts))
            self._map("record ids: merging", run_merge, merges, len(merges))
        items = (IdsTask(self.work, k, keys, entries, group) for k, keys in enumerate(cuts))
        self._map("record ids", run_ids, items, len(cuts))
        return len(cuts)

    def _derive(self, fates: Fates, segment: Segment) -> dict[str, Any]:
        """Carry out a deriving stage, unless that is done: what it made takes part from here on. Returns what it noted."""
        assert segment.derive is not None
        step, stage = segment.derive
        task = DeriveTask(self.work, self.plan, segment, fates, self.parts, self.reading, self.given.get(step))
        if (record := made_already(task)) is None:
            record = run_derive(task, self._bench(step, stage, _alive(fates)))
        first = len(self.parts)
        self.made += derived_fragments(self.work, step, first, record["fragments"], segment.number)
        fates.add(Derived(task.group, step))
        fates.add_fragments(segment.number, record["fragments"])
        self._none_twice(fates, step, stage, int(fates.bases[first]))
        self.paid += Decimal(record["paid"])
        if record["varies"]:
            self.varies[step] = record["varies"]
        return dict(record["notes"])

    def _bench(self, step: int, stage: Derive, seeds: int) -> Bench:
        scratch = self.work.root / group_of(step) / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        bench = self.bench(scratch, self.paid) if self.bench else Bench(scratch, scratch / "responses.sqlite")

        def tell(progress: Mapping[str, Any]) -> None:
            done, total = int(progress.get("done", 0)), min(seeds, int(progress.get("total", seeds)))
            self.on_progress(Progress(f"deriving: {stage.name}", done, total, 0, progress))

        bench.on_tell = tell
        return bench

    def _none_twice(self, fates: Fates, step: int, stage: Derive, first: int) -> None:
        """Raises RunError where a row made, from the ordinal `first` on, has the id of another record."""
        group = f"{group_of(step)}-ids"
        for k in range(self._look_for_ids(fates, group)):
            found = self.work.table(group, k, "resolved")
            twice = found.filter(pa.array(found.column("ordinal").to_numpy() >= first))
            if twice.num_rows:
                shown = twice.column("record_id")[0].as_py().hex()
                raise RunError(
                    f"{stage.label} made {twice.num_rows:,} rows with ids that others have, {shown} the first: an id is made of "
                    "the stage's name, the ids of the parents and the place among their rows (tamis.schemas.ids.derived_id); "
                    "a stage that goes over the same seeds twice needs another name"
                )

    def _of_earlier(self, desk: FileDesk) -> dict[str, Any]:
        """How much of the earlier corpora the records were held against."""
        if not desk.earlier:
            return {}
        return of_earlier(desk.before, self.compared[desk.step])

    def _read_earlier(self) -> None:
        """Sketch the earlier corpora, before a row moves. Raises InputError where one is damaged or holds nothing to read."""
        stages = dict(self.plan.steps)
        for step, before in self.earlier.items():
            corpus = stages[step]
            assert isinstance(corpus, Corpus)
            group = round_group(step, "earlier")
            items = [EarlierTask(self.work, group, k, corpus, part) for k, part in enumerate(before)]
            compared = self._map(f"{corpus.name}: earlier corpora", run_earlier, items, len(items)) if items else []
            see_whole(before, compared)
            if any(record["unread"][0] for record in compared) and not any(record["total"] for record in compared):
                names = ", ".join(dict.fromkeys(part.fragment.file.name for part in before))
                raise InputError(
                    f"{corpus.label}: no record of the earlier corpora ({names}) could be read as {before[0].reading.kind}; "
                    "name JSON Lines or Parquet with text, a run or a snapshot"
                )
            self.compared[step] = compared

    def _settle(self, fates: Fates, step: int, corpus: Corpus, segment: Segment) -> FileDesk:
        """Let `corpus` settle; the records it resolved to let go are dropped from here on."""
        before = self.earlier.get(step, ())
        desk = FileDesk(
            work=self.work,
            plan=self.plan,
            step=step,
            corpus=corpus,
            segment=segment.number,
            fates=fates.so_far(),
            parts=self.parts,
            reading=self.reading,
            share=self.share,
            before=before,
            runner=self._round,
        )
        first = bases_of([record["total"] for record in self.compared.get(step, ())])
        desk = replace(desk, bases=np.concatenate([first[:-1], first[-1] + fates.bases]))
        with blamed(corpus, "settle"):
            corpus.settle(desk)
        if tables := desk.count("resolved"):
            self._resolved(fates, corpus.name, Exchanged(desk.group("resolved"), tables, step))
        return replace(desk, runner=None)

    def _round(self, what: str, task: Callable[[Any], Any], items: Sequence[RoundTask | MergeTask]) -> None:
        """Carry out the tasks of a round, unless there are none."""
        if items:
            self._map(what, task, items, len(items), items[0].processes)

    def _books(self, fates: Fates) -> Books:
        count = len(self.parts)
        made_at = {segment.number: step for segment, step, _ in self.plan.derives}
        items = (AccountTask(self.work, fates, k, len(self.plan.segments), made_at) for k in range(count))
        books = Books()
        for part in self._map("balancing the books", run_account, items, count):
            books.add(part)
            self.verdicts.append(part.entries.total())
        return books

    def _emitter(self, fates: Fates, desks: dict[int, FileDesk]) -> Emit:
        steps = {0: READING, **{step: Step.of(stage) for step, stage in self.plan.steps}}
        bases = self._line_bases([fragment.file.name for fragment in self.fragments])
        bases = np.concatenate([bases, np.ones(len(self.made), np.int64)])
        cut, count = bundled(self.verdicts, self.share), len(self.plan.segments)
        items = (BundleTask(self.work, fates, k, *between, count, steps) for k, between in enumerate(cut))
        self._map("sorting verdicts", run_bundle, items, len(cut))
        return Emit(
            self.work, self.out, self.plan, fates, self.parts, self.reading, bases, steps, desks, len(cut), self.far
        )

    def _emit(self, emit: Emit, books: Books) -> list[dict[str, Any]]:
        items = list(tasks(emit, books))
        return self._map("writing", run_emit, items, len(items))

    def _line_bases(self, files: Sequence[str]) -> np.ndarray:
        """Line of its file, from 1, on which each fragment begins."""
        bases, seen = np.empty(len(files), np.int64), dict[str, int]()
        for k, (name, record) in enumerate(zip(files, self.records, strict=True)):
            bases[k] = 1 + seen.get(name, 0)
            seen[name] = seen.get(name, 0) + record["lines"]
        return bases


def _told(emit: Emit) -> dict[int, dict[str, Any]]:
    """What stages say of all that they measured, by step."""
    facts = {}
    for step, stage in emit.plan.steps:
        if type(stage).tell is not Stage.tell:
            with blamed(stage, "tell"):
                facts[step] = stage.tell(scores_of(emit, step, stage.scores))
    return facts


def _alive(fates: Fates) -> int:
    """Records that are still in."""
    return sum(int((fates.of(k)[0] == KEPT).sum()) for k in range(len(fates.bases) - 1))


def _names(segment: Segment, verb: str) -> str:
    names = ", ".join(stage.name for _, stage in segment.stages)
    return f"{verb}: {names}" if names else verb


def _counted(files: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Rows in the files written, by what they should equal."""
    rows = {"kept": 0, "quarantined": 0, "derived": 0, "all": 0}
    of = {"data": "kept", "quarantine": "quarantined", "derived": "derived", "fates.parquet": "all"}
    for file in files:
        name = of.get(file["path"].split("/")[0])
        if name:
            rows[name] += file["rows"]
    return rows
