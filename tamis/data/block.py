"""What reading gives: a bounded block of good rows, and of the bad ones with what is wrong with each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.kernels.hash import bytes_of
from tamis.kernels.sha256 import sha256_prefixes
from tamis.schemas._field import field
from tamis.schemas.constant import constant
from tamis.schemas.ledger import NAME
from tamis.schemas.rows import RECORD_ID

RAW_BYTES = 64 * 1024
"""As much of a bad line as is kept."""

BAD = pa.schema(
    [
        field("position", pa.uint32(), "Place of the row among all rows of the block, from 0.", False),
        field("record_id", RECORD_ID, "Key of the row by its place in the file.", False),
        field("rule", NAME, "What is wrong.", False),
        field("line", pa.int64(), "Line of the fragment, from 0."),
        field("offset", pa.int64(), "Byte offset of the line in the (decompressed) file."),
        field("message", pa.string(), "What was found and what was wanted."),
        field("raw", pa.binary(), "The line as it stood, at most its first 64 KiB."),
    ]
)
"""Rows that could not be read as records, in the order of the input."""


class Block(NamedTuple):
    """Rows of a fragment, in order.

    rows      good rows, exactly of their kind's schema
    position  (rows,) uint32  place of each good row among all rows of this block, from 0
    bad       BAD rows
    total     good and bad rows
    lines     lines read, blank ones too; rows where the input has no lines
    line      (rows,) int64   line of each good row relative to the fragment, from 0
    damage    what ended the reading before its time, if anything did; a row of `bad` stands for what was lost
    """

    rows: pa.RecordBatch
    position: np.ndarray
    bad: pa.RecordBatch
    total: int
    lines: int
    line: np.ndarray
    damage: str | None = None


def record_ids(source: pa.Array | str, key: pa.Array) -> pa.FixedSizeBinaryArray:
    """First 16 bytes of sha256(source, a zero byte, key), row by row; strings without nulls."""
    named = pc.binary_join_element_wise(source, key, constant("\0"))
    digests = sha256_prefixes(bytes_of(named).offsets, bytes_of(named).data, 16)
    return pa.FixedSizeBinaryArray.from_buffers(RECORD_ID, len(key), [None, pa.py_buffer(digests)])


def positional(name: str, place: np.ndarray) -> pa.StringArray:
    """The key of a row without one of its own: `@file#place`, place a byte offset or row number.

    place  (n,) int64
    """
    return pc.binary_join_element_wise(
        constant(f"@{name}#"), pa.array(place, pa.int64()).cast(pa.string()), constant("")
    )


def bad_rows(
    position: np.ndarray,
    record_id: pa.Array,
    rule: Sequence[str],
    line: np.ndarray,
    offset: np.ndarray | None,
    message: Sequence[str],
    raw: Sequence[bytes | None] | None = None,
) -> pa.RecordBatch:
    """A BAD batch of n rows. position, line, offset (n,) whole numbers; offset None: there are no bytes."""
    n = len(position)
    columns = [
        pa.array(position, pa.uint32()),
        record_id,
        pa.array(rule, pa.string()).dictionary_encode().cast(NAME),
        pa.array(line, pa.int64()),
        pa.nulls(n, pa.int64()) if offset is None else pa.array(offset, pa.int64()),
        pa.array(message, pa.string()),
        pa.nulls(n, pa.binary()) if raw is None else pa.array([r and r[:RAW_BYTES] for r in raw], pa.binary()),
    ]
    return pa.record_batch(columns, schema=BAD)


def lost(
    schema: pa.Schema, key: pa.Array, rule: str, message: str, line: int, offset: int | None, raw: bytes | None
) -> Block:
    """A block of one bad row, which stands for what could not be read; `key` (1,) is its record_id."""
    none = np.empty(0, np.int64)
    offsets = None if offset is None else np.array([offset])
    bad = bad_rows(np.zeros(1, np.uint32), key, [rule], np.array([line]), offsets, [message], [raw])
    return Block(pa.RecordBatch.from_pylist([], schema=schema), none.astype(np.uint32), bad, 1, 1, none)
