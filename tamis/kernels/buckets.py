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


def pairs(keys: np.ndarray, member: np.ndarray, near: np.ndarray, most: int, reach: int) -> Pairs:
    """Pairs of members with the same key.

    keys    (m,) uint64  ascending; a member has each key once
    member  (m,) int64
    near    (m,) uint64  another key of the member: in a large bucket, those that share it are the most alike
    most    members up to which a bucket gives all its pairs
    reach   in a larger one, ordered by `near`, then by member, each is paired with so many before it and with the first of
            its stretch of `most`, and that one with the first of the stretch before: linear, never quadratic, and no
            member is in more than about `most` pairs
    """
    bounds = np.concatenate([[0], np.flatnonzero(keys[1:] != keys[:-1]) + 1, [len(keys)]]).astype(np.int64)
    sizes = np.diff(bounds)
    large = sizes > max(most, 1)
    rows = np.flatnonzero(np.repeat(large, sizes))
    place, known = _narrow(member)
    place[rows] = place[rows[np.lexsort((place[rows], near[rows], keys[rows]))]]
    every = sizes * (sizes - 1) // 2
    # Of a large bucket no more come than this: `reach` before each member, and two firsts.
    found = np.empty(int(np.where(large, np.minimum(sizes * (reach + 2), every), every).sum()), np.uint64)
    count = _emit(bounds, large, place, max(most, 1), reach, found)
    unseen = int(every.sum()) - count
    found = found[:count]
    found.sort()
    left, right = np.empty((2, _distinct(found)), np.int64)
    _unpack(found, left, right)
    if known is not None:
        left, right = known[left], known[right]
    return Pairs(left, right, int(large.sum()), unseen)


def _narrow(member: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """The members as numbers below 2^32 in the same order, of which two make one; and which those stand for, if others."""
    if len(member) and not 0 <= member.min() <= member.max() < 1 << 32:
        known, place = np.unique(member, return_inverse=True)
        return place, known
    return member.astype(np.int64), None


@njit(nogil=True, cache=True)
def _emit(bounds, large, place, most, reach, found):
    """Write the pairs of every bucket, the smaller place in the high half; return how many."""
    to = 0
    for k in range(large.size):
        start, stop = bounds[k], bounds[k + 1]
        for i in range(start, stop):
            first = max(start, i - reach) if large[k] else start
            for j in range(first, i):
                found[to] = _pair(place[i], place[j])
                to += 1
            head = start + (i - start) // most * most
            if large[k] and i - head > reach:
                found[to] = _pair(place[i], place[head])
                to += 1
            if large[k] and i == head > start and most > reach:
                found[to] = _pair(place[i], place[head - most])
                to += 1
    return to


@njit(nogil=True, cache=True)
def _pair(a, b):
    return np.uint64(min(a, b)) << np.uint64(32) | np.uint64(max(a, b))


@njit(nogil=True, cache=True)
def _distinct(found):
    """Move the distinct of `found`, ascending, to the front; return how many they are."""
    count = 0
    for k in range(found.size):
        if k == 0 or found[k] != found[k - 1]:
            found[count] = found[k]
            count += 1
    return count


@njit(nogil=True, cache=True)
def _unpack(found, left, right):
    for k in range(left.size):
        left[k] = np.int64(found[k] >> np.uint64(32))
        right[k] = np.int64(found[k] & np.uint64(0xFFFFFFFF))
