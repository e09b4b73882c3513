"""A stage applied to a table in memory: what `Stage.__call__` does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa

from tamis.bench import Bench, responses_at
from tamis.data.frames import restore, whole
from tamis.engine.declared import are_told, columns_of
from tamis.engine.desk import MemoryDesk
from tamis.engine.drafts import of_resolution
from tamis.engine.earlier import earlier_corpora, see_whole, sketch_earlier
from tamis.engine.isolate import blamed, index
from tamis.engine.left import fitted
from tamis.engine.made import columns_made, decided, fates_of_seeds, joined, made_by
from tamis.engine.passes import sketched
from tamis.engine.plan import Shape, derived, follow
from tamis.engine.segment import Notes, Rows, Settled, advance
from tamis.errors import UsageError
from tamis.ledger import DRAFT, Step, draft, verdicts
from tamis.schemas import ENVELOPE, OUTCOME, holds_text, kind_of
from tamis.schemas.constant import constant
from tamis.schemas.rows import RECORD_ID
from tamis.stage import Corpus, Derive, Stage

BATCH = 8192


def apply(stage: Stage, data: Any) -> tuple[Any, pa.Table]:
    """Sieve `data` with `stage`: what is kept, in the type of `data`, and the VERDICT rows in input order.

    Of a stage that derives rows: what it makes and keeps, and the verdicts about seeds, then those about what it made.

    Rows without a `record_id` of 16 bytes are known to the verdicts by their position: 16 bytes, big-endian, from 0.
    Raises ColumnMissing where `data` has no text fields, or not what the stage reads, and UsageError where those hold
    no text.
    """
    table = whole(data)
    if isinstance(stage, Derive):
        made, drafts = _derived(stage, list(_batches(_enveloped(table), stage)))
        return restore(made, data), verdicts(drafts, {1: Step.of(stage)})
    notes, parts, sketches, seen = Notes(), [], [], []
    alive, start = np.ones(table.num_rows, bool), 0
    for batch in _batches(table, stage):
        row = np.arange(start, start + batch.num_rows, dtype=np.uint32)
        rows = Rows(batch, row, np.ones(batch.num_rows, bool))
        if isinstance(stage, Corpus):
            seen.append(batch)
            sketches.append(sketched(rows, stage))
        else:
            advance(rows, 1, stage, notes)
            alive[row] = False
            alive[rows.row] = rows.alive
            parts.append(rows.batch.filter(pa.array(rows.alive)))
        start += batch.num_rows
    if isinstance(stage, Corpus):
        desk = _desk(stage, pa.concat_tables(sketches), seen)
        stage.settle(desk)
        alive[_resolved(stage, desk, notes)] = False
        if stage.revisits:
            parts = _revisited(stage, desk, alive, notes)
    kept = table.filter(pa.array(alive))
    for name in _changed(stage, table.schema) if parts else ():
        kept = _with(kept, name, pa.chunked_array([part.column(name) for part in parts]))
    drafts = pa.Table.from_batches(notes.verdicts, schema=DRAFT)
    return restore(kept, data), verdicts(drafts, {1: Step.of(stage)})


def _derived(stage: Derive, seeds: Sequence[pa.RecordBatch]) -> tuple[pa.Table, pa.Table]:
    """What `stage` makes of `seeds` in memory and keeps, after the seeds where it keeps those; and DRAFT rows.

    Answers are kept in the folder where the caller is, unless TAMIS_RESPONSES names another place.
    """
    have = seeds[0].schema
    shape = derived(Shape(kind_of(have), have), stage)
    made_schema, whole = columns_made(stage, shape.kind)
    with TemporaryDirectory(prefix="tamis-derive-") as scratch:
        bench = Bench(Path(scratch), responses_at(None, Path()))
        parts = list(made_by(stage, stage.derive, iter(seeds), bench))
    with blamed(stage, "derive"):
        rows = pa.Table.from_batches([columns_of(part.rows, whole, "rows") for part in parts], schema=whole)
        told = pa.Table.from_batches([columns_of(p.outcomes, OUTCOME, "outcomes") for p in parts], schema=OUTCOME)
        are_told(joined([batch.column("record_id") for batch in seeds]), told)
    of_seeds = fates_of_seeds(np.arange(told.num_rows, dtype=np.uint64), told.combine_chunks(), stage.keeps_seeds)
    columns = {n: of_seeds.column(n).combine_chunks() for n in ("rule", "value", "evidence")}
    ids, action = (of_seeds.column(n).combine_chunks() for n in ("record_id", "action"))
    notes = Notes([draft(np.arange(told.num_rows), ids, 1, action, **columns)])
    kept = [fitted(batch, shape.schema) for batch in seeds] if stage.keeps_seeds else []
    for batch in rows.combine_chunks().to_batches():
        left = decided(stage, 1, batch, fitted(batch.select(made_schema.names), shape.schema), notes)
        kept.append(left.batch.filter(pa.array(left.alive)))
    return pa.Table.from_batches(kept, schema=shape.schema), pa.Table.from_batches(notes.verdicts, schema=DRAFT)


def _enveloped(table: pa.Table) -> pa.Table:
    """`table` with every column of the envelope, null, or "table" for a source, where it has none."""
    n = table.num_rows
    for f in ENVELOPE:
        if f.name not in (*table.schema.names, "record_id"):
            source = pa.repeat(constant("table"), n)
            table = table.append_column(f, source if f.name == "source" else pa.nulls(n, f.type))
    return table


def _batches(table: pa.Table, stage: Stage) -> Iterator[pa.RecordBatch]:
    """The rows as `stage` reads them, in batches; at least one, so that an empty table is looked at, too."""
    batches = table.combine_chunks().to_batches(max_chunksize=BATCH)
    first = 0
    for batch in batches or [pa.RecordBatch.from_pylist([], schema=table.schema)]:
        yield _as_read(batch, stage, first)
        first += batch.num_rows


def _as_read(batch: pa.RecordBatch, stage: Stage, first: int) -> pa.RecordBatch:
    """`batch` in the types a run has: other libraries have long strings and lists, and type a column of nulls as null."""
    kind = kind_of(batch.schema)
    known = {f.name: f.type for f in (*stage.reads, *(f for f in kind.fields if f.name in kind.texts))}
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    for name, column in columns.items():
        wanted = known.get(name) if pa.types.is_null(column.type) else plain(column.type)
        if wanted is not None and wanted != column.type:
            columns[name] = column.cast(wanted)
        if name in kind.texts and not holds_text(columns[name].type):
            raise UsageError(
                f"{stage.label} reads the text in {name!r}, which is {column.type}; cast it to strings first"
            )
    columns["record_id"] = _ids(columns.get("record_id"), first, batch.num_rows)
    read = pa.record_batch(columns)
    follow([stage], read.schema)
    return read


def plain(of: pa.DataType) -> pa.DataType:
    """The type of a run's columns that holds what `of` holds."""
    if pa.types.is_large_string(of) or pa.types.is_string_view(of):
        return pa.string()
    if pa.types.is_large_binary(of) or pa.types.is_binary_view(of):
        return pa.binary()
    if pa.types.is_dictionary(of):
        return plain(of.value_type)
    if pa.types.is_list(of) or pa.types.is_large_list(of) or pa.types.is_fixed_size_list(of):
        return pa.list_(of.value_field.with_type(plain(of.value_type)))
    if pa.types.is_struct(of):
        return pa.struct([f.with_type(plain(f.type)) for f in of])
    return of


