"""Sizes of intersections and unions of sorted sets, pair by pair."""

from __future__ import annotations

import numpy as np

from tamis.kernels.jit import njit
from tamis.kernels.raw import load_bytes

MUCH_LONGER = 32
"""From this ratio of sizes on, the longer set is searched rather than walked."""


def overlaps(
    values: np.ndarray, rows: np.ndarray, left: np.ndarray, right: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """|A ∩ B| and |A ∪ B|, (p,) uint32 each, of the sets `left[k]` and `right[k]`.

    values       (s,)     uint64  set i is `values[rows[i]:rows[i + 1]]`, ascending, each value once
    rows         (n + 1,) int64
    left, right  (p,)     int64   0 to n - 1
    """
    return overlaps_at(values.ctypes.data + 8 * rows[:-1], np.diff(rows), left, right)


def overlaps_at(
    start: np.ndarray, size: np.ndarray, left: np.ndarray, right: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The same of sets that lie anywhere in memory, which the caller holds: nothing is copied to bring them together.

    start  (n,) int64  address of the first value of each set
    size   (n,) int64  values
    """
    shared, total = np.empty(len(left), np.uint32), np.empty(len(left), np.uint32)
    _overlap_all(start, size, left, right, shared, total)
    return shared, total


@njit(nogil=True, cache=True)
def _overlap_all(start, size, left, right, shared, total):
    for k in range(left.size):
        one, other = left[k], right[k]
        if size[one] > size[other]:
            one, other = other, one
        if size[one] * MUCH_LONGER < size[other]:
            both = _searched(start[one], size[one], start[other], size[other])
        else:
            both = _merged(start[one], size[one], start[other], size[other])
        shared[k], total[k] = both, size[one] + size[other] - both


@njit(nogil=True, cache=True)
def _merged(one, a_end, other, b_end):
    """How many values two sets share: one step for each value of either, with nothing to guess but the end."""
    both, a, b = 0, 0, 0
    while a < a_end and b < b_end:
        x, y = load_bytes(one, 8 * a), load_bytes(other, 8 * b)
        both += x == y
        a += x <= y
        b += y <= x
    return both


@njit(nogil=True, cache=True)
def _searched(one, a_end, other, b_end):
    """The same, where the second set is much longer: each value is searched from where the last was found."""
    both, a, b = 0, 0, 0
    while a < a_end and b < b_end:
        x, reach = load_bytes(one, 8 * a), 1
        while b + reach < b_end and load_bytes(other, 8 * (b + reach)) < x:
            reach *= 2
        low, high = b + reach // 2, min(b + reach + 1, b_end)
        while low < high:
            middle = (low + high) // 2
            if load_bytes(other, 8 * middle) < x:
                low = middle + 1
            else:
                high = middle
        b = low
        if b < b_end and load_bytes(other, 8 * b) == x:
            both += 1
            b += 1
        a += 1
    return both
