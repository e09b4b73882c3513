"""Sizes of intersections and unions of sorted sets, pair by pair."""

from __future__ import annotations

import numpy as np

from tamis.kernels.jit import njit

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
    shared, total = np.empty(len(left), np.uint32), np.empty(len(left), np.uint32)
    _overlap_all(values, rows, left, right, shared, total)
    return shared, total


@njit(nogil=True, cache=True)
def _overlap_all(values, rows, left, right, shared, total):
    for k in range(left.size):
        a, a_end = rows[left[k]], rows[left[k] + 1]
        b, b_end = rows[right[k]], rows[right[k] + 1]
        if a_end - a > b_end - b:
            a, a_end, b, b_end = b, b_end, a, a_end
        sizes = a_end - a + b_end - b
        both = _searched(values, a, a_end, b, b_end) if (a_end - a) * MUCH_LONGER < b_end - b else 0
        if both == 0 and (a_end - a) * MUCH_LONGER >= b_end - b:
            both = _merged(values, a, a_end, b, b_end)
        shared[k], total[k] = both, sizes - both


@njit(nogil=True, cache=True)
def _merged(values, a, a_end, b, b_end):
    """How many values two sets share: one step for each value of either, with nothing to guess but the end."""
    both = 0
    while a < a_end and b < b_end:
        x, y = values[a], values[b]
        both += x == y
        a += x <= y
        b += y <= x
    return both


@njit(nogil=True, cache=True)
def _searched(values, a, a_end, b, b_end):
    """The same, where the second set is much longer: each value is searched from where the last was found."""
    both = 0
    while a < a_end and b < b_end:
        x, reach = values[a], 1
        while b + reach < b_end and values[b + reach] < x:
            reach *= 2
        low, high = b + reach // 2, min(b + reach + 1, b_end)
        while low < high:
            middle = (low + high) // 2
            if values[middle] < x:
                low = middle + 1
            else:
                high = middle
        b = low
        if b < b_end and values[b] == x:
            both += 1
            b += 1
        a += 1
    return both
