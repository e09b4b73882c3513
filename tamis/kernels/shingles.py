"""Shingles: the n-grams of a text's words or characters, each as one 64-bit hash (Broder 1997).

The hash of units x_1 … x_n is `finish(x_1 B^(n-1) + … + x_n)` modulo 2^64: with the sums over all units up to each one
at hand, every n-gram takes one more multiplication, whatever n is. A text of fewer than n units has one shingle, of all
its units; a text of none has none.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.kernels.hash import bytes_of
from tamis.kernels.jit import njit
from tamis.kernels.unicode import table
from tamis.kernels.units import ROOM, Unit, code_of, take_units

BASE = np.uint64(0x9E3779B97F4A7C15)
FINISH = np.uint64(0xD6E8FEB86659FD93)

CHUNK = 2048
"""Units of a text that are in work at a time; what they need stays in the first cache."""

SPREAD_OUT = 1 << 20
"""Shingles of a text up to which they are sorted by way of a copy; more are sorted where they are, which takes longer."""


def shingle_sets(strings: pa.Array, n: int, unit: Unit = "word") -> tuple[np.ndarray, np.ndarray]:
    """The set of shingles of every string of an Arrow array, large or not, sliced or not; a null has none.

    values  (s,)     uint64  ascending and distinct within a string
    rows    (n + 1,) int64   those of string i are `values[rows[i]:rows[i + 1]]`
    """
    if n < 1:
        raise ValueError(f"n is {n}; a shingle has at least one unit")
    strings = pc.fill_null(strings, "") if strings.null_count else strings
    data, offsets = bytes_of(strings)
    rows = np.zeros(len(strings) + 1, np.int64)
    size = int(offsets[-1] - offsets[0])
    # Words need a byte between them or three each; what is not written to costs no memory.
    values = np.empty((size if unit == "char" else (size + len(strings)) // 2) + 1, np.uint64)
    _fill_sets(data, offsets, *table(), n, code_of(unit), values, rows)
    values.resize(int(rows[-1]), refcheck=False)
    return values, rows


@njit(nogil=True, cache=True)
def power(n):
    """BASE to the n-th (uint64)."""
    out = np.uint64(1)
    for _ in range(n):
        out *= BASE
    return out


@njit(nogil=True, cache=True)
def finish(total):
    """Spread a sum over all 64 bits; it can be undone, so that no two sums share a hash."""
    total ^= total >> np.uint64(32)
    total *= FINISH
    return total ^ (total >> np.uint64(32))


@njit(nogil=True, cache=True)
def _fill_sets(data, offsets, block, info, n, kind, values, rows):
    """Fill `values` and `rows` (see `shingle_sets`), whose first item is 0."""
    text, stage, leaf = data.ctypes.data, block.ctypes.data, info.ctypes.data
    units, sums = np.empty(CHUNK + ROOM, np.uint64), np.empty(n + CHUNK + ROOM, np.uint64)
    scratch, counts = np.empty(0, np.uint64), np.empty(SPREAD_OUT + 1, np.int64)
    far = power(n)
    for i in range(offsets.size - 1):
        at, end = np.int64(offsets[i]), np.int64(offsets[i + 1])
        base, seen, limit = rows[i], 0, SPREAD_OUT
        to = base
        sums[n - 1] = np.uint64(0)
        while at < end:
            at, count = take_units(text, at, end, data.size, stage, leaf, kind, seen > 0, CHUNK, units)
            total = sums[n - 1]
            for k in range(count):
                total = total * BASE + units[k]
                sums[n + k] = total
            for k in range(max(0, n - 1 - seen), count):
                values[to] = finish(sums[n + k] - sums[k] * far)
                to += 1
            seen += count
            for k in range(n):
                sums[k] = sums[k + count]
            if to - base > limit:
                # A text that repeats itself takes the memory of what it says once.
                to = base + _sort_unique(values[base:to], scratch, counts)
                limit = max(limit, 2 * (to - base))
        if 0 < seen < n:
            values[to] = finish(sums[n - 1])
            to += 1
        if scratch.size < to - base <= SPREAD_OUT:
            scratch = np.empty(to - base, np.uint64)
        rows[i + 1] = base + _sort_unique(values[base:to], scratch, counts)


@njit(nogil=True, cache=True)
def _sort_unique(values, scratch, counts):
    """Sort `values` (m,) uint64 in place, the distinct ones to the front; return how many those are.

    Hashes are spread evenly: dealt out by their first bits to about m boxes, few are left to be put right. Equal
    ones share a box and need no move.
    scratch  (>= m,)  uint64
    counts   (> the power of two from m on,) int64
    """
    m = values.size
    if m > SPREAD_OUT:
        values.sort()
    elif m > 1:
        bits = 1
        while 1 << bits < m:
            bits += 1
        shift, boxes = np.uint64(64 - bits), 1 << bits
        for box in range(boxes + 1):
            counts[box] = 0
        for k in range(m):
            counts[np.int64(values[k] >> shift) + 1] += 1
        for box in range(boxes):
            counts[box + 1] += counts[box]
        for k in range(m):
            own = np.int64(values[k] >> shift)
            scratch[counts[own]] = values[k]
            counts[own] += 1
        for k in range(m):
            value, at = scratch[k], k
            while at > 0 and values[at - 1] > value:
                values[at] = values[at - 1]
                at -= 1
            values[at] = value
    distinct = 0
    for k in range(m):
        if k == 0 or values[k] != values[k - 1]:
            values[distinct] = values[k]
            distinct += 1
    return distinct
