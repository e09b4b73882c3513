"""Greedy stars over a graph in compressed rows: who takes whom."""

from __future__ import annotations

import numpy as np

from tamis.kernels.jit import njit


def stars(order: np.ndarray, starts: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(n,) int64: for each node the one that took it, itself where it is a centre.

    order   (n,)     int64  nodes, best first: each that is not yet taken becomes a centre and takes its neighbours
    starts  (n + 1,) int64  neighbours of node i are `others[starts[i]:starts[i + 1]]`
    """
    taken_by = np.full(order.size, -1, np.int64)
    _take_all(order, starts, others, taken_by)
    return taken_by


@njit(nogil=True, cache=True)
def _take_all(order, starts, others, taken_by):
    for i in range(order.size):
        centre = order[i]
        if taken_by[centre] >= 0:
            continue
        taken_by[centre] = centre
        for k in range(starts[centre], starts[centre + 1]):
            if taken_by[others[k]] < 0:
                taken_by[others[k]] = centre
