"""Word n-grams by hash: a table that says, at a nanosecond or two a word, where an n-gram of a text stands elsewhere.

The hash of an n-gram is made of those of its words (tamis.kernels.words), each turned by as many bits as words follow it:
`h[p] ^ rotl(h[p - 1], 1) ^ rotl(h[p - 2], 2) …`. It goes from one n-gram to the next with two turns, whatever n is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tamis.kernels.jit import njit

BITS_PER_GRAM = 16
"""Of the filter in front of the table, at most: of n-grams that are not in it one in 40 to 150 passes."""


class Grams(NamedTuple):
    """Distinct n-grams and their places; those of n-gram k are `places[first[k]:first[k + 1]]`.

    keys       (k,)     uint64  hashes, ascending
    first      (k + 1,) int64
    places     (p,)     int64   ascending within an n-gram
    directory  (d + 1,) int64   where the keys begin whose top bits are 0, 1, …
    filter     (f,)     uint64  the bits `bits_of(h)` of number `h mod f` are set for every key h
    """

    keys: np.ndarray
    first: np.ndarray
    places: np.ndarray
    directory: np.ndarray
    filter: np.ndarray


def table_of(hashes: np.ndarray, places: np.ndarray) -> Grams:
    """The table of n-grams with `hashes` (m,) uint64, ascending, at `places` (m,) int64. None at all is fine."""
    first = np.flatnonzero(starts_of(hashes))
    keys = hashes[first]
    bits = max(1, len(keys).bit_length())
    tops = np.arange(1, 1 << bits, dtype=np.uint64) << np.uint64(64 - bits)
    directory = np.concatenate([[0], np.searchsorted(keys, tops), [len(keys)]])
    filter = np.zeros(1 << max(0, (len(keys) * BITS_PER_GRAM // 64).bit_length() - 1), np.uint64)
    fill(filter, keys)
    return Grams(keys, np.append(first, len(hashes)).astype(np.int64), places, directory.astype(np.int64), filter)


def starts_of(ascending: np.ndarray) -> np.ndarray:
    """(m,) bool: where a number is not the one before it."""
    out = np.ones(len(ascending), np.bool_)
    out[1:] = ascending[1:] != ascending[:-1]
    return out


def hashes_of(words: np.ndarray, rows: np.ndarray, n: int) -> np.ndarray:
    """(w,) uint64: hash of the n words from each word on; 0 where fewer are left of its text.

    words  (w,)     uint64
    rows   (t + 1,) int64   text i has the words `[rows[i]:rows[i + 1]]`
    """
    out = np.zeros(len(words), np.uint64)
    hash_all(words, rows, n, out)
    return out


@njit(nogil=True, cache=True)
def hash_all(words, rows, n, out):
    """Fill `out` (see `hashes_of`)."""
    for i in range(rows.size - 1):
        h = np.uint64(0)
        for k in range(rows[i], rows[i + 1]):
            h = (h << np.uint64(1) | h >> np.uint64(63)) ^ words[k]
            if k - rows[i] >= n:
                gone = words[k - n]
                h ^= gone << np.uint64(n & 63) | gone >> np.uint64(-n & 63)
            if k - rows[i] >= n - 1:
                out[k - n + 1] = h


@njit(nogil=True, cache=True, inline="always")
def bits_of(h):
    """Two bits of a number of 64 (uint64) for a hash."""
    return np.uint64(1) << (h >> np.uint64(52) & np.uint64(63)) | np.uint64(1) << (h >> np.uint64(46) & np.uint64(63))


@njit(nogil=True, cache=True)
def fill(filter, keys):
    """Set the bits of `keys` in `filter` (see `Grams`)."""
    for h in keys:
        filter[h & np.uint64(filter.size - 1)] |= bits_of(h)


@njit(nogil=True, cache=True)
def find(words, count, n, keys, directory, filter, at, which):
    """Which n-grams of `words[:count]` are in a table: how many; their places in `at`, their keys in `which`.

    at, which  (count,) int64, written in place
    """
    if count < n or keys.size == 0:
        return 0
    out, back, mask = np.uint64(n & 63), np.uint64(-n & 63), np.uint64(filter.size - 1)
    h, gone = np.uint64(0), np.uint64(0)
    for k in range(n - 1):
        h = (h << np.uint64(1) | h >> np.uint64(63)) ^ words[k]
    passed = 0
    for k in range(n - 1, count):
        h = (h << np.uint64(1) | h >> np.uint64(63)) ^ words[k]
        h ^= gone << out | gone >> back
        gone = words[k - n + 1]
        bits = bits_of(h)
        # Without a branch, so that the next looks into the filter need not wait for this one.
        at[passed], which[passed] = k - n + 1, np.int64(h)
        passed += filter[h & mask] & bits == bits
    size = 0
    while (directory.size - 1) >> size > 1:
        size += 1
    shift, found = np.uint64(64 - size), 0
    for k in range(passed):
        h = np.uint64(which[k])
        top = h >> shift
        for key in range(directory[top], directory[top + np.uint64(1)]):
            if keys[key] == h:
                at[found], which[found] = at[k], key
                found += 1
                break
    return found
