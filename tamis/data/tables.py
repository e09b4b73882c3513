"""Arrow batches of any schema to rows of a kind.

Three ways, each used where it gives what the next one would, only sooner: rows that are of the kind already are taken
as they are; columns of strings become documents as they stand; all else is written as JSON and read like JSON Lines.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.data.block import BAD, Block, bad_rows, positional, record_ids
from tamis.data.canonical import Origin, canonical
from tamis.data.jsonl import JsonRows
from tamis.data.jsontext import members
from tamis.data.shapes import NAMES, Names, wanted
from tamis.kernels.hash import bytes_of
from tamis.schemas import ENVELOPE, kind
from tamis.schemas.rows import RECORD_ID


def rows_of(batch: pa.RecordBatch, of: str, names: Names, origin: Origin, place: np.ndarray, line: int) -> Block:
    """The rows of `batch` as rows of kind `of`.

    place   (n,) int64  rows of the file they are, from 0; with `line` added, rows of the fragment
    """
    block = _directly(batch, of, names, origin, place)
    if block is not None:
        lines = pa.array(place[block.bad.column("line").to_numpy()] + line, pa.int64())
        return block._replace(line=place[block.line] + line, bad=block.bad.set_column(3, BAD.field("line"), lines))
    rows = JsonRows(json_lines(batch), wanted(names))
    return canonical(rows, of, names, origin, place, place + line, lined=False)


def _directly(batch: pa.RecordBatch, of: str, names: Names, origin: Origin, place: np.ndarray) -> Block | None:
    """The rows of `batch` by one of the shorter ways, if one leads there; lines counted from its first row."""
    if not _is_utf8(batch):
        return None
    block = _as_they_are(batch, of) if names == NAMES else None
    return _documents(batch, names, origin, place) if block is None and of == "document" else block


def json_lines(batch: pa.RecordBatch) -> pa.Buffer:
    """The rows of `batch` as JSON Lines."""
    if not batch.num_columns:
        return pa.py_buffer(b"{}\n" * batch.num_rows)
    lines = pc.binary_join_element_wise(members(batch.schema.names, batch.columns), "\n", "")
    data, offsets = bytes_of(lines)
    return pa.py_buffer(data[offsets[0] : offsets[-1]])


def is_of_kind(schema: pa.Schema, of: str) -> bool:
    """Whether `schema` is that of a data file of ours: envelope and own columns of kind `of`, maybe more."""
    if len(set(schema.names)) != len(schema.names) or any(f.name not in schema.names for f in kind(of).schema):
        return False
    found = schema.field("record_id").type
    return bool(found == RECORD_ID or pa.types.is_binary(found) or pa.types.is_large_binary(found))


def _is_utf8(batch: pa.RecordBatch) -> bool:
    try:
        batch.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _as_they_are(batch: pa.RecordBatch, of: str) -> Block | None:
    """Rows of kind `of` with their record_id; columns a run added are put into meta. None: they are none."""
    if not is_of_kind(batch.schema, of):
        return None
    schema = kind(of).schema
    own = pa.Table.from_batches([batch]).select(schema.names)
    try:
        own = own.cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError):
        return None
    if any(column.null_count for field, column in zip(schema, own.columns, strict=True) if not field.nullable):
        return None
    more = [name for name in batch.schema.names if name not in schema.names]
    rows = own.combine_chunks().to_batches()[0] if batch.num_rows else pa.RecordBatch.from_pylist([], schema=schema)
    if more and batch.num_rows:
        k = schema.get_field_index("meta")
        rows = rows.set_column(
            k, schema.field(k), _with(rows.column("meta"), members(more, [batch[name] for name in more]))
        )
    return _all_good(rows)


def _with(meta: pa.StringArray, more: pa.StringArray) -> pa.StringArray:
    """Objects `more` with `meta` as a member of that name where there is one."""
    opened = pc.replace_substring_regex(more, r"\}$", ',"meta":')
    return pc.coalesce(pc.binary_join_element_wise(opened, meta, "}", ""), more)


def _documents(batch: pa.RecordBatch, names: Names, origin: Origin, place: np.ndarray) -> Block | None:
    """Documents, where every column that is taken holds strings. None: some row needs a closer look."""
    schema = batch.schema
    if len(set(schema.names)) != len(schema.names) or not batch.num_rows:
        return None
    taken = {field: [n for n in names[field] if n in schema.names] for field in ("text", "meta", *ENVELOPE.names[1:6])}
    if not taken["text"] or taken["meta"] or any(len(found) > 1 for found in taken.values()):
        return None
    columns = {}
    for field, found in taken.items():
        strings = _strings(batch.column(found[0])) if found else _none(batch)
        if strings is None:
            return None
        columns[field] = strings
    text, native, own = columns["text"], columns["id"], columns["source"]
    if any(pc.any(pc.equal(column, "")).as_py() for column in (native, own)):
        return None
    left = {name for field, found in taken.items() for name in found if field != "source" or origin.source is None}
    more = [name for name in schema.names if name not in left]
    source = pa.repeat(pa.scalar(origin.fallback), batch.num_rows)
    source = source if origin.source is not None else pc.coalesce(own, source)
    if origin.source is None and own.null_count and taken["source"]:
        return None  # such a null is not taken
    license = columns["license"] if origin.license is None else pc.fill_null(columns["license"], origin.license)
    at = positional(origin.name, place)
    record_id = record_ids(source, pc.coalesce(native, at) if native.null_count else native)
    meta = members(more, [batch.column(name) for name in more]) if more else _none(batch)
    columns_out = [record_id, native, source, columns["url"], license, columns["collected_at"], meta, text]
    rows = pa.record_batch(columns_out, schema=kind("document").schema)
    return _all_good(rows) if not text.null_count else _without_nulls(rows, origin, at, taken["text"][0], batch)


def _without_nulls(rows: pa.RecordBatch, origin: Origin, at: pa.Array, name: str, batch: pa.RecordBatch) -> Block:
    good = rows.column("text").is_valid()
    bad = np.flatnonzero(~good.to_numpy(zero_copy_only=False))
    n = len(bad)
    keys = record_ids(pa.repeat(pa.scalar(origin.fallback), n), at.take(pa.array(bad)))
    raw = members(batch.schema.names, batch.take(pa.array(bad)).columns).cast(pa.binary()).to_pylist()
    said = f"{name!r} is null; a value was wanted"
    refused = bad_rows(bad, keys, ["null_text"] * n, bad, None, [said] * n, raw)
    position = np.flatnonzero(good.to_numpy(zero_copy_only=False))
    return Block(rows.filter(good), position.astype(np.uint32), refused, len(good), len(good), position)


def _all_good(rows: pa.RecordBatch) -> Block:
    n = rows.num_rows
    bad = bad_rows(np.empty(0), pa.array([], RECORD_ID), [], np.empty(0), None, [], [])
    return Block(rows, np.arange(n, dtype=np.uint32), bad, n, n, np.arange(n))


def _strings(column: pa.Array) -> pa.StringArray | None:
    """`column` as strings, where it holds strings, whole numbers (as JSON has them) or nothing; else None."""
    held = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if (
        pa.types.is_null(held)
        or pa.types.is_integer(held)
        or held in (pa.string(), pa.large_string(), pa.string_view())
    ):
        return column.cast(pa.string())
    return None


def _none(batch: pa.RecordBatch) -> pa.StringArray:
    return pa.nulls(batch.num_rows, pa.string())
