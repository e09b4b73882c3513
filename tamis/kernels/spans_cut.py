"""Cuts out of texts: how much goes, in code points, and what is left."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tamis.kernels.hash import bytes_of
from tamis.kernels.jit import njit
from tamis.kernels.unicode import SPACE, look, table


def sizes(strings: pa.Array, string: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Of cuts in order, none of which overlap: (c, 3) int64.

    string  (c,) int64   which of `strings`
    start   (c,) int64   first byte, in the data buffer of the array
    stop    (c,) int64   one past the last byte

    Columns: first code point in the string, one past the last, how many in it are not white space.
    """
    out = np.empty((len(string), 3), np.int64)
    _size_all(*bytes_of(strings), string, start, stop, *table(), out)
    return out


def solid_chars(strings: pa.Array, rows: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Code points other than white space of the rows that are `wanted` (n,) bool, 0 for the others: (n,) int64.

    rows  (n + 1,) int64   strings `rows[i]:rows[i + 1]` are those of row i
    """
    out = np.zeros(len(wanted), np.int64)
    _count_solid(*bytes_of(strings), rows, wanted, *table(), out)
    return out


def without(strings: pa.Array, string: np.ndarray, start: np.ndarray, stop: np.ndarray) -> pa.Array:
    """`strings` without the cuts (see `sizes`), which are in order; no string may be null."""
    data, offsets = bytes_of(strings)
    left = np.diff(offsets).astype(np.int64)
    np.subtract.at(left, string, stop - start)
    ends = np.concatenate([[0], np.cumsum(left)])
    out = np.empty(ends[-1], np.uint8)
    _copy_all(data, offsets, string, start, stop, out)
    buffers = [None, pa.py_buffer(ends.astype(offsets.dtype)), pa.py_buffer(out)]
    return pa.Array.from_buffers(strings.type, len(strings), buffers)


@njit(nogil=True, cache=True)
def _size_all(data, offsets, string, start, stop, block, info, out):
    """Fill `out` (see `sizes`)."""
    text, stage, leaf = data.ctypes.data, block.ctypes.data, info.ctypes.data
    k = 0
    while k < string.size:
        i = string[k]
        at, chars = np.int64(offsets[i]), 0
        while k < string.size and string[k] == i:
            chars += _size(text, at, start[k], stage, leaf)[0]
            out[k, 0] = chars
            more, out[k, 2] = _size(text, start[k], stop[k], stage, leaf)
            chars += more
            out[k, 1] = chars
            at = stop[k]
            k += 1


@njit(nogil=True, cache=True)
def _count_solid(data, offsets, rows, wanted, block, info, out):
    """Fill `out` (see `solid_chars`)."""
    text, stage, leaf = data.ctypes.data, block.ctypes.data, info.ctypes.data
    for row in range(wanted.size):
        if wanted[row]:
            for i in range(rows[row], rows[row + 1]):
                out[row] += _size(text, np.int64(offsets[i]), np.int64(offsets[i + 1]), stage, leaf)[1]


@njit(nogil=True, cache=True)
def _size(text, at, end, block, info):
    """Code points from byte `at` to `end`, and how many of them are no white space."""
    chars, solid = 0, 0
    while at < end:
        _, width, entry = look(text, at, end, block, info)
        at += width
        chars += 1
        solid += (entry & (SPACE << 16)) == 0
    return chars, solid


@njit(nogil=True, cache=True)
def _copy_all(data, offsets, string, start, stop, out):
    to, k = 0, 0
    for i in range(offsets.size - 1):
        at, end = np.int64(offsets[i]), np.int64(offsets[i + 1])
        while k < string.size and string[k] == i:
            to = _copy(data, at, start[k], out, to)
            at = stop[k]
            k += 1
        to = _copy(data, at, end, out, to)


@njit(nogil=True, cache=True)
def _copy(data, at, end, out, to):
    size = max(end - at, 0)
    out[to : to + size] = data[at : at + size]
    return to + size
