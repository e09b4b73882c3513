"""One task: a fragment through a segment, from files to files.

Segment 0 reads a fragment of the input; later ones read what was left of it. Each task writes

    rows      data of the rows still in at the end, if changed    sizes     bytes of each of them
    fates     fate and step of every record, as far as decided    drafts    verdicts, sorted by record_id
    scores    numbers of every record, for replay                 aside     records set aside, with their data
    sketch    what the corpus stage compares, and other parts     index     (segment 0) id, source and line of every record
                                                                  ids       (segment 0) the ids, sorted
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.data import Fragment, Reading, read
from tamis.data.groups import row_bytes
from tamis.engine.arrow import arrow_file, write_arrow
from tamis.engine.isolate import index, sketch
from tamis.engine.left import Left, rows_left, stores_rows
from tamis.engine.plan import Plan, Segment
from tamis.engine.segment import Care, Notes, Rows, Settled, advance, gather, sketch_table
from tamis.engine.veil import unkeyed, veiled
from tamis.engine.work import Work
from tamis.kernels.radix import ordered
from tamis.ledger import DRAFT, QUARANTINED, aside_schema, draft, working
from tamis.schemas import Kind
from tamis.schemas.constant import constant
from tamis.schemas.ids import by_key, halves
from tamis.stage import Corpus

INDEX = pa.schema(
    [pa.field("record_id", pa.binary(16)), pa.field("source", pa.string()), pa.field("line", pa.int64())],
)
"""One row for every record of a fragment, in order; `line` counts from the start of the fragment, from 0."""


class PassTask(NamedTuple):
    """All that one task needs; it can be sent to another process."""

    work: Work
    plan: Plan
    segment: Segment
    number: int
    fragment: Fragment
    reading: Reading
    total: int = 0
    """Later segments: records of the fragment."""
    left: Left | None = None
    """Later segments: the rows that are still in."""
    care: Care | None = None
    settled: Settled | None = None
    """Where the stage that goes over the rows again has settled."""
    kind: Kind | None = None
    """What the rows are; None: what the segment takes up."""

    @property
    def gpus(self) -> float:
        """GPUs that its stages ask for."""
        return max((stage.gpus for _, stage in self.segment.stages), default=0.0)

    def after_crash(self) -> PassTask:
        """The task to try when this one has killed its process."""
        care = self.care or Care(self.work.temporary(self.segment.number, self.number, "heartbeat"))
        return self._replace(care=care.after_crash())


def run_pass(task: PassTask) -> dict[str, Any]:
    """Carry out `task`, unless its completion record says it is done; return the record."""
    if (done := task.work.done(task.segment.number, task.number)) is not None:
        return done
    work, segment, notes = task.work, task.segment, Notes()
    tally, sketches, sizes = Tally(), [], [np.zeros(0, np.int64)]
    schema, parts = task.plan.after(segment.number).schema, {}
    with ExitStack() as stack:
        if stored := stores_rows(segment):
            parts["rows"] = work.temporary(segment.number, task.number, "rows")
            writer = stack.enter_context(arrow_file(parts["rows"], schema, packed=True))
        for rows in _later(task, task.left) if task.left is not None else _first(task, notes, tally):
            if segment.revisit:
                advance(rows, *segment.revisit, notes, task.care, task.settled)
            for step, stage in segment.steps:
                advance(rows, step, stage, notes, task.care)
            if segment.corpus:
                sketches.append(sketched(rows, segment.corpus[1]))
            kept = rows.batch.filter(pa.array(rows.alive)) if not rows.alive.all() else rows.batch
            sizes.append(row_bytes(kept))
            if stored and kept.num_rows:
                writer.write_batch(pa.record_batch(kept.columns, schema=schema))
    parts |= side_files(task, notes, tally, sketches, np.concatenate(sizes))
    return work.finish(segment.number, task.number, parts, tally.facts())


class Tally:
    """What segment 0 learns of its fragment: how many records and lines, and each record's id, source and line."""

    def __init__(self) -> None:
        self.total = self.lines = 0
        self.damage: str | None = None
        self.index: list[pa.Table] = []

    def add(self, ids: pa.Array, sources: pa.Array, line: np.ndarray) -> None:
        """Take in records, in order. line (n,) int64"""
        self.index.append(pa.table([ids, sources, pa.array(line, pa.int64())], schema=INDEX))

    def facts(self) -> dict[str, Any]:
        """The part of the completion record that other tasks build on."""
        return {"total": self.total, "lines": self.lines, "damage": self.damage}


