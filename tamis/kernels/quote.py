"""Strings as JSON writes them: in quotes, with what must be escaped escaped (RFC 8259, section 7)."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tamis.kernels.hash import bytes_of
from tamis.kernels.jit import njit

QUOTE, BACKSLASH = 0x22, 0x5C
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


@njit(nogil=True, cache=True)
def _sizes(data, offsets, sizes):
    """sizes (n,) int64: bytes of each string once escaped, without its quotes."""
    for row in range(sizes.size):
        start, stop = np.int64(offsets[row]), np.int64(offsets[row + 1])
        more = 0
        for k in range(start, stop):
            b = data[k]
            more += (b == QUOTE) + (b == BACKSLASH) + 5 * (b < 32) - 4 * ((b == 9) | (b == 10) | (b == 13))
        sizes[row] = stop - start + more


@njit(nogil=True, cache=True)
def _fill(data, offsets, out_offsets, out):
    for row in range(offsets.size - 1):
        start, stop = np.int64(offsets[row]), np.int64(offsets[row + 1])
        at = np.int64(out_offsets[row])
        out[at] = QUOTE
        at += 1
        if out_offsets[row + 1] - out_offsets[row] == stop - start + 2:
            out[at : at + stop - start] = data[start:stop]
            at += stop - start
        else:
            for k in range(start, stop):
                at = _escape(data[k], out, at)
        out[at] = QUOTE


@njit(nogil=True, cache=True, inline="always")
def _escape(b, out, at):
    if b >= 32 and b != QUOTE and b != BACKSLASH:
        out[at] = b
        return at + 1
    out[at] = BACKSLASH
    if b >= 32:
        out[at + 1] = b
        return at + 2
    if b == 9 or b == 10 or b == 13:
        out[at + 1] = 0x74 if b == 9 else 0x6E if b == 10 else 0x72
        return at + 2
    out[at + 1], out[at + 2], out[at + 3] = 0x75, 0x30, 0x30
    out[at + 4], out[at + 5] = _HEX[b >> 4], _HEX[b & 15]
    return at + 6


def quote(strings: pa.Array) -> pa.StringArray:
    """Each of `strings` (string or binary, UTF-8 taken as it comes) as JSON text. A null counts as the empty string."""
    data, offsets = bytes_of(strings)
    sizes = np.empty(len(strings), np.int64)
    _sizes(data, offsets, sizes)
    ends = np.concatenate([[0], np.cumsum(sizes + 2)])
    if ends[-1] > np.iinfo(np.int32).max:
        raise OverflowError(f"{ends[-1]} bytes of JSON in one batch; a batch may have 2 GiB")
    out_offsets = ends.astype(np.int32)
    out = np.empty(ends[-1], np.uint8)
    _fill(data, offsets, out_offsets, out)
    return pa.StringArray.from_buffers(len(strings), pa.py_buffer(out_offsets), pa.py_buffer(out))
