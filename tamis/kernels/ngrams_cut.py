"""Places in bytes as places in code points, in one walk over the text."""

from __future__ import annotations

import numpy as np

from tamis.kernels.jit import njit


def code_points_before(data: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(m,) int64: code points that begin before the bytes `at` (m,) of `data` (b,) uint8, counted from the lowest of `at`."""
    order = np.argsort(at, kind="stable")
    out = np.empty(len(at), np.int64)
    walk(data, at.astype(np.int64), order, out)
    return out


@njit(nogil=True, cache=True)
def walk(data, at, order, out):
    """Fill `out` (see `code_points_before`); `at[order]` ascends."""
    count = 0
    place = at[order[0]] if order.size else 0
    for k in order:
        for p in range(place, at[k]):
            count += (data[p] & 0xC0) != 0x80
        place = at[k]
        out[k] = count
