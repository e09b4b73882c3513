"""The texts of rows of any kind as one string after the other, and places in them as spans of their fields."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.kernels.hash import bytes_of
from tamis.kernels.ngrams_cut import code_points_before
from tamis.schemas import DECISION, flat, rebuild, text_fields

SPANS = DECISION.field("spans").type


class Pieces(NamedTuple):
    """Row i is `strings[rows[i]:rows[i + 1]]`, in the order of its fields.

    strings  (m,) without nulls in what is counted: a null is no bytes
    rows     (n + 1,) int64
    names    the text fields
    field    (m,) int8   position in `names`
    inside   (m,) int32  place in its list, -1 where the field is one string
    order    (m,) int64  place of each string among those of all fields, field by field
    """

    strings: pa.StringArray
    rows: np.ndarray
    names: tuple[str, ...]
    field: np.ndarray
    inside: np.ndarray
    order: np.ndarray


def pieces_of(batch: pa.RecordBatch) -> Pieces:
    """The texts of `batch`. No copy for documents."""
    names, n = text_fields(batch.schema), batch.num_rows
    parts, row, field, inside = [], [], [], []
    for k, name in enumerate(names):
        strings, offsets = flat(batch.column(name))
        parts.append(pc.fill_null(strings, "") if strings.null_count else strings)
        counts = np.ones(n, np.int64) if offsets is None else np.diff(offsets)
        row.append(np.repeat(np.arange(n), counts))
        field.append(np.full(len(strings), k, np.int8))
        inside.append(
            np.full(len(strings), -1, np.int32)
            if offsets is None
            else (np.arange(len(strings)) - offsets[:-1][row[-1]]).astype(np.int32)
        )
    rows = np.concatenate([[0], np.cumsum(np.bincount(np.concatenate(row), minlength=n))]).astype(np.int64)
    if len(names) == 1:
        return Pieces(parts[0], rows, names, field[0], inside[0], np.arange(len(parts[0])))
    order = np.argsort(np.concatenate(row), kind="stable")
    strings = pa.concat_arrays(parts).take(pa.array(order))
    return Pieces(strings, rows, names, np.concatenate(field)[order], np.concatenate(inside)[order], order)


def with_strings(batch: pa.RecordBatch, pieces: Pieces, strings: pa.StringArray) -> dict[str, pa.Array]:
    """The text columns of `batch` with `strings` in place of those of `pieces`; a null stays one."""
    back = np.empty(len(pieces.order), np.int64)
    back[pieces.order] = np.arange(len(back))
    strings, columns, first = strings.take(pa.array(back)), {}, 0
    for name in pieces.names:
        were = flat(batch.column(name)).strings
        now = strings.slice(first, len(were))
        first += len(were)
        columns[name] = rebuild(batch.column(name), pc.if_else(were.is_valid(), now, None) if were.null_count else now)
    return columns


def spans_of(pieces: Pieces, start: np.ndarray, stop: np.ndarray, label: pa.Array) -> pa.ListArray:
    """SPANS for each of the places `start` to `stop` (k,) in bytes of all strings: one for every string it touches.

    label  k names
    """
    data, offsets = bytes_of(pieces.strings)
    ends = offsets.astype(np.int64)
    low = np.searchsorted(ends, start, "right") - 1
    high = np.searchsorted(ends, stop, "left") - 1
    counts = np.maximum(high - low + 1, 0)
    which = np.repeat(np.arange(len(start)), counts)
    piece = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts) + low[which]
    begin, end = np.maximum(start[which], ends[piece]), np.minimum(stop[which], ends[piece + 1])
    holds = end > begin
    which, piece, begin, end = which[holds], piece[holds], begin[holds], end[holds]
    zero, first, last = np.split(code_points_before(data, np.concatenate([ends[piece], begin, end])), 3)
    columns = [
        _places(pieces, piece),
        pa.array(first - zero, pa.int32()),
        pa.array(last - zero, pa.int32()),
        label.take(pa.array(which)),
    ]
    spans = pa.StructArray.from_arrays(columns, fields=list(SPANS.value_type))
    after = np.concatenate([[0], np.cumsum(np.bincount(which, minlength=len(start)))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(after), spans, type=SPANS)


def _places(pieces: Pieces, piece: np.ndarray) -> pa.StringArray:
    """What SPANS calls the field of each string `piece` (k,)."""
    if pieces.names == ("text",):
        return pa.nulls(len(piece), pa.string())
    field, inside = pieces.field[piece], pieces.inside[piece]
    names = (
        pieces.names[f] + (f"[{k}]" if k >= 0 else "") for f, k in zip(field.tolist(), inside.tolist(), strict=True)
    )
    return pa.array(names, pa.string())


def cut(strings: pa.StringArray, places: Iterable[tuple[int, int]]) -> pa.StringArray:
    """`strings` without the bytes from start to stop of `places`, which may overlap and reach over several strings.

    Of the white space around a cut, what stands before it stays.
    """
    data, offsets = bytes_of(strings)
    ends, text = offsets.astype(np.int64), data.tobytes() if len(data) else b""
    merged: list[list[int]] = []
    for start, stop in sorted(places):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], stop)
        else:
            merged.append([start, stop])
    gone: dict[int, list[tuple[int, int]]] = {}
    for start, stop in merged:
        low, high = int(np.searchsorted(ends, start, "right")) - 1, int(np.searchsorted(ends, stop, "left")) - 1
        for piece in range(low, high + 1):
            begin, end = max(start, int(ends[piece])), min(stop, int(ends[piece + 1]))
            if begin < end:
                gone.setdefault(piece, []).append((begin, end))
    if not gone:
        return strings
    changed = sorted(gone)
    now = pa.array([_without(text, int(ends[p]), int(ends[p + 1]), gone[p]) for p in changed], pa.string())
    at = np.arange(len(strings))
    at[changed] = len(strings) + np.arange(len(changed))
    return pa.concat_arrays([strings, now]).take(pa.array(at))


def _without(text: bytes, first: int, last: int, gone: list[tuple[int, int]]) -> str:
    kept, at = b"", first
    for start, stop in gone:
        kept += text[at:start]
        at = stop
        if not kept or kept[-1:].isspace():
            while at < last and text[at : at + 1].isspace():
                at += 1
    return (kept + text[at:last]).decode("utf-8")
