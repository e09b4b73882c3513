"""Words: maximal runs of letters and digits, marks inside a run included; docs/words.md says it in full.

text   L'état, c'est moi: 日本語 x²!
words  l  état  c  est  moi  日  本  語  x²
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit

from tamis.kernels.hash import bytes_of
from tamis.kernels.unicode import MARK, SOLO, WORD, look, lower, table

SEED = np.uint64(0xCBF29CE484222325)
PRIME = np.uint64(0x9E3779B97F4A7C15)
MIX = np.uint64(0xD6E8FEB86659FD93)

_GOES_ON = WORD | MARK


class Words(NamedTuple):
    """Every word of every string; those of string i are `[rows[i]:rows[i + 1]]`.

    hashes  (w,)     uint64  of the word in lower case
    starts  (w,)     int64   first byte, in the data buffer of the array
    stops   (w,)     int64   one past the last byte
    rows    (n + 1,) int64
    """

    hashes: np.ndarray
    starts: np.ndarray
    stops: np.ndarray
    rows: np.ndarray


def words(strings: pa.Array) -> Words:
    """The words of an Arrow string array, large or not, sliced or not; a null counts as its bytes, most often none."""
    data, offsets = bytes_of(strings)
    rows = np.zeros(len(strings) + 1, np.int64)
    count_words(data, offsets, *table(), rows)
    np.cumsum(rows, out=rows)
    found = Words(np.empty(rows[-1], np.uint64), np.empty(rows[-1], np.int64), np.empty(rows[-1], np.int64), rows)
    find_words(data, offsets, *table(), *found)
    return found


def word_hash(word: str) -> int:
    """The hash of one word, given in lower case: the definition that `take_word` computes.

    FNV-1a's steps over code points with a 64-bit odd multiplier, then a mix that lets every bit reach every other.
    """
    h = int(SEED)
    for char in word:
        h = (h ^ ord(char)) * int(PRIME) % 2**64
    h = (h ^ h >> 32) * int(MIX) % 2**64
    return h ^ h >> 32


@njit(nogil=True, cache=True)
def take_word(text, at, end, code, width, entry, block, info):
    """Hash (uint64), byte after the last, code points and kinds of the word that begins at `at`.

    code, width, entry: what `look` says of the character at `at`, which is a letter or digit.
    """
    h = SEED
    chars = 0
    kinds = np.int64(0)
    more = MARK if entry & (SOLO << 16) else _GOES_ON
    while True:
        kinds |= entry
        h = (h ^ np.uint64(lower(code, entry))) * PRIME
        chars += 1
        at += width
        if at >= end:
            break
        code, width, entry = look(text, at, end, block, info)
        if not entry & (more << 16) or entry & (SOLO << 16):
            break
    h = (h ^ (h >> np.uint64(32))) * MIX
    return h ^ (h >> np.uint64(32)), at, chars, kinds >> 16


@njit(nogil=True, cache=True)
def count_words(data, offsets, block, info, rows):
    """`rows[i + 1]` = number of words of string i. rows (n + 1,) int64."""
    text, stage, leaf = data.ctypes.data, block.ctypes.data, info.ctypes.data
    for i in range(offsets.size - 1):
        at, end, count = np.int64(offsets[i]), np.int64(offsets[i + 1]), 0
        while at < end:
            code, width, entry = look(text, at, end, stage, leaf)
            if entry & (WORD << 16):
                _, at, _, _ = take_word(text, at, end, code, width, entry, stage, leaf)
                count += 1
            else:
                at += width
        rows[i + 1] = count


@njit(nogil=True, cache=True)
def find_words(data, offsets, block, info, hashes, starts, stops, rows):
    """Fill `hashes`, `starts` and `stops` (see `Words`) for the counts that `rows` holds."""
    text, stage, leaf = data.ctypes.data, block.ctypes.data, info.ctypes.data
    for i in range(offsets.size - 1):
        at, end, k = np.int64(offsets[i]), np.int64(offsets[i + 1]), rows[i]
        while at < end:
            code, width, entry = look(text, at, end, stage, leaf)
            if entry & (WORD << 16):
                starts[k] = at
                hashes[k], at, _, _ = take_word(text, at, end, code, width, entry, stage, leaf)
                stops[k] = at
                k += 1
            else:
                at += width
