"""What is cut out of the texts of a batch, as scores, ledger spans and edited columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.kernels.spans_cut import sizes, solid_chars, without
from tamis.schemas import flat, rebuild, text_fields
from tamis.schemas._field import field
from tamis.schemas.constant import constant
from tamis.schemas.ledger import SPANS

SCORES = pa.schema(
    [
        field(
            "repeated_in", pa.uint32(), "Records that have the most frequent of its repeated passages; 0: it has none."
        ),
        field("cut_chars", pa.uint32(), "Characters in repeated passages, white space left out."),
        field(
            "chars", pa.uint32(), "Characters of the record, white space left out; null where it has no such passage."
        ),
        field("cut_spans", SPANS, "Where the passages are, each with the number of records that have it."),
    ]
)


class Strings(NamedTuple):
    """The strings of one text field: `strings[rows[i]:rows[i + 1]]` are those of row i; none is null.

    place says how a span names one: None where the field is the only text, else the field; `is_list`: with a number.
    """

    strings: pa.Array
    rows: np.ndarray
    place: str | None
    is_list: bool


def strings_of(batch: pa.RecordBatch) -> dict[str, Strings]:
    """All texts of a batch, by field."""
    names, found = text_fields(batch.schema), {}
    for name in names:
        strings, offsets = flat(batch.column(name))
        rows = np.arange(len(strings) + 1) if offsets is None else offsets
        strings = pc.fill_null(strings, constant("")) if strings.null_count else strings
        place = None if names == ("text",) else name
        found[name] = Strings(strings, rows.astype(np.int64), place, offsets is not None)
    return found


def trimmed(column: pa.Array, texts: Strings, found: np.ndarray) -> pa.Array:
    """A text column without the passages `found`: (c, 4) int64, string, first byte, one past the last, records."""
    left = without(texts.strings, *found[:, :3].T)
    was = flat(column).strings
    return rebuild(column, pc.if_else(was.is_valid(), left, None) if was.null_count else left)


def scores(texts: Mapping[str, Strings], found: Mapping[str, np.ndarray], unit: str) -> list[pa.Array]:
    """Columns of SCORES for the rows of a batch, from the passages found in each field."""
    n = len(next(iter(texts.values())).rows) - 1
    cuts = [_cuts(texts[name], here, unit) for name, here in found.items() if len(here)]
    most, chars, total = np.zeros(n, np.uint32), np.zeros(n, np.uint32), np.zeros(n, np.uint32)
    if not cuts:
        return [pa.array(most), pa.array(chars), pa.nulls(n, pa.uint32()), pa.nulls(n, SPANS)]
    row = np.concatenate([c.row for c in cuts])
    np.maximum.at(most, row, np.concatenate([c.records for c in cuts]).astype(np.uint32))
    np.add.at(chars, row, np.concatenate([c.chars for c in cuts]).astype(np.uint32))
    for each in texts.values():
        total += solid_chars(each.strings, each.rows, most > 0).astype(np.uint32)
    spans = pa.concat_arrays([c.spans for c in cuts]).take(pa.array(np.argsort(row, kind="stable")))
    ends = np.r_[0, np.cumsum(np.bincount(row, minlength=n))].astype(np.int32)
    none = pa.array(most == 0)
    spans = pa.ListArray.from_arrays(pa.array(ends), spans, SPANS, mask=none)
    return [pa.array(most), pa.array(chars), pc.if_else(none, None, pa.array(total)), spans]


class _Cuts(NamedTuple):
    """Passages of one text field.

    row      (c,) int64   row of the batch
    records  (c,) int64   records that have it
    chars    (c,) int64   code points other than white space in it
    spans    (c,) struct  an item of SPANS for each
    """

    row: np.ndarray
    records: np.ndarray
    chars: np.ndarray
    spans: pa.StructArray


def _cuts(texts: Strings, found: np.ndarray, unit: str) -> _Cuts:
    string, start, stop, records = found.T.copy()
    places = sizes(texts.strings, string, start, stop)
    row = np.searchsorted(texts.rows, string, "right") - 1
    place = pa.repeat(pa.scalar(texts.place, pa.string()), len(row))
    if texts.is_list and texts.place:
        place = _said(f"{texts.place}[", string - texts.rows[row], "]")
    columns = [
        place,
        pa.array(places[:, 0], pa.int32()),
        pa.array(places[:, 1], pa.int32()),
        _said(f"{unit} of ", records, " records"),
    ]
    spans = pa.StructArray.from_arrays(columns, fields=list(SPANS.value_type))
    return _Cuts(row, records, places[:, 2], spans)


def _said(before: str, numbers: np.ndarray, after: str) -> Any:
    """`before`, each of `numbers` (n,), `after`: n strings."""
    return pc.binary_join_element_wise(
        constant(before), pa.array(numbers).cast(pa.string()), constant(after), constant("")
    )
