"""The text of rows of any kind, seen as one flat array of strings.

A text field is a string, a list of strings (`choices`) or a list of messages (their `content`).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.errors import ColumnMissing
from tamis.schemas.constant import constant
from tamis.schemas.rows import KINDS, Kind


def kind_of(schema: pa.Schema) -> Kind:
    """The kind whose own columns `schema` has. Raises ColumnMissing where no kind fits."""
    for kind in KINDS.values():
        if all(f.name in schema.names for f in kind.fields):
            return kind
    raise ColumnMissing("a stage on text", {"text"}, schema.names)


def text_fields(schema: pa.Schema, on: str | Iterable[str] | None = None) -> tuple[str, ...]:
    """Names of the text fields of rows of `schema`, or of those named in `on`. Raises ColumnMissing."""
    if on is None:
        return kind_of(schema).texts
    wanted = (on,) if isinstance(on, str) else tuple(on)
    if missing := set(wanted) - set(schema.names):
        raise ColumnMissing("on:", missing, schema.names)
    return wanted


def holds_text(kind: pa.DataType) -> bool:
    """Whether it is text, a list of texts, or messages."""
    if pa.types.is_list(kind):
        kind = kind.value_type
        if pa.types.is_struct(kind):
            at = kind.get_field_index("content")
            return at >= 0 and bool(pa.types.is_string(kind.field(at).type))
    return bool(pa.types.is_string(kind))


class Flat(NamedTuple):
    """All strings of one text field: `strings[offsets[i]:offsets[i + 1]]` are those of row i; offsets None: one a row."""

    strings: pa.StringArray
    offsets: np.ndarray | None


def flat(column: pa.Array) -> Flat:
    """The strings of a text field; a null row of a list has none."""
    if not pa.types.is_list(column.type):
        return Flat(column, None)
    values = column.flatten()
    lengths = pc.fill_null(pc.list_value_length(column), constant(0)).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int32)]).astype(np.int32)
    strings = pc.struct_field(values, "content") if pa.types.is_struct(values.type) else values
    return Flat(strings, offsets)


def rebuild(column: pa.Array, strings: pa.StringArray) -> pa.Array:
    """`column` with its strings replaced by `strings`, which are in the order of `flat(column).strings`."""
    if not pa.types.is_list(column.type):
        return strings
    values, were = strings, column.flatten()
    if pa.types.is_struct(were.type):
        # Not always MESSAGE: a table of the caller's may hold more of a message, or less.
        parts = [strings if f.name == "content" else pc.struct_field(were, f.name) for f in were.type]
        mask = were.is_null() if were.null_count else None
        values = pa.StructArray.from_arrays(parts, fields=list(were.type), mask=mask)
    offsets = flat(column).offsets
    mask = column.is_null() if column.null_count else None
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values, type=column.type, mask=mask)


def joined(batch: pa.RecordBatch, on: str | Iterable[str] | None = None) -> pa.StringArray:
    """One string a row: all its texts, with a blank line between them; "" where it has none. No copy for documents."""
    parts = [_row_strings(batch.column(name)) for name in text_fields(batch.schema, on)]
    if len(parts) == 1:
        return pc.fill_null(parts[0], constant("")) if parts[0].null_count else parts[0]
    if all(part.null_count for part in parts):
        # Arrow leaves a row out that is null in all parts.
        nowhere = reduce(pc.and_, (part.is_null() for part in parts))
        parts[0] = pc.if_else(nowhere, constant(""), parts[0])
    return pc.binary_join_element_wise(*parts, constant("\n\n"), null_handling="skip")


def _row_strings(column: pa.Array) -> pa.StringArray:
    if not pa.types.is_list(column.type):
        return column
    strings, offsets = flat(column)
    lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pc.fill_null(strings, constant("")))
    return pc.binary_join(lists, constant("\n\n"))