def _first(task: PassTask, notes: Notes, tally: Tally) -> Iterator[Rows]:
    """The fragment of the input, block by block; what cannot be read is set aside at step 0."""
    source = task.reading.source or task.fragment.source
    for block in read(task.fragment, task.reading):
        row = block.position.astype(np.uint32) + np.uint32(tally.total)
        ids = [block.rows.column("record_id"), block.bad.column("record_id")]
        places = np.concatenate([block.position, block.bad.column("position").to_numpy()]).argsort(kind="stable")
        sources = [block.rows.column("source"), pa.repeat(constant(source), block.bad.num_rows)]
        lines = [pa.array(block.line, pa.int64()), block.bad.column("line")]
        columns = [pa.concat_arrays(pair).take(pa.array(places)) for pair in (ids, sources, lines)]
        tally.index.append(pa.table(columns, schema=INDEX))
        if block.bad.num_rows:
            _set_bad_aside(task, block.bad, np.uint32(tally.total), notes)
        tally.damage = tally.damage or block.damage
        tally.total += block.total
        tally.lines += block.lines
        if block.rows.num_rows:
            yield Rows(block.rows, row, np.ones(block.rows.num_rows, bool))


def _set_bad_aside(task: PassTask, bad: pa.RecordBatch, base: np.uint32, notes: Notes) -> None:
    row = bad.column("position").to_numpy().astype(np.uint32) + base
    rule, n = bad.column("rule").cast(pa.string()), bad.num_rows
    notes.verdicts.append(draft(row, bad.column("record_id"), 0, ["quarantine"] * n, rule=rule))
    notes.gone.append((row, QUARANTINED, 0))
    known = {
        "step": pa.array(np.zeros(n, np.uint8)),
        "rule": rule,
        "row": pa.array(row),
        "source": pa.repeat(constant(task.reading.source or task.fragment.source), n),
        **{name: bad.column(name) for name in ("line", "offset", "message", "raw", "record_id")},
    }
    if task.plan.hidden:
        # What is taken out of records must not stay in lines that are none: file and line say where to read them.
        known |= {"raw": pa.nulls(n, pa.binary()), "message": unkeyed(known["message"])}
    schema = _aside(task)
    columns = [known.get(f.name, pa.nulls(n, f.type)) for f in schema]
    notes.aside.append(pa.table(columns, schema=schema))


def _aside(task: PassTask) -> pa.Schema:
    return working(aside_schema(task.plan.aside)).append(pa.field("row", pa.uint32()))


def _later(task: PassTask, where: Left) -> Iterator[Rows]:
    """What earlier segments left of the fragment."""
    for batch, places in rows_left(task.work, task.number, task.fragment, task.reading, where):
        yield Rows(batch, places.astype(np.uint32), np.ones(batch.num_rows, bool))


