"""Word n-grams by hash: a table that says, at a nanosecond or two a word, where an n-gram of a text stands elsewhere.

The hash of an n-gram is made of those of its words (tamis.kernels.words), each turned by as many bits as words follow it:
`h[p] ^ rotl(h[p - 1], 1) ^ rotl(h[p - 2], 2) …`. It goes from one n-gram to the next with two turns, whatever n is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tamis.kernels.jit import njit

BITS_PER_GRAM = 16
"""Of the filter in front of the table: one in 16 n-grams that are not in it passes, at most."""


class Grams(NamedTuple):
    """Distinct n-grams and their places; those of n-gram k are `places[first[k]:first[k + 1]]`.

    keys       (k,)     uint64  hashes, ascending
    first      (k + 1,) int64
    places     (p,)     int64   ascending within an n-gram
    directory  (d + 1,) int64   where the keys begin whose top bits are 0, 1, …
    filter     (f,)     uint64  bit `h mod 64 f` is set for every key h
    """

    keys: np.ndarray
    first: np.ndarray
    places: np.ndarray
    directory: np.ndarray
    filter: np.ndarray


def table_of(hashes: np.ndarray, places: np.ndarray) -> Grams:
    """The table of n-grams with `hashes` (m,) uint64 that stand at `places` (m,) int64, ascending. None at all is fine."""
    order = np.argsort(hashes, kind="stable")
    keys, first = np.unique(hashes[order], return_index=True)
    bits = max(1, len(keys).bit_length())
    tops = np.arange(1, 1 << bits, dtype=np.uint64) << np.uint64(64 - bits)
    directory = np.concatenate([[0], np.searchsorted(keys, tops), [len(keys)]])
    filter_bits = 64 << max(0, (len(keys) * BITS_PER_GRAM // 64).bit_length() - 1)
    filter = np.zeros(filter_bits // 64, np.uint64)
    low = keys & np.uint64(filter_bits - 1)
    np.bitwise_or.at(filter, (low >> np.uint64(6)).astype(np.int64), np.uint64(1) << (low & np.uint64(63)))
    return Grams(keys, np.append(first, len(hashes)).astype(np.int64), places[order], directory.astype(np.int64), filter)


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


@njit(nogil=True, cache=True)
def find(words, count, n, keys, directory, filter, at, which):
    """Which n-grams of `words[:count]` are in a table: how many; their places in `at`, their keys in `which`.

    at, which  (count,) int64, written in place
    """
    if count < n or keys.size == 0:
        return 0
    mask = np.uint64(filter.size * 64 - 1)
    bits = 0
    while (directory.size - 1) >> bits > 1:
        bits += 1
    shift = np.uint64(64 - bits)
    out, back = np.uint64(n & 63), np.uint64(-n & 63)
    h, found = np.uint64(0), 0
    for k in range(n - 1):
        h = (h << np.uint64(1) | h >> np.uint64(63)) ^ words[k]
    gone = np.uint64(0)
    for k in range(n - 1, count):
        h = (h << np.uint64(1) | h >> np.uint64(63)) ^ words[k]
        h ^= gone << out | gone >> back
        gone = words[k - n + 1]
        low = h & mask
        if filter[low >> np.uint64(6)] >> (low & np.uint64(63)) & np.uint64(1):
            top = h >> shift
            for key in range(directory[top], directory[top + np.uint64(1)]):
                if keys[key] == h:
                    at[found], which[found] = k - n + 1, key
                    found += 1
                    break
    return found
