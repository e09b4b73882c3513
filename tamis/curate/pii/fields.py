"""Where private data may stand in a row: texts, messages, and the strings of `url` and `meta`, each as flat strings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.curate.pii.leaves import Leaves, leaves, with_leaves
from tamis.errors import ColumnMissing
from tamis.schemas import flat, kind_of, rebuild


class FieldPart(NamedTuple):
    """Strings of one field of every row.

    strings  n of them, none null; nulls of the field are empty
    rows     (n,) int64: row of each string
    what     where they stand: the field's texts, its JSON, or of its messages who speaks or all else
    field    None: the field is the only text of its kind, and the ledger need not name it
    first    (n,) int64: place of the string in its field, from 0; None: it is the only one
    leaves   how they are put back, where they are of JSON
    """

    strings: pa.StringArray
    rows: np.ndarray
    what: Literal["text", "json", "role", "extra"]
    field: str | None
    first: np.ndarray | None = None
    leaves: Leaves | None = None

    def name(self, place: int) -> str | None:
        """What the ledger calls the string at `place`: text, messages[2], messages[2].role, meta[5], messages[2].extra[0]."""
        if self.first is None:
            return self.field
        at = int(self.first[place])
        if self.what == "role":
            return f"{self.field}[{at}].role"
        if self.what != "extra" or self.leaves is None:
            return f"{self.field}[{at}]"
        message = int(np.searchsorted(self.leaves.offsets, place, side="right")) - 1
        return f"{self.field}[{at}].extra[{place - int(self.leaves.offsets[message])}]"


def parts_of(batch: pa.RecordBatch, fields: Sequence[str]) -> dict[str, list[FieldPart]]:
    """The strings of `fields` of every row, by column. `texts` stands for all text fields. Raises ColumnMissing."""
    kind = kind_of(batch.schema)
    names = dict.fromkeys(n for f in fields for n in (kind.texts if f == "texts" else (f,)))
    if missing := set(names) - {*batch.schema.names}:
        raise ColumnMissing("pii@1", missing, batch.schema.names)
    found: dict[str, list[FieldPart]] = {}
    for name in names:
        column = batch.column(name)
        found[name] = [_json(column, name)] if name == "meta" else [_texts(column, name, kind.texts)]
    if "meta" in names:
        for name in kind.texts:
            found.setdefault(name, []).extend(_beside(batch.column(name), name))
    return found


def put_back(column: pa.Array, parts: Sequence[FieldPart], strings: Sequence[pa.StringArray]) -> pa.Array:
    """`column` with the strings of its `parts` replaced; what was null stays so."""
    for part, new in zip(parts, strings, strict=True):
        if part.what == "text":
            column = rebuild(column, _but_nulls(flat(column).strings, new))
            continue
        changed = np.flatnonzero(pc.not_equal(part.strings, new).to_numpy(zero_copy_only=False))
        if part.what == "json":
            assert part.leaves is not None
            column = with_leaves(column, new, part.leaves, changed)
        elif changed.size:
            column = _with_field(column, part, new, changed)
    return column


def _but_nulls(was: pa.StringArray, new: pa.StringArray) -> pa.StringArray:
    return pc.if_else(was.is_valid(), new, was) if was.null_count else new


def _with_field(column: pa.ListArray, part: FieldPart, new: pa.StringArray, changed: np.ndarray) -> pa.ListArray:
    """Lists of messages with their roles, or what they hold beside, put anew."""
    values = column.flatten()
    was = pc.struct_field(values, part.what)
    put = _but_nulls(was, new) if part.leaves is None else with_leaves(was, new, part.leaves, changed)
    kept = [put if f.name == part.what else pc.struct_field(values, f.name) for f in values.type]
    values = pa.StructArray.from_arrays(
        kept, fields=list(values.type), mask=values.is_null() if values.null_count else None
    )
    offsets, mask = pa.array(flat(column).offsets, pa.int32()), column.is_null() if column.null_count else None
    return pa.ListArray.from_arrays(offsets, values, type=column.type, mask=mask)


def _texts(column: pa.Array, name: str, texts: Sequence[str]) -> FieldPart:
    strings, offsets = flat(column)
    strings = pc.fill_null(strings, "") if strings.null_count else strings
    if offsets is None:
        return FieldPart(strings, np.arange(len(strings)), "text", None if texts == (name,) else name)
    rows, first = _places(offsets)
    return FieldPart(strings, rows, "text", name, first)


def _json(column: pa.Array, name: str) -> FieldPart:
    found = leaves(column)
    rows, first = _places(found.offsets)
    return FieldPart(found.strings, rows, "json", name, first, found)


def _beside(column: pa.Array, name: str) -> list[FieldPart]:
    """What messages hold beside their content: who speaks, and all else; nothing where the field is no list of messages."""
    if not (pa.types.is_list(column.type) and pa.types.is_struct(column.type.value_type)):
        return []
    offsets = flat(column).offsets
    assert offsets is not None
    rows, place = _places(offsets)
    values, found = column.flatten(), []
    if values.type.get_field_index("role") >= 0:
        role = pc.fill_null(pc.struct_field(values, "role"), "")
        found.append(FieldPart(role, rows, "role", name, place))
    if values.type.get_field_index("extra") >= 0:
        more = leaves(pc.struct_field(values, "extra"))
        message, _ = _places(more.offsets)
        found.append(FieldPart(more.strings, rows[message], "extra", name, place[message], more))
    return found


def _places(offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row of each string and its place in it, from where the strings of each row begin: (n,) int64 each."""
    rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    return rows, np.arange(len(rows)) - offsets[rows]