def side_files(
    task: PassTask, notes: Notes, tally: Tally, sketches: list[pa.Table], sizes: np.ndarray
) -> dict[str, Path]:
    """Everything that a task writes beside its rows, in temporary files, by part."""
    first = task.left is None
    total = tally.total if first else task.total
    fate, step = np.zeros(total, np.uint8), np.zeros(total, np.uint8)
    for gone, f, s in notes.gone:
        fate[gone], step[gone] = f, s
    aside = pa.concat_tables([_fit(t, _aside(task)) for t in notes.aside] or [_aside(task).empty_table()])
    tables = {
        "sizes": pa.table({"bytes": sizes}),
        "fates": pa.table({"fate": fate, "step": step}),
        "drafts": unhashed(by_id(pa.Table.from_batches(notes.verdicts, schema=DRAFT)), task.plan.hidden),
        "aside": _in_order(veiled(aside, task.plan.steps, task.kind or task.plan.before(task.segment.number).kind)),
    }
    if any(stage.scores for _, stage in task.segment.passed):
        tables["scores"] = _scores(task, notes, total)
    if task.segment.corpus:
        stage = task.segment.corpus[1]
        tables |= index(stage, pa.concat_tables(sketches) if sketches else no_sketch(stage))
    if first:
        known = pa.concat_tables(tally.index or [INDEX.empty_table()])
        tables["index"] = known
        tables["ids"] = by_key(pa.table({"row": np.arange(total, dtype=np.uint32), "key": known.column("record_id")}))
    number = task.segment.number
    return {name: write_arrow(task.work.temporary(number, task.number, name), table) for name, table in tables.items()}


def _scores(task: PassTask, notes: Notes, total: int) -> pa.Table:
    """One column for every number every stage measured, named `step.column`."""
    columns = {}
    for step, stage in task.segment.passed:
        found = gather(notes.scores.get(step, []), total, stage.scores)
        columns.update({f"{step}.{name}": found.column(name) for name in stage.scores.names})
    return pa.table(columns)


def sketched(rows: Rows, stage: Corpus) -> pa.Table:
    """The sketches of `rows`; of those that are still in, where they are not stored for a replay."""
    batch, row, alive = rows.seen_by(stage), rows.row, rows.alive
    if not stage.stored and not alive.all():
        batch, row, alive = batch.filter(pa.array(alive)), row[alive], alive[alive]
    return sketch_table(row, batch.column("record_id"), alive, sketch(stage, batch))


def no_sketch(stage: Corpus) -> pa.Table:
    """The sketches of no rows."""
    head = [pa.field("row", pa.uint32()), pa.field("record_id", pa.binary(16)), pa.field("alive", pa.bool_())]
    return pa.schema([*head, *stage.sketches]).empty_table()


def by_id(drafts: pa.Table) -> pa.Table:
    """Verdicts sorted by record_id and step; of those about one record at one step, the order stays."""
    ids, step = halves(drafts.column("record_id")), drafts.column("step").to_numpy()
    by_step = np.argsort(step, kind="stable")
    order = by_step[ordered(ids[by_step, 0])]
    first = ids[order]
    # Two ids that share their first half alone: by both, at three times the cost.
    if ((first[1:, 0] == first[:-1, 0]) & (first[1:, 1] != first[:-1, 1])).any():
        order = np.lexsort((step, ids[:, 1], ids[:, 0]))
    return drafts.take(pa.array(order))


def unhashed(drafts: pa.Table, hidden: int) -> pa.Table:
    """Verdicts without the hashes of texts as they were before step `hidden`."""
    if not hidden:
        return drafts
    earlier = pc.less(drafts.column("step"), pa.scalar(hidden, pa.uint8()))
    for name in ("before_hash", "after_hash"):
        at = drafts.schema.get_field_index(name)
        shown = pc.if_else(earlier, pa.scalar(None, pa.uint64()), drafts.column(at))
        drafts = drafts.set_column(at, drafts.schema.field(at), shown)
    return drafts


def _in_order(aside: pa.Table) -> pa.Table:
    return aside.take(pa.array(np.argsort(aside.column("row").to_numpy(), kind="stable")))


def _fit(table: pa.Table, schema: pa.Schema) -> pa.Table:
    n, names = table.num_rows, table.schema.names
    return pa.table([table.column(f.name) if f.name in names else pa.nulls(n, f.type) for f in schema], schema=schema)
