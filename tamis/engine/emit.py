"""From work files to the run's own: data, verdicts, fates, scores, quarantine.

Where a file or row group ends depends on the rows alone, never on how the input was cut, so the bytes are the same for
any number of workers and any partition size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.data import Fragment, Reading
from tamis.data.writer import write_parquet
from tamis.engine.drafts import drafts_between, with_new_ids
from tamis.engine.exchange import IDS, Exchanged, Fates
from tamis.engine.isolate import blamed
from tamis.engine.left import left, rows_left
from tamis.engine.passes import after, by_id, row_bytes
from tamis.engine.plan import Plan
from tamis.engine.work import Work
from tamis.ledger import DRAFT, KEPT, Step, aside_schema, fates, set_aside, settled, verdicts, working
from tamis.schemas import FATES, VERDICT

GROUP_ROWS, GROUP_BYTES, FILE_GROUPS = 1 << 14, 2 << 20, 32
"""A row group of data ends at so many rows or bytes of text, a file at so many row groups.

Groups of 4 MiB cost 30 MB more at the peak of a run and no less CPU.
"""

FATE_ROWS = 1 << 20
SCORE_ROWS, SCORE_GROUP = 1 << 20, 1 << 17
VERDICT_ROWS, VERDICT_GROUP = 1 << 17, 1 << 16


class Group(NamedTuple):
    """A row group of data: for each fragment it takes from, which of the rows left there, from and to."""

    pieces: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Emit:
    """What every writing task needs."""

    work: Work
    out: Path
    plan: Plan
    fates: Fates
    parts: Sequence[Fragment]
    """The fragments of the input."""
    reading: Reading
    line_bases: np.ndarray
    """(fragments,) line of the file, from 1, on which each fragment begins."""
    steps: dict[int, Step]

    @property
    def fragments(self) -> range:
        """Places of the fragments."""
        return range(len(self.parts))

    @property
    def last(self) -> int:
        """The segment whose rows are the data."""
        return self.plan.segments[-1].number

    def sizes(self, fragment: int) -> np.ndarray:
        """Bytes of each row of `fragment` that is in at the end."""
        measured = self.fates.in_after(self.last, fragment)
        kept = self.fates.of(fragment)[0][measured] == KEPT
        sizes: np.ndarray = self.work.table(self.last, fragment, "sizes").column("bytes").to_numpy()[kept]
        return sizes

    def rows(self, fragment: int, after: int, wanted: np.ndarray | None = None) -> Iterator[pa.RecordBatch]:
        """Rows of `fragment` as segment `after` left them: those that are in at the end, or `wanted`."""
        part = self.parts[fragment]
        where = left(self.plan, self.fates, fragment, after, wanted)
        return (batch for batch, _ in rows_left(self.work, fragment, part, self.reading, where))


class EmitTask(NamedTuple):
    """One output file."""

    emit: Emit
    what: Literal["data", "verdicts", "fates", "scores", "quarantine", "leaves"]
    number: int
    path: str
    groups: tuple[Any, ...]


def run_emit(task: EmitTask) -> dict[str, Any]:
    """Write one output file, unless it is there and whole; return its path, rows, bytes and sha256."""
    emit, target = task.emit, task.emit.out / task.path
    group = f"out-{task.what}"
    done = emit.work.done(group, task.number)
    if (
        done is not None
        and done["file"]["path"] == task.path
        and target.exists()
        and _sha256(target) == done["file"]["sha256"]
    ):
        return dict(done["file"])
    target.parent.mkdir(parents=True, exist_ok=True)
    tables, schema = _CONTENT[task.what](task)
    digest = write_parquet(target, tables, schema)
    facts = {"path": task.path, "rows": digest.rows, "bytes": digest.bytes, "sha256": digest.sha256}
    emit.work.temporary(group, task.number, "json")
    emit.work.finish(group, task.number, {}, {"file": facts})
    return facts


def tasks(emit: Emit, total: int, decisions: int) -> Iterator[EmitTask]:
    """Every output file of a run over `total` records with `decisions` verdicts."""
    for k, groups in enumerate(data_files(emit)):
        yield EmitTask(emit, "data", k, f"data/part-{k:05d}.parquet", tuple(groups))
    parts = 1 << max(0, (max(decisions, 1) - 1) // VERDICT_ROWS).bit_length()
    for k in range(parts):
        bounds = (k * 2**64 // parts, (k + 1) * 2**64 // parts - 1)
        yield EmitTask(emit, "verdicts", k, f"verdicts/part-{k:05d}.parquet", bounds)
    yield EmitTask(emit, "fates", 0, "fates.parquet", ())
    if score_schema(emit.plan):
        for k, start in enumerate(range(0, max(total, 1), SCORE_ROWS)):
            yield EmitTask(emit, "scores", k, f"scores/part-{k:05d}.parquet", (start, min(start + SCORE_ROWS, total)))
    left_behind = [(step, name) for step, stage in emit.plan.steps for name in stage.leaves]
    for k, (step, name) in enumerate(left_behind):
        # A second stage that leaves a file of this name has its step in front of it.
        first = next(s for s, n in left_behind if n == name) == step
        yield EmitTask(emit, "leaves", k, name if first else f"{step}-{name}", (step, name))
    if any(emit.work.table(s.number, f, "aside").num_rows for s in emit.plan.segments for f in emit.fragments) or any(
        emit.fates.renamed(f) for f in emit.fragments
    ):
        yield EmitTask(emit, "quarantine", 0, "quarantine/part-00000.parquet", ())


def data_files(emit: Emit) -> Iterator[list[Group]]:
    """Row groups of each data file; one file without row groups where nothing is kept."""
    groups: list[Group] = []
    files = 0
    for group in _groups(emit):
        groups.append(group)
        if len(groups) == FILE_GROUPS:
            yield groups
            groups, files = [], files + 1
    if groups or not files:
        yield groups


def _groups(emit: Emit) -> Iterator[Group]:
    pieces: list[tuple[int, int, int]] = []
    rows = size = 0
    for fragment in emit.fragments:
        ends = np.cumsum(emit.sizes(fragment))
        start = 0
        while start < ends.size:
            before = int(ends[start - 1]) if start else 0
            fits = int(np.searchsorted(ends, GROUP_BYTES - size + before, "right"))
            end = min(fits, start + GROUP_ROWS - rows, ends.size)
            if end <= start and not rows:
                end = start + 1
            if end > start:
                pieces.append((fragment, start, end))
                rows, size = rows + end - start, size + int(ends[end - 1]) - before
            if end < ends.size:
                yield Group(tuple(pieces))
                pieces, rows, size = [], 0, 0
            start = max(end, start)
    if pieces:
        yield Group(tuple(pieces))


def _data(task: EmitTask) -> tuple[Iterator[pa.Table], pa.Schema]:
    return _grouped(task.emit, task.groups), task.emit.plan.schema


def _grouped(emit: Emit, groups: Sequence[Group]) -> Iterator[pa.Table]:
    """The table of each group. Groups follow one another, so that each fragment is read once."""
    rows = _stream(emit, groups)
    rest = next(rows, None)
    for group in groups:
        wanted, held = sum(end - start for _, start, end in group.pieces), []
        while wanted:
            assert rest is not None, "fewer rows than were counted"
            held.append(rest.slice(0, wanted))
            wanted -= held[-1].num_rows
            rest = rest.slice(held[-1].num_rows) if held[-1].num_rows < rest.num_rows else next(rows, None)
        yield pa.Table.from_batches(held)


def _stream(emit: Emit, groups: Sequence[Group]) -> Iterator[pa.RecordBatch]:
    """Rows of the groups, batch by batch, from the first of the first group on."""
    pieces = [piece for group in groups for piece in group.pieces]
    for fragment in dict.fromkeys(fragment for fragment, _, _ in pieces):
        start = min(start for f, start, _ in pieces if f == fragment)
        end = max(end for f, _, end in pieces if f == fragment)
        kept = np.flatnonzero(emit.fates.of(fragment)[0] == KEPT)
        yield from emit.rows(fragment, emit.last, kept[start:end])


def _fates(task: EmitTask) -> tuple[Iterator[pa.Table], pa.Schema]:
    def tables() -> Iterator[pa.Table]:
        for f in task.emit.fragments:
            fate, step = task.emit.fates.of(f)
            yield fates(fate, step, _ids(task.emit, f))

    return regroup(tables(), FATES, FATE_ROWS), FATES


def _ids(emit: Emit, fragment: int) -> pa.Array:
    """Record ids of a fragment, repeated ones renamed."""
    ids = emit.work.table(0, fragment, "index").column("record_id").combine_chunks()
    renamed = emit.fates.renamed(fragment)
    if not renamed:
        return ids
    names = ids.to_pylist()
    for row, name in renamed.items():
        names[row] = name
    return pa.array(names, ids.type)


def _verdicts(task: EmitTask) -> tuple[Iterator[pa.Table], pa.Schema]:
    low, high = task.groups
    found = [drafts_between(task.emit.work, fragment, low, high) for fragment in task.emit.fragments]
    whole = verdicts(by_id(pa.concat_tables([DRAFT.empty_table(), *found])), task.emit.steps)
    starts = range(0, whole.num_rows, VERDICT_GROUP)
    return (settled(VERDICT, whole.slice(k, VERDICT_GROUP)) for k in starts), VERDICT


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


def _scores(task: EmitTask) -> tuple[Iterator[pa.Table], pa.Schema]:
    emit, (start, end) = task.emit, task.groups
    schema = score_schema(emit.plan)

    def tables() -> Iterator[pa.Table]:
        bases = emit.fates.bases
        for f in emit.fragments:
            lo, hi = max(start, int(bases[f])), min(end, int(bases[f + 1]))
            if lo < hi:
                yield _fragment_scores(emit, f, schema).slice(lo - int(bases[f]), hi - lo)

    return regroup(tables(), schema, SCORE_GROUP), schema


def _fragment_scores(emit: Emit, fragment: int, schema: pa.Schema) -> pa.Table:
    total = int(emit.fates.bases[fragment + 1] - emit.fates.bases[fragment])
    columns: dict[str, Any] = {}
    for segment in emit.plan.segments:
        if any(stage.scores for _, stage in segment.passed):
            table = emit.work.table(segment.number, fragment, "scores")
            columns.update(zip(table.schema.names, table.columns, strict=True))
        if segment.corpus and segment.corpus[1].stored:
            step, sketch = segment.corpus[0], emit.work.table(segment.number, fragment, "sketch")
            place = np.full(total, -1, np.int64)
            place[sketch.column("row").to_numpy()] = np.arange(sketch.num_rows)
            at = pa.array(place, mask=place < 0)
            columns.update({f"{step}.{n}": sketch.column(n).take(at) for n in segment.corpus[1].sketches.names})
    return pa.table([columns[f.name] for f in schema], schema=schema)


def _leaves(task: EmitTask) -> tuple[Iterator[pa.Table], pa.Schema]:
    """A file that a stage makes of what it measured."""
    emit, (step, name) = task.emit, task.groups
    stage = dict(emit.plan.steps)[step]
    with blamed(stage, "leave"):
        table = stage.leave(name, scores_of(emit, step, stage.scores))
    return iter([settled(table.schema, table)] if table.num_rows else []), table.schema


def scores_of(emit: Emit, step: int, measured: pa.Schema) -> Iterator[pa.RecordBatch]:
    """`record_id`, whether it is `kept`, and what step `step` measured, of every record, in order."""
    number = next(s.number for s in emit.plan.segments if step in dict(s.passed))
    for f in emit.fragments:
        scores = emit.work.table(number, f, "scores").select([f"{step}.{name}" for name in measured.names])
        kept = pa.array(emit.fates.of(f)[0] == KEPT)
        table = pa.table([_ids(emit, f), kept, *scores.columns], names=["record_id", "kept", *measured.names])
        yield from table.combine_chunks().to_batches()


def _quarantine(task: EmitTask) -> tuple[Iterator[pa.Table], pa.Schema]:
    schema = aside_schema(task.emit.plan.schema)
    tables = (_fragment_aside(task.emit, f) for f in task.emit.fragments)
    return regroup(tables, schema, 1 << 12, GROUP_BYTES), schema


def _fragment_aside(emit: Emit, fragment: int) -> pa.Table:
    schema = working(aside_schema(emit.plan.schema)).append(pa.field("row", pa.uint32()))
    renamed = emit.fates.renamed(fragment)
    tables = [
        with_new_ids(emit.work.table(s.number, fragment, "aside").cast(schema), renamed) for s in emit.plan.segments
    ]
    if renamed:
        tables.append(_repeated_rows(emit, fragment, renamed, schema))
    table = pa.concat_tables(tables)
    table = table.take(pa.array(np.argsort(table.column("row").to_numpy(), kind="stable")))
    row = table.column("row").to_numpy()
    line = emit.work.table(0, fragment, "index").column("line").to_numpy()[row] + emit.line_bases[fragment]
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
    data = after(emit.plan, emit.plan.segments[0])
    rows = pa.Table.from_batches(batches, schema=data)
    ids = pa.array([renamed[row] for row in wanted.tolist()], pa.binary(16))
    rows = rows.set_column(0, data.field(0), ids)
    rule = pa.array(["duplicate_id"] * len(wanted), pa.string())
    why = pa.array(["an earlier record of this source has the same id"] * len(wanted), pa.string())
    table = set_aside(rows, 0, rule, why, emit.plan.schema)
    return table.append_column("row", pa.array(wanted, pa.uint32())).cast(schema)


def regroup(
    tables: Iterable[pa.Table], schema: pa.Schema, max_rows: int, max_bytes: int | None = None
) -> Iterator[pa.Table]:
    """The rows of `tables` in row groups that end at `max_rows` rows or `max_bytes` bytes, however they came."""
    held: list[pa.Table] = []
    rows = size = 0
    for table in tables:
        ends = np.cumsum(row_bytes(table)) if max_bytes else np.zeros(table.num_rows, np.int64)
        start = 0
        while start < table.num_rows:
            before = int(ends[start - 1]) if start else 0
            fits = int(np.searchsorted(ends, max_bytes - size + before, "right")) if max_bytes else table.num_rows
            end = min(fits, start + max_rows - rows, table.num_rows)
            if end <= start and not rows:
                end = start + 1
            if end > start:
                held.append(table.slice(start, end - start))
                rows, size = rows + end - start, size + int(ends[end - 1]) - before
            if end < table.num_rows:
                yield settled(schema, pa.concat_tables(held))
                held, rows, size = [], 0, 0
            start = max(end, start)
    if held:
        yield settled(schema, pa.concat_tables(held))


_CONTENT = {
    "data": _data,
    "verdicts": _verdicts,
    "fates": _fates,
    "scores": _scores,
    "quarantine": _quarantine,
    "leaves": _leaves,
}


def _sha256(path: Path) -> str:
    import hashlib

    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
