"""What the files of a run hold: rows of data, verdicts, fates, scores, quarantine and what stages leave."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.data import Fragment, Reading
from tamis.data.cuts import GROUP_BYTES, GROUP_ROWS
from tamis.data.groups import Piece, in_groups
from tamis.data.storage.address import Remote
from tamis.engine.bundles import drafts_between
from tamis.engine.derive import group_of
from tamis.engine.desk import FileDesk
from tamis.engine.drafts import ids_of, with_new_ids
from tamis.engine.exchange import IDS, Exchanged, Fates
from tamis.engine.isolate import blamed
from tamis.engine.left import left, rows_left
from tamis.engine.passes import by_id
from tamis.engine.plan import Plan
from tamis.engine.segment import nullable
from tamis.engine.veil import veiled
from tamis.engine.work import Work
from tamis.errors import RunError
from tamis.ledger import DRAFT, KEPT, QUARANTINED, Step, aside_schema, fates, set_aside, settled, verdicts, working
from tamis.schemas import FATES, LINEAGE, REQUEST, VERDICT
from tamis.schemas.ids import halves

ASIDE_GROUP, FATE_GROUP, SCORE_GROUP, VERDICT_GROUP, EDGE_GROUP = 1 << 12, 1 << 20, 1 << 17, 1 << 16, 1 << 17
"""Rows of a row group of the other files."""


@dataclass(frozen=True)
class Emit:
    """What every writing task needs."""

    work: Work
    out: Path
    plan: Plan
    fates: Fates
    parts: Sequence[Fragment]
    """The fragments of the input, then those of what was made."""
    reading: Reading
    line_bases: np.ndarray
    """(fragments,) line of the file, from 1, on which each fragment begins."""
    steps: dict[int, Step]
    desks: dict[int, FileDesk]
    """By step: where the corpus stages have settled."""
    bundles: int = 0
    """How many there are, of what the files are cut from."""
    far: Remote | None = None
    """Where each file is put besides, once it is written."""

    @property
    def fragments(self) -> range:
        """Places of the fragments."""
        return range(len(self.parts))

    @property
    def last(self) -> int:
        """The segment whose rows are the data."""
        return self.plan.segments[-1].number

    def rows(self, fragment: int, after: int, wanted: np.ndarray | None = None) -> Iterator[pa.RecordBatch]:
        """Rows of `fragment` as segment `after` left them: those that are in at the end, or `wanted`."""
        part = self.parts[fragment]
        where = left(self.plan, self.fates, fragment, after, wanted)
        return (batch for batch, _ in rows_left(self.work, fragment, part, self.reading, where))


class Content(NamedTuple):
    """What a file holds: a table for each of its row groups."""

    groups: Iterator[pa.Table]
    schema: pa.Schema


def kept_rows(emit: Emit, groups: Sequence[tuple[Piece, ...]]) -> Content:
    """Row groups of kept records. They follow one another, so that each fragment is read once."""
    return Content(_data_groups(emit, groups), emit.plan.schema)


def _data_groups(emit: Emit, groups: Sequence[tuple[Piece, ...]]) -> Iterator[pa.Table]:
    rows = _stream(emit, [piece for group in groups for piece in group])
    rest = next(rows, None)
    for group in groups:
        wanted, held = sum(end - start for _, start, end in group), []
        while wanted:
            if rest is None:
                raise RunError("there are fewer rows than were counted: the input changed while it was read; run again")
            held.append(rest.slice(0, wanted))
            wanted -= held[-1].num_rows
            rest = rest.slice(held[-1].num_rows) if held[-1].num_rows < rest.num_rows else next(rows, None)
        yield pa.Table.from_batches(held)


def _stream(emit: Emit, pieces: Sequence[Piece]) -> Iterator[pa.RecordBatch]:
    """Rows of the pieces, whose sources are fragments, batch by batch, from the first of the first piece on."""
    for fragment in dict.fromkeys(piece.source for piece in pieces):
        start = min(piece.start for piece in pieces if piece.source == fragment)
        end = max(piece.end for piece in pieces if piece.source == fragment)
        kept = np.flatnonzero(emit.fates.of(fragment)[0] == KEPT)
        yield from emit.rows(fragment, emit.last, kept[start:end])


def fates_of_all(emit: Emit) -> Content:
    """What became of every record."""
    tables = (fates(*emit.fates.of(f), ids_of(emit.work, emit.fates, f)) for f in emit.fragments)
    return Content(in_groups(tables, FATES, FATE_GROUP), FATES)


def verdicts_between(emit: Emit, low: int, high: int) -> Content:
    """Verdicts about records whose ids begin with a number from `low` to `high`."""
    found = [drafts_between(emit.work, bundle, low, high) for bundle in range(emit.bundles)]
    whole = verdicts(by_id(pa.concat_tables([DRAFT.empty_table(), *found])), emit.steps)
    starts = range(0, whole.num_rows, VERDICT_GROUP)
    return Content((settled(VERDICT, whole.slice(k, VERDICT_GROUP)) for k in starts), VERDICT)


def score_schema(plan: Plan) -> pa.Schema:
    """Columns of scores/: `step.column` for what each stage measures, then what each corpus stage compares."""
    columns = [pa.field(f"{step}.{f.name}", f.type, metadata=f.metadata) for step, s in plan.steps for f in s.scores]
    keys = [
        pa.field(f"{segment.corpus[0]}.{f.name}", f.type, metadata=f.metadata)
        for segment in plan.segments
        if segment.corpus and segment.corpus[1].stored
        for f in segment.corpus[1].sketches
    ]
    return pa.schema([*columns, *keys])


def scores_between(emit: Emit, start: int, end: int) -> Content:
    """What was measured of the records from `start` up to, but not including, `end`."""
    schema = score_schema(emit.plan)

    def tables() -> Iterator[pa.Table]:
        bases = emit.fates.bases
        for f in emit.fragments:
            lo, hi = max(start, int(bases[f])), min(end, int(bases[f + 1]))
            if lo < hi:
                yield _fragment_scores(emit, f, schema).slice(lo - int(bases[f]), hi - lo)

    return Content(in_groups(tables(), schema, SCORE_GROUP), schema)


def _fragment_scores(emit: Emit, fragment: int, schema: pa.Schema) -> pa.Table:
    total = int(emit.fates.bases[fragment + 1] - emit.fates.bases[fragment])
    columns: dict[str, Any] = {}
    born = emit.fates.born[fragment]
    for segment in emit.plan.segments[max(born, 0) :]:
        made_here = segment.derive is not None and segment.number == born
        if segment.derive and made_here and segment.derive[1].scores:
            table = emit.work.table(born, fragment, "scores")
            columns.update(zip(table.schema.names, table.columns, strict=True))
        if made_here:
            continue
        if any(stage.scores for _, stage in segment.passed):
            table = emit.work.table(segment.number, fragment, "scores")
            columns.update(zip(table.schema.names, table.columns, strict=True))
        if segment.corpus and segment.corpus[1].stored:
            step, sketch = segment.corpus[0], emit.work.table(segment.number, fragment, "sketch")
            place = np.full(total, -1, np.int64)
            place[sketch.column("row").to_numpy()] = np.arange(sketch.num_rows)
            at = pa.array(place, mask=place < 0)
            columns.update({f"{step}.{n}": sketch.column(n).take(at) for n in segment.corpus[1].sketches.names})
    # What was made at a step, or used up by it, was not measured by those before, or after.
    nowhere = {f.name: pa.nulls(total, f.type) for f in schema if f.name not in columns}
    return pa.table([{**columns, **nowhere}[f.name] for f in schema], schema=schema)


def left_behind(emit: Emit, step: int, name: str) -> Content:
    """A file that a stage makes of what it measured."""
    stage = dict(emit.plan.steps)[step]
    with blamed(stage, "leave"):
        table = stage.leave(name, scores_of(emit, step, stage.scores))
    return Content(iter([settled(table.schema, table)] if table.num_rows else []), table.schema)


def edges_at(emit: Emit, step: int) -> Content:
    """What a corpus stage found to link records."""
    desk = emit.desks[step]
    with blamed(desk.corpus, "edges"):
        found = desk.corpus.edges(desk)
    tables = (
        pa.Table.from_batches([batch])
        for batch in (found if isinstance(found, pa.RecordBatchReader) else found.to_batches())
    )
    return Content(in_groups(tables, found.schema, EDGE_GROUP), found.schema)


def scores_of(emit: Emit, step: int, measured: pa.Schema) -> Iterator[pa.RecordBatch]:
    """`record_id`, whether it is `kept`, and what step `step` measured, of every record, in order."""
    number = next(s.number for s in emit.plan.segments if step in dict((*s.passed, *s.stages)))
    derives = any(at == step for _, at, _ in emit.plan.derives)
    names = [f"{step}.{name}" for name in measured.names]
    for f in emit.fragments:
        if emit.fates.born[f] == number if derives else emit.fates.born[f] < number:
            scores = emit.work.table(number, f, "scores").select(names)
        else:
            total = int(emit.fates.bases[f + 1] - emit.fates.bases[f])
            scores = pa.table([pa.nulls(total, of.type) for of in measured], names=names)
        kept = pa.array(emit.fates.of(f)[0] == KEPT)
        table = pa.table(
            [ids_of(emit.work, emit.fates, f), kept, *scores.columns], names=["record_id", "kept", *measured.names]
        )
        yield from table.combine_chunks().to_batches()


def rows_aside(emit: Emit) -> Content:
    """Records that were set aside, with their data."""
    schema = aside_schema(emit.plan.aside)
    tables = (_fragment_aside(emit, f) for f in emit.fragments)
    return Content(in_groups(tables, schema, ASIDE_GROUP, GROUP_BYTES), schema)


def _fragment_aside(emit: Emit, fragment: int) -> pa.Table:
    schema = working(aside_schema(emit.plan.aside)).append(pa.field("row", pa.uint32()))
    renamed = emit.fates.renamed(fragment)
    told = range(emit.fates.first(fragment), len(emit.plan.segments))
    tables = [with_new_ids(emit.work.table(number, fragment, "aside").cast(schema), renamed) for number in told]
    if renamed:
        tables.append(_repeated_rows(emit, fragment, renamed, schema))
    tables += _seeds_aside(emit, fragment, schema)
    table = pa.concat_tables(tables)
    table = table.take(pa.array(np.argsort(table.column("row").to_numpy(), kind="stable")))
    row = table.column("row").to_numpy()
    line = (
        emit.work.table(emit.fates.first(fragment), fragment, "index", ["line"]).column("line").to_numpy()[row]
        + emit.line_bases[fragment]
    )
    file = pa.array([emit.parts[fragment].file.name] * len(row), pa.string())
    for name, column in (("file", file), ("line", pa.array(line, pa.int64()))):
        table = table.set_column(schema.get_field_index(name), name, column)
    return table.drop_columns("row")


def _repeated_rows(emit: Emit, fragment: int, renamed: dict[int, bytes], schema: pa.Schema) -> pa.Table:
    """Data of the records whose id an earlier one has, as segment 0 left them."""
    at = next(k for k, done in enumerate(emit.fates.told) if isinstance(done, Exchanged) and done.group == IDS)
    in_before = set(np.flatnonzero(emit.fates.of(fragment, at)[0] == KEPT).tolist())
    wanted = np.array([row for row in sorted(renamed) if row in in_before], np.int64)
    batches = list(emit.rows(fragment, 0, wanted))
    if not batches:
        return schema.empty_table()
    rows, data = pa.Table.from_batches(batches), batches[0].schema
    ids = pa.array([renamed[row] for row in wanted.tolist()], pa.binary(16))
    rows = rows.set_column(0, data.field(0), ids)
    rule = pa.array(["duplicate_id"] * len(wanted), pa.string())
    why = pa.array(["an earlier record of this source has the same id"] * len(wanted), pa.string())
    later = [step for segment in emit.plan.segments[1:] for step in segment.stages]
    table = veiled(set_aside(rows, 0, rule, why, emit.plan.aside), later, emit.plan.kind)
    return table.append_column("row", pa.array(wanted, pa.uint32())).cast(schema)


def _seeds_aside(emit: Emit, fragment: int, schema: pa.Schema) -> Iterator[pa.Table]:
    """Data of the seeds that deriving stages could make nothing of."""
    for segment, step, _ in emit.plan.derives:
        done = next(done for done in emit.fates.derivations if done.step == step)
        places, seeds = emit.fates.seeds(done, fragment)
        failed = seeds.column("fate").to_numpy() == QUARANTINED
        if not failed.any():
            continue
        wanted, seeds = places[failed], seeds.filter(pa.array(failed))
        rows = pa.Table.from_batches(emit.rows(fragment, segment.number, wanted))
        rule, why = (seeds.column(name).combine_chunks() for name in ("rule", "evidence"))
        later = [(k, stage) for k, stage in emit.plan.steps if k > step]
        aside = set_aside(rows, step, rule, why, emit.plan.aside)
        table = veiled(aside, later, emit.plan.after(segment.number).kind)
        yield table.append_column("row", pa.array(wanted, pa.uint32())).cast(schema)


def rows_made(emit: Emit, step: int, fragment: int) -> Content:
    """A fragment of what was made at `step`, before anything was decided: columns of the kind, of `writes` and `scores`."""
    segment, stage = next((s, stage) for s, at, stage in emit.plan.derives if at == step)
    made = emit.plan.before(segment.number + 1)
    names = [*dict.fromkeys([*made.kind.schema.names, *stage.writes.names])]
    schema = pa.schema([*(made.schema.field(n) for n in names), *nullable(stage.scores)])

    def tables() -> Iterator[pa.Table]:
        first = 0
        scores = emit.work.table(segment.number, fragment, "scores") if stage.scores else pa.table({})
        for batch in emit.work.batches(segment.number, fragment, "rows"):
            table = pa.Table.from_batches([batch]).select(names)
            for f in stage.scores:
                table = table.append_column(f, scores.column(f"{step}.{f.name}").slice(first, batch.num_rows))
            first += batch.num_rows
            yield table

    return Content(in_groups(tables(), schema, GROUP_ROWS, GROUP_BYTES), schema)


def told_of_seeds(emit: Emit, step: int, part: str) -> Content:
    """LINEAGE ("lineage"), sorted, or REQUEST rows ("requests") of `step`."""
    schema = LINEAGE if part == "lineage" else REQUEST
    table = emit.work.table(group_of(step), 0, part)
    if part == "lineage":
        child, parent = (halves(table.column(name)) for name in ("child", "parent"))
        table = table.take(pa.array(np.lexsort((parent[:, 1], parent[:, 0], child[:, 1], child[:, 0]))))
    return Content((settled(schema, table.slice(k, EDGE_GROUP)) for k in range(0, table.num_rows, EDGE_GROUP)), schema)
