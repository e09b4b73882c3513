"""What a text says more than once: lines that come again, and n-grams of words.

An n-gram can only come again where both (n - 1)-grams inside it do, so each length looks only at the places that the
length before left: ordinary prose has none left after a few lengths, and the worst text costs one table per length.
Groups are exact: an n-gram's key is the pair of its (n - 1)-grams' groups, not a hash of a hash.
"""

from __future__ import annotations

import numpy as np

from tamis.kernels.jit import njit

EMPTY = np.int32(-1)
SPREAD = np.uint64(0x9E3779B97F4A7C15)


@njit(nogil=True, cache=True)
def power_above(n):
    """The smallest power of two that is at least 2 n, and at least 2."""
    size = 2
    while size < 2 * n:
        size *= 2
    return size


@njit(nogil=True, cache=True)
def scratch(n):
    """Room for the n-grams of one text of up to n words at a time: place, group, left, right, count, table.

    place  (n,)  int32  where the n-grams that come more than once begin (word number, ascending)
    group  (n,)  int32  the same number for equal n-grams
    left   (n,)  int32  the group of each candidate's first n - 1 words
    right  (n,)  int32  the group of its last n - 1 words
    count  (n,)  int32  members of each group
    table  (t,)  int32  open addressing; t = power_above(n)
    """
    return (
        np.empty(n, np.int32),
        np.empty(n, np.int32),
        np.empty(n, np.int32),
        np.empty(n, np.int32),
        np.empty(n, np.int32),
        np.empty(power_above(n), np.int32),
    )


@njit(nogil=True, cache=True)
def come_again(hashes, sizes, n, table):
    """How many of the first n things were there before, and the sum of their sizes.

    hashes  (>= n,) uint64  equal for equal things
    sizes   (>= n,) uint32
    table   (>= power_above(n),) int32  scratch
    """
    again, size = 0, 0
    if n < 2:
        return again, size
    slots = power_above(n)
    mask = np.uint64(slots - 1)
    for slot in range(slots):
        table[slot] = EMPTY
    for i in range(n):
        at = hashes[i] & mask
        while table[at] >= 0 and hashes[table[at]] != hashes[i]:
            at = (at + np.uint64(1)) & mask
        if table[at] >= 0:
            again += 1
            size += sizes[i]
        else:
            table[at] = i
    return again, size


@njit(nogil=True, cache=True)
def repeated_words(hashes, n, place, group, count, table):
    """Put the words that come more than once among the first n into `place` and `group`; return how many."""
    slots = power_above(n)
    mask = np.uint64(slots - 1)
    for slot in range(slots):
        table[slot] = EMPTY
    for i in range(n):
        at = hashes[i] & mask
        while table[at] >= 0 and hashes[table[at]] != hashes[i]:
            at = (at + np.uint64(1)) & mask
        first = table[at]
        if first < 0:
            table[at] = i
            group[i] = i
            count[i] = 1
        else:
            group[i] = first
            count[first] += 1
    kept = 0
    for i in range(n):
        # Without a branch: for the words of prose it would be the toss of a coin.
        place[kept], group[kept] = i, group[i]
        kept += count[group[kept]] > 1
    return kept


@njit(nogil=True, cache=True)
def longer(m, n, ends, place, group, left, right, count, table):
    """From the m places of (n - 1)-grams that come more than once to those of n-grams, in place.

    ends  (words + 1,) uint32  characters in all words before word i: an n-gram at i has `ends[i + n] - ends[i]`
    Returns how many places are left; the characters of the n-gram that comes most often (of several the longest, then
    the first), in all its places; and the characters of all n-grams that were there before. Either counts a character
    once, however many occurrences overlap on it.
    """
    found = 0
    for k in range(m - 1):
        place[found], left[found], right[found] = place[k], group[k], group[k + 1]
        found += place[k + 1] == place[k] + 1
    slots = power_above(found)
    mask = np.uint64(slots - 1)
    for slot in range(slots):
        table[slot] = EMPTY
    again, covered = np.int64(0), 0
    for k in range(found):
        start, a, b = place[k], left[k], right[k]
        key = (np.uint64(a) << np.uint64(32) | np.uint64(b)) * SPREAD
        at = (key ^ key >> np.uint64(32)) & mask
        while table[at] >= 0 and (left[table[at]] != a or right[table[at]] != b):
            at = (at + np.uint64(1)) & mask
        first = table[at]
        if first < 0:
            table[at] = k
            group[k] = k
            count[k] = 1
        else:
            group[k] = first
            count[first] += 1
            again += np.int64(ends[start + n]) - np.int64(ends[max(start, covered)])
            covered = start + n
    kept, top = _most_often(found, n, ends, place, group, count)
    return kept, top, again


@njit(nogil=True, cache=True)
def _most_often(found, n, ends, place, group, count):
    """Drop the n-grams that come once, in place. How many are left; characters of the one that comes most often."""
    kept, top, times, size = 0, -1, 1, np.int64(0)
    for k in range(found):
        if count[group[k]] > 1:
            if group[k] == k:
                chars = np.int64(ends[place[k] + n]) - np.int64(ends[place[k]])
                if count[k] > times or (count[k] == times and chars > size and top >= 0):
                    top, times, size = k, count[k], chars
            place[kept], group[kept] = place[k], group[k]
            kept += 1
    total, covered = np.int64(0), 0
    for k in range(kept):
        if group[k] == top:
            total += np.int64(ends[place[k] + n]) - np.int64(ends[max(place[k], covered)])
            covered = place[k] + n
    return kept, total
