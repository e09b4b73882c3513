"""Row groups of a file: where each ends, and tables cut into them.

A group ends at so many rows or so many bytes of text, and has one row at least. That depends on the rows alone, however
they come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.ledger import settled
from tamis.schemas.constant import constant


class Piece(NamedTuple):
    """Rows from `start` up to, but not including, `end` of one of the sources that the rows come from."""

    source: int
    start: int
    end: int


def cut(sizes: Iterable[np.ndarray], max_rows: int, max_bytes: int) -> Iterator[tuple[Piece, ...]]:
    """The pieces of each group. sizes: of each source, the bytes of its rows (n,) int64."""
    pieces: list[Piece] = []
    rows = held = 0
    for source, each in enumerate(sizes):
        ends = np.cumsum(each)
        start = 0
        while start < ends.size:
            before = int(ends[start - 1]) if start else 0
            fits = int(np.searchsorted(ends, max_bytes - held + before, "right"))
            end = min(fits, start + max_rows - rows, ends.size)
            if end <= start and not rows:
                end = start + 1
            if end > start:
                pieces.append(Piece(source, start, end))
                rows, held = rows + end - start, held + int(ends[end - 1]) - before
            if end < ends.size:
                yield tuple(pieces)
                pieces, rows, held = [], 0, 0
            start = max(end, start)
    if pieces:
        yield tuple(pieces)


def in_groups(
    tables: Iterable[pa.Table], schema: pa.Schema, max_rows: int, max_bytes: int | None = None
) -> Iterator[pa.Table]:
    """The rows of `tables` as one table of `schema` a group. Of the tables, only those of one group are held."""
    held: dict[int, pa.Table] = {}

    def sizes() -> Iterator[np.ndarray]:
        for k, table in enumerate(tables):
            held[k] = table
            yield np.zeros(table.num_rows, np.int64) if max_bytes is None else row_bytes(table)

    for pieces in cut(sizes(), max_rows, max_bytes or 0):
        yield settled(schema, pa.concat_tables([held[k].slice(start, end - start) for k, start, end in pieces]))
        for done in [k for k in held if k < pieces[-1].source]:
            del held[done]


def row_bytes(batch: pa.RecordBatch | pa.Table) -> np.ndarray:
    """Bytes of text in each row: (n,) int64. Strings, binaries and lists of messages count; the rest is small."""
    sizes = np.zeros(batch.num_rows, np.int64)
    for column in batch.columns:
        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        sizes += _bytes(column)
    return sizes


def _bytes(column: pa.Array) -> np.ndarray:
    kind = column.type
    sizes: np.ndarray
    if pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_large_string(kind):
        width = np.int64 if pa.types.is_large_string(kind) else np.int32
        offsets = np.frombuffer(column.buffers()[1] or bytes(8), width)
        sizes = np.diff(offsets[column.offset : column.offset + len(column) + 1]).astype(np.int64)
        return sizes
    if pa.types.is_struct(kind):
        return sum((_bytes(child) for child in column.flatten()), np.zeros(len(column), np.int64))
    if pa.types.is_list(kind):
        lengths = pc.fill_null(pc.list_value_length(column), constant(0)).to_numpy(zero_copy_only=False)
        ends = np.cumsum(np.concatenate([[0], _bytes(column.flatten())]))
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        sizes = (ends[offsets[1:]] - ends[offsets[:-1]]).astype(np.int64)
        return sizes
    return np.full(len(column), 8, np.int64)
