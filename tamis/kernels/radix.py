"""The order of 64-bit keys, equal ones as they came: a radix sort from the last digit to the first."""

from __future__ import annotations

import numpy as np

from tamis.kernels.jit import njit

_BITS = 11
"""Of a digit: its counters and the places being written to stay in the first two caches."""

_DIGITS = -(-64 // _BITS)


def ordered(keys: np.ndarray) -> np.ndarray:
    """(m,) uint32: the places of `keys` (m,) uint64, ascending by key and then by place; m is below 2^32.

    As `np.argsort(keys, kind="stable")`, in a third of its time for keys that are spread evenly.
    """
    if len(keys) >= 1 << 32:
        raise ValueError(f"{len(keys):,} keys; below {1 << 32:,} have a place of 32 bits")
    place: np.ndarray = _ordered(np.ascontiguousarray(keys))
    return place


@njit(nogil=True, cache=True)
def _ordered(keys):
    size = keys.size
    counts = np.zeros((_DIGITS, 1 << _BITS), np.int64)
    digit = np.uint64((1 << _BITS) - 1)
    for k in range(size):
        for d in range(_DIGITS):
            counts[d, np.int64((keys[k] >> np.uint64(d * _BITS)) & digit)] += 1
    a, b = keys.copy(), np.empty_like(keys)
    place, other = np.arange(size).astype(np.uint32), np.empty(size, np.uint32)
    for d in range(_DIGITS):
        starts = counts[d]
        if starts.max() == size:
            continue  # all have this digit
        starts[:] = np.cumsum(starts) - starts
        shift = np.uint64(d * _BITS)
        for k in range(size):
            v = np.int64((a[k] >> shift) & digit)
            to = starts[v]
            starts[v] = to + 1
            b[to] = a[k]
            other[to] = place[k]
        a, b = b, a
        place, other = other, place
    return place
