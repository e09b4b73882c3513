"""A deriving stage carried out: its seeds read, what it makes checked, and the rows made stored as further fragments.

The stage runs once, in the driving process. Until its last completion record is written it counts for nothing: a resume
derives again, and what was paid for comes from the cache of answers. What is made becomes

    <segment>/<fragment>.rows …    of each new fragment what a first pass leaves, beside rows: index, ids, fates, scores, …
    derived<step>/000000.seeds     what became of every seed       .lineage   edges       .requests  what was asked
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.bench import Bench, responses_at
from tamis.data import Fragment, InputFile, Reading
from tamis.data.groups import row_bytes
from tamis.engine.declared import are_told, columns_of, have_parents, table_of
from tamis.engine.exchange import SEEDS, Fates
from tamis.engine.isolate import blamed, decide
from tamis.engine.left import fitted, left, rows_left
from tamis.engine.passes import PassTask, Tally, side_files
from tamis.engine.plan import Plan, Segment, Shape, derived
from tamis.engine.segment import Notes, Rows, note, nullable
from tamis.engine.work import Work, write_arrow
from tamis.errors import RunError
from tamis.ledger import DRAFT, DROPPED, KEPT, QUARANTINED, draft
from tamis.schemas import LINEAGE, OUTCOME, REQUEST, Kind, kind_of
from tamis.stage import Derive, Made

PART_ROWS, PART_BYTES = 1 << 16, 64 << 20
"""Rows, or bytes of text, at which a fragment of rows made ends: by the rows alone, for there is a file of each."""

BATCH = 1 << 13
"""Rows of a batch of a fragment of rows made."""

Source = Callable[[Iterator[pa.RecordBatch], Bench], Iterator[Made]]


class DeriveTask(NamedTuple):
    """One deriving stage: the segment it ends, and what is known when it begins."""

    work: Work
    plan: Plan
    segment: Segment
    fates: Fates
    fragments: Sequence[Fragment]
    reading: Reading
    source: Source | None = None
    """What to take for what the stage makes, where that is there already; None: the stage is asked."""

    @property
    def group(self) -> str:
        """Where what is known of the seeds lies."""
        return group_of(self.step)

    @property
    def step(self) -> int:
        """Its place in the recipe."""
        assert self.segment.derive is not None
        return self.segment.derive[0]

    @property
    def stage(self) -> Derive:
        """The stage."""
        assert self.segment.derive is not None
        return self.segment.derive[1]


def group_of(step: int) -> str:
    """Group of the work folder of what a deriving step says beside the rows it makes."""
    return f"derived{step}"


def part_name(step: int, number: int) -> str:
    """File of rows made at `step`, in the run: one for each fragment."""
    return f"derived/{step:03d}-part-{number:05d}.parquet"


def derived_fragments(work: Work, step: int, first: int, rows: Sequence[int], segment: int) -> list[Fragment]:
    """The fragments of rows made at `step`, as `_fragment_aside` and others name them; `first`: place of the first."""
    paths = (work.path(segment, first + k, "rows") for k in range(len(rows)))
    files = [InputFile(path, part_name(step, k), 0, 0, "parquet") for k, path in enumerate(paths)]
    return [Fragment(file) for file in files]


def made_already(task: DeriveTask) -> dict[str, Any] | None:
    """The completion record of the stage, if all that it made is there."""
    record = task.work.done(task.group, 0)
    if record is None:
        return None
    first = len(task.fates.born)
    there = (task.work.done(task.segment.number, first + k) is not None for k in range(len(record["fragments"])))
    return record if all(there) else None


def run_derive(task: DeriveTask, bench: Bench) -> dict[str, Any]:
    """Carry out the stage; return its completion record: rows of each fragment, and what it noted."""
    walk = _Walk(task)
    seeds, source = walk.seeds(), task.source or task.stage.derive
    made = _blamed(task.stage, source, seeds, bench)
    for part in made:
        walk.take(part)
    for _ in seeds:  # a stage that looked at some only says nothing of the others, which is found below
        pass
    walk.end()
    facts = {
        "fragments": walk.fragments,
        "notes": bench.notes,
        "varies": bench.variable,
        "paid": str(bench.paid),
        "total": sum(walk.fragments),
    }
    return task.work.finish_tables(task.group, 0, walk.tables(), facts)


def _blamed(stage: Derive, source: Source, seeds: Iterator[pa.RecordBatch], bench: Bench) -> Iterator[Made]:
    """What `source` makes. Where it raises, the run stops, and can go on."""
    try:
        with blamed(stage, "derive"):
            yield from source(seeds, bench)
    except RunError as error:
        raise RunError(f"{error}. Nothing that was paid for is lost: go on with --resume") from error


def derive_directly(stage: Derive, seeds: Sequence[pa.RecordBatch]) -> tuple[pa.Table, pa.Table]:
    """What `stage` makes of `seeds` in memory and keeps, after the seeds where it keeps those; and DRAFT rows.

    Answers are kept in the folder where the caller is, unless TAMIS_RESPONSES names another place.
    """
    have = seeds[0].schema
    shape = derived(Shape(kind_of(have), have), stage)
    made_schema, whole = _schemas(stage, shape.kind)
    with TemporaryDirectory(prefix="tamis-derive-") as scratch:
        bench = Bench(Path(scratch), responses_at(None, Path()))
        parts = list(_blamed(stage, stage.derive, iter(seeds), bench))
    with blamed(stage, "derive"):
        rows = pa.Table.from_batches([columns_of(part.rows, whole, "rows") for part in parts], schema=whole)
        told = pa.Table.from_batches([columns_of(p.outcomes, OUTCOME, "outcomes") for p in parts], schema=OUTCOME)
        are_told(_one([batch.column("record_id") for batch in seeds]), told)
    of_seeds = _seeds(np.arange(told.num_rows, dtype=np.uint64), told.combine_chunks(), stage.keeps_seeds)
    columns = {n: of_seeds.column(n).combine_chunks() for n in ("rule", "value", "evidence")}
    ids, action = (of_seeds.column(n).combine_chunks() for n in ("record_id", "action"))
    notes = Notes([draft(np.arange(told.num_rows), ids, 1, action, **columns)])
    kept = [fitted(batch, shape.schema) for batch in seeds] if stage.keeps_seeds else []
    for batch in rows.combine_chunks().to_batches():
        left = _decided(stage, 1, batch, fitted(batch.select(made_schema.names), shape.schema), notes)
        kept.append(left.batch.filter(pa.array(left.alive)))
    return pa.Table.from_batches(kept, schema=shape.schema), pa.Table.from_batches(notes.verdicts, schema=DRAFT)


def _schemas(stage: Derive, made: Kind) -> tuple[pa.Schema, pa.Schema]:
    """Columns of the rows that `stage` makes, and those with its scores."""
    rows = pa.schema([*made.schema, *(f for f in stage.writes if f.name not in made.schema.names)])
    return rows, pa.schema([*rows, *nullable(stage.scores)])


def _decided(stage: Derive, step: int, made: pa.RecordBatch, batch: pa.RecordBatch, notes: Notes) -> Rows:
    """Rows made, those that break a rule of the stage marked and noted. `made` has the scores of the rows of `batch`."""
    row = np.arange(batch.num_rows, dtype=np.uint32)
    rows = Rows(batch, row, np.ones(len(row), bool))
    if stage.scores:
        scores = pa.record_batch([made.column(n) for n in stage.scores.names], schema=nullable(stage.scores))
        notes.scores[step] = [(row, scores)]
        found = decide(stage, scores)
        if found.num_rows:
            note(rows, rows.batch, step, {rule.id: rule.action for rule in stage.rules}, found, notes, stage.hides)
    return rows


@dataclass
class _Walk:
    """What has been made so far."""

    task: DeriveTask
    fragments: list[int] = field(default_factory=list)
    """Rows of each fragment written."""
    held: list[pa.RecordBatch] = field(default_factory=list)
    """Rows of the next one, with their scores."""
    sizes: list[np.ndarray] = field(default_factory=list)
    given: list[tuple[np.ndarray, pa.Array]] = field(default_factory=list)
    """Ordinals (n,) uint64 of the seeds given out, and their ids."""
    ids: list[pa.Array] = field(default_factory=list)
    lineage: list[pa.Table] = field(default_factory=list)
    outcomes: list[pa.RecordBatch] = field(default_factory=list)
    requests: list[pa.Table] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shape = self.task.plan.before(self.task.segment.number + 1)
        self.made, self.whole = _schemas(self.task.stage, self.shape.kind)

    def seeds(self) -> Iterator[pa.RecordBatch]:
        """The rows that are still in, in order."""
        task = self.task
        schema = task.plan.after(task.segment.number).schema
        for k, base in enumerate(task.fates.bases[:-1].tolist()):
            where = left(task.plan, task.fates, k, task.segment.number)._replace(schema=schema)
            for batch, places in rows_left(task.work, k, task.fragments[k], task.reading, where):
                if batch.num_rows:
                    self.given.append((places.astype(np.uint64) + np.uint64(base), batch.column("record_id")))
                    yield batch

    def take(self, made: Made) -> None:
        """Take in what the stage has made. Raises RunError where that is not what it declares."""
        with blamed(self.task.stage, "derive"):
            rows = columns_of(made.rows, self.whole, "rows")
            self.lineage.append(table_of(made.lineage, LINEAGE, "lineage"))
            self.outcomes.append(columns_of(made.outcomes, OUTCOME, "outcomes"))
            if made.requests is not None:
                self.requests.append(table_of(made.requests, REQUEST, "requests"))
        if rows.num_rows:
            self.ids.append(rows.column("record_id"))
            self.held.append(rows)
            self.sizes.append(row_bytes(rows))
            self._write_full()

    def _write_full(self) -> None:
        """Write fragments as long as there is enough for one."""
        while True:
            ends = np.cumsum(np.concatenate(self.sizes))
            end = min(PART_ROWS, int(np.searchsorted(ends, PART_BYTES)) + 1)
            if end > len(ends):
                return
            table = pa.Table.from_batches(self.held, schema=self.whole).combine_chunks()
            self._write(table.slice(0, end))
            rest = table.slice(end).combine_chunks()
            self.held = rest.to_batches() if rest.num_rows else []
            self.sizes = [row_bytes(rest)] if rest.num_rows else [np.zeros(0, np.int64)]

    def _write(self, table: pa.Table) -> None:
        """One fragment, decided upon."""
        task, stage, number = self.task, self.task.stage, len(self.task.fates.born) + len(self.fragments)
        batch = table.combine_chunks().to_batches()[0]
        notes, tally = Notes(), Tally()
        fit = fitted(batch.select(self.made.names), self.shape.schema)
        rows = _decided(stage, task.step, batch, fit, notes)
        row = rows.row
        tally.total = len(row)
        tally.add(batch.column("record_id"), batch.column("source"), row.astype(np.int64))
        as_pass = PassTask(
            task.work,
            task.plan,
            Segment(task.segment.number, ((task.step, stage),), None),
            number,
            Fragment(InputFile(task.work.root, part_name(task.step, len(self.fragments)), 0, 0, "parquet")),
            task.reading,
            kind=self.shape.kind,
        )
        parts = side_files(as_pass, notes, tally, [], row_bytes(rows.batch))
        parts["rows"] = task.work.temporary(task.segment.number, number, "rows")
        write_arrow(parts["rows"], pa.Table.from_batches([rows.batch]), BATCH)
        task.work.finish(task.segment.number, number, parts, tally.facts())
        self.fragments.append(len(row))

    def end(self) -> None:
        """Write what is left, and see that all fits together. Raises RunError."""
        if rest := [batch for batch in self.held if batch.num_rows]:
            self._write(pa.Table.from_batches(rest, schema=self.whole))
            self.held = []
        with blamed(self.task.stage, "derive"):
            are_told(self._seed_ids(), pa.Table.from_batches(self.outcomes, schema=OUTCOME))
            if self.task.source is None:
                have_parents(_one(self.ids), self._seed_ids(), pa.concat_tables([LINEAGE.empty_table(), *self.lineage]))

    def _seed_ids(self) -> pa.Array:
        return _one([ids for _, ids in self.given])

    def tables(self) -> dict[str, pa.Table]:
        """What is known of the seeds, by part."""
        ordinals = np.concatenate([np.zeros(0, np.uint64), *(ordinal for ordinal, _ in self.given)])
        outcomes = pa.Table.from_batches(self.outcomes, schema=OUTCOME).combine_chunks()
        requests = pa.concat_tables([REQUEST.empty_table(), *self.requests])
        at = requests.schema.get_field_index("step")
        steps = pa.array(np.full(requests.num_rows, self.task.step, np.uint8))
        return {
            "seeds": _seeds(ordinals, outcomes, self.task.stage.keeps_seeds),
            "lineage": pa.concat_tables([LINEAGE.empty_table(), *self.lineage]).unify_dictionaries(),
            "requests": requests.set_column(at, requests.schema.field(at), steps),
        }


def _seeds(ordinals: np.ndarray, outcomes: pa.Table, kept: bool) -> pa.Table:
    """SEEDS rows: a seed that is not kept is dropped where it was used or refused, and set aside where nothing came of it."""
    status = outcomes.column("status").combine_chunks().dictionary_encode()
    names = status.dictionary.to_pylist()
    code = status.indices.to_numpy()
    fate_of = {"ok": DROPPED, "rejected": DROPPED, "failed": QUARANTINED, "skipped": QUARANTINED}
    action_of = {"ok": "derive", "rejected": "drop", "failed": "quarantine", "skipped": "quarantine"}
    fates = np.array([KEPT if kept else fate_of[name] for name in names], np.uint8)
    actions = pa.array(["derive" if kept else action_of[name] for name in names], pa.string())
    why = pc.fill_null(outcomes.column("rule"), pa.scalar("budget"))
    rule = pc.binary_join_element_wise(outcomes.column("status"), why, ".")
    columns = [
        pa.array(ordinals, pa.uint64()),
        outcomes.column("record_id"),
        pa.array(fates[code] if names else np.zeros(0, np.uint8)),
        actions.take(status.indices) if names else pa.nulls(0, pa.string()),
        pc.if_else(pc.equal(outcomes.column("status"), pa.scalar("ok")), pa.scalar("used"), rule),
        outcomes.column("value"),
        outcomes.column("evidence"),
    ]
    return pa.table(columns, schema=SEEDS)


def _one(arrays: Sequence[pa.Array]) -> pa.Array:
    return pa.concat_arrays([pa.nulls(0, pa.binary(16)), *arrays])
