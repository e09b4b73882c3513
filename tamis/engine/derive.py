"""A deriving stage carried out: its seeds read, what it makes checked, and the rows made stored as further fragments.

The stage runs once, in the driving process. Until its last completion record is written it counts for nothing: a resume
derives again, and what was paid for comes from the cache of answers. What is made becomes

    <segment>/<fragment>.rows …    of each new fragment what a first pass leaves, beside rows: index, ids, fates, scores, …
    derived<step>/000000.seeds     what became of every seed       .lineage   edges       .requests  what was asked
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.bench import Bench
from tamis.data import Fragment, InputFile, Reading
from tamis.data.groups import row_bytes
from tamis.engine.arrow import write_arrow
from tamis.engine.declared import are_told, columns_of, have_parents, table_of
from tamis.engine.exchange import Fates
from tamis.engine.isolate import blamed
from tamis.engine.left import fitted, left, rows_left
from tamis.engine.made import Source, columns_made, decided, fates_of_seeds, joined, made_by
from tamis.engine.passes import PassTask, Tally, side_files
from tamis.engine.plan import Plan, Segment
from tamis.engine.segment import Notes
from tamis.engine.work import Work
from tamis.schemas import LINEAGE, OUTCOME, REQUEST
from tamis.stage import Derive, Made

PART_ROWS, PART_BYTES = 1 << 16, 64 << 20
"""Rows, or bytes of text, at which a fragment of rows made ends: by the rows alone, for there is a file of each."""

BATCH = 1 << 13
"""Rows of a batch of a fragment of rows made."""


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
    paths = (work.lies(segment, first + k, "rows") for k in range(len(rows)))
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
    made = made_by(task.stage, source, seeds, bench)
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
        self.made, self.whole = columns_made(self.task.stage, self.shape.kind)

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
        rows = decided(stage, task.step, batch, fit, notes)
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
                have_parents(
                    joined(self.ids), self._seed_ids(), pa.concat_tables([LINEAGE.empty_table(), *self.lineage])
                )

    def _seed_ids(self) -> pa.Array:
        return joined([ids for _, ids in self.given])

    def tables(self) -> dict[str, pa.Table]:
        """What is known of the seeds, by part."""
        ordinals = np.concatenate([np.zeros(0, np.uint64), *(ordinal for ordinal, _ in self.given)])
        outcomes = pa.Table.from_batches(self.outcomes, schema=OUTCOME).combine_chunks()
        requests = pa.concat_tables([REQUEST.empty_table(), *self.requests])
        at = requests.schema.get_field_index("step")
        steps = pa.array(np.full(requests.num_rows, self.task.step, np.uint8))
        return {
            "seeds": fates_of_seeds(ordinals, outcomes, self.task.stage.keeps_seeds),
            "lineage": pa.concat_tables([LINEAGE.empty_table(), *self.lineage]).unify_dictionaries(),
            "requests": requests.set_column(at, requests.schema.field(at), steps),
        }