def _ids(column: pa.Array | None, first: int, n: int) -> pa.Array:
    """The rows' own ids where they are ours, else their positions."""
    if column is not None and not column.null_count:
        try:
            return column.cast(RECORD_ID)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            pass  # a column of the caller's that only has the name
    data = np.zeros((n, 2), ">u8")
    data[:, 1] = np.arange(first, first + n)
    return pa.FixedSizeBinaryArray.from_buffers(RECORD_ID, n, [None, pa.py_buffer(data)])


def _changed(stage: Stage, schema: pa.Schema) -> list[str]:
    return [*(kind_of(schema).texts if stage.edits else ()), *stage.writes.names]


def _with(table: pa.Table, name: str, column: pa.ChunkedArray) -> pa.Table:
    """`table` with `column`, in the type that stood under `name`."""
    at = table.schema.get_field_index(name)
    if at < 0 or pa.types.is_null(table.schema.field(at).type):
        return table.append_column(name, column) if at < 0 else table.set_column(at, name, column)
    was = table.schema.field(at)
    return table.set_column(at, was, column.cast(was.type))


def _desk(stage: Corpus, sketches: pa.Table, batches: list[pa.RecordBatch]) -> MemoryDesk:
    """Where `stage` settles: the table, after the earlier corpora it compares with."""
    before = earlier_corpora(stage)
    parts, ids = [], []
    for earlier in before:
        found = sketch_earlier(stage, earlier)
        see_whole([earlier], [{"total": len(found.ids), "damage": found.damage}])
        parts.append(index(stage, found.table))
        ids.append(found.ids)
    parts.append(index(stage, sketches))
    ids.append(pa.concat_arrays([batch.column("record_id") for batch in batches]))
    return MemoryDesk(stage, parts, ids, batches, before)


def _resolved(stage: Corpus, desk: MemoryDesk, notes: Notes) -> np.ndarray:
    """Rows that `stage` resolved to let go: (n,) int64, noted."""
    count = desk.count("resolved")
    if not count:
        return np.zeros(0, np.int64)
    found = pa.concat_tables([desk.table("resolved", k) for k in range(count)]).sort_by("ordinal").combine_chunks()
    rows: np.ndarray = found.column("ordinal").to_numpy().astype(np.int64) - int(desk.bases[desk.earlier])
    notes.verdicts.append(of_resolution(rows, desk.ids[-1].take(pa.array(rows)), 1, found, Step.of(stage)))
    return rows


def _revisited(stage: Corpus, desk: MemoryDesk, alive: np.ndarray, notes: Notes) -> list[pa.RecordBatch]:
    """The rows that are kept after another look at all that are still in; `alive` is brought up to date."""
    parts, first = [], 0
    for batch in desk.batches:
        here = np.flatnonzero(alive[first : first + batch.num_rows])
        taken = batch.take(pa.array(here)) if here.size < batch.num_rows else batch
        rows = Rows(taken, (first + here).astype(np.uint32), np.ones(here.size, bool))
        advance(rows, 1, stage, notes, settled=Settled(desk, int(desk.bases[desk.earlier])))
        alive[first : first + batch.num_rows] = False
        alive[rows.row] = rows.alive
        parts.append(rows.batch.filter(pa.array(rows.alive)))
        first += batch.num_rows
    return parts
