"""Pairs to compare: members that share a key, all of them in a bucket of ordinary size, a linear number in a large one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tamis.kernels.jit import njit


class Pairs(NamedTuple):
    """left, right  (p,) int64  members, left < right; each pair once, in ascending order
    skewed       buckets of more than `most` members
    unseen       pairs that those left out
    """

    left: np.ndarray
    right: np.ndarray
    skewed: int
    unseen: int


def pairs(keys: np.ndarray, member: np.ndarray, near: np.ndarray, most: int) -> Pairs:
    """Pairs of members with the same key.

    keys    (m,) uint64  ascending; a member has each key once
    member  (m,) int64
    near    (m,) uint64  another key of the member: in a large bucket, those that share it are the most alike
    most    members up to which a bucket gives all its pairs. In a larger one, ordered by `near`, then by member, each is
            paired with the `most // 2` before it and with the smallest member: linear, never quadratic.
    """
    bounds = np.concatenate([[0], np.flatnonzero(keys[1:] != keys[:-1]) + 1, [len(keys)]]).astype(np.int64)
    sizes = np.diff(bounds)
    large = sizes > max(most, 1)
    rows = np.flatnonzero(np.repeat(large, sizes))
    member = member.astype(np.int64)
    member[rows] = member[rows[np.lexsort((member[rows], near[rows], keys[rows]))]]
    half = max(most, 1) // 2
    kept = np.where(large, _linear(sizes, half), sizes * (sizes - 1) // 2)
    left, right = np.empty((2, int(kept.sum())), np.int64)
    count = _emit(bounds, large, member, half, left, right)
    seen = int((sizes[large] * (sizes[large] - 1) // 2).sum()) - int(kept[large].sum())
    return Pairs(*_distinct(left[:count], right[:count]), int(large.sum()), seen + int(kept.sum()) - count)


def _linear(sizes: np.ndarray, half: int) -> np.ndarray:
    """At most so many pairs come of a large bucket."""
    return sizes * (half + 1)


def _distinct(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each pair once, ascending."""
    if not len(left):
        return left, right
    base = left.min()
    if right.max() - base < 1 << 32:
        both = np.sort((left - base).astype(np.uint64) << np.uint64(32) | (right - base).astype(np.uint64))
        both = both[np.concatenate([[True], both[1:] != both[:-1]])]
        return (both >> np.uint64(32)).astype(np.int64) + base, (both & np.uint64(0xFFFFFFFF)).astype(np.int64) + base
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    first = np.concatenate([[True], (left[1:] != left[:-1]) | (right[1:] != right[:-1])])
    return left[first], right[first]


@njit(nogil=True, cache=True)
def _emit(bounds, large, member, half, left, right):
    """Write the pairs of every bucket; return how many."""
    to = 0
    for k in range(large.size):
        start, stop = bounds[k], bounds[k + 1]
        least = start
        for i in range(start, stop):
            if member[i] < member[least]:
                least = i
        for i in range(start, stop):
            reach = half if large[k] else i - start
            for j in range(max(start, i - reach), i):
                left[to], right[to] = min(member[i], member[j]), max(member[i], member[j])
                to += 1
            if large[k] and abs(i - least) > half:
                left[to], right[to] = member[least], member[i]
                to += 1
    return to
