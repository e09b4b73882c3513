"""Groups of records that are alike, and the one of each that stays.

components  whatever is linked, directly or through others, is one group: the best of it stays
star        the best record stays and takes with it what is directly alike, and so on with the best of what is left: every
            record that goes is itself at the threshold or above to the one that stays (no chaining)

Records are nodes 0 to n - 1 in input order; their rank decides who is better, ties go to the first.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tamis.kernels.components import link, roots
from tamis.kernels.stars import stars


class Lost(NamedTuple):
    """Records that go, ascending, and the one that each of them lost to: (k,) int64 each."""

    record: np.ndarray
    survivor: np.ndarray


def survivors(rank: np.ndarray, left: np.ndarray, right: np.ndarray) -> Lost:
    """Of every component of the edges (left, right) (p,) the best by `rank` (n,) float64 stays."""
    group = grouped(len(rank), left, right)
    order = np.lexsort((-rank, group))
    first = np.ones(len(order), bool)
    first[1:] = group[order[1:]] != group[order[:-1]]
    best = np.empty(len(rank), np.int64)
    best[order] = order[np.flatnonzero(first)[np.cumsum(first) - 1]] if len(order) else order
    record = np.flatnonzero(best != np.arange(len(rank)))
    return Lost(record, best[record])


def star_survivors(rank: np.ndarray, left: np.ndarray, right: np.ndarray) -> Lost:
    """The best record by `rank` stays, and what has an edge to it goes; then the best of what is left, and so on."""
    n = len(rank)
    order = np.argsort(-rank, kind="stable")
    place = np.empty(n, np.int64)
    place[order] = np.arange(n)
    ends = np.concatenate([left, right])
    others = np.concatenate([right, left])
    by_end = np.argsort(ends, kind="stable")
    starts = np.searchsorted(ends[by_end], np.arange(n + 1))
    taken_by = stars(order, starts, others[by_end])
    record = np.flatnonzero(taken_by != np.arange(n))
    return Lost(record, taken_by[record])


def grouped(n: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(n,) int64: the first record of each record's component."""
    parent = np.arange(n)
    link(parent, left, right)
    return roots(parent)
