"""SHA-1 or XXH64 of word n-grams as text: what a library that is handed the n-grams themselves would hash.

text    The cat — the CAT sat.
n = 2   b"the cat"  b"cat the"  b"the cat"  b"cat sat"

An n-gram is n words next to each other (tamis.kernels.words) in lower case, one space between them, in UTF-8. A text of
fewer than n words is one n-gram of all its words; a text without a word has none.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.kernels.fold import store64
from tamis.kernels.hash import bytes_of, hash_one
from tamis.kernels.jit import njit
from tamis.kernels.raw import load8, load_bytes
from tamis.kernels.sha1 import SLACK, hash_slices
from tamis.kernels.unicode import WORD, look, lower, table
from tamis.kernels.words import CASE, take_word
from tamis.kernels.words import utf8 as utf8

Hash = Literal["sha1", "xxh64"]

CHUNK = 512
"""Words spelt out before their n-grams are hashed: they stay in the nearest cache."""


class Grams(NamedTuple):
    """Hashes of the n-grams of every string, repeats included; those of string i are `[rows[i]:rows[i + 1]]`.

    hashes  (g,)     uint64  the first eight bytes of the SHA-1, little-endian, or the XXH64
    rows    (m + 1,) int64
    """

    hashes: np.ndarray
    rows: np.ndarray


def grams(strings: pa.Array, n: int, hash: Hash = "sha1") -> Grams:
    """The n-grams of an Arrow string array; a null counts as its bytes, most often none."""
    data, offsets = bytes_of(strings)
    # Two words have a byte between them, or one is a letter of two bytes or more: a text has at most that many. The
    # system gives memory for what is written alone.
    most = (int(offsets[-1]) - int(offsets[0]) + len(strings) + 1) // 2
    hashes, rows = np.empty(most, np.uint64), np.zeros(len(strings) + 1, np.int64)
    hash_grams(data, offsets, *table(), n, hash == "sha1", hashes, rows)
    return Grams(hashes[: rows[-1]], rows)


@njit(nogil=True, cache=True)
def hash_grams(data, offsets, block, info, n, sha1, hashes, rows):
    """Fill `hashes` and `rows` (see `Grams`)."""
    text, stage, leaf = data.ctypes.data, block.ctypes.data, info.ctypes.data
    longest = np.int64(0)
    for i in range(offsets.size - 1):
        longest = max(longest, np.int64(offsets[i + 1]) - np.int64(offsets[i]))
    # Lower case turns two bytes into three at most, and only a letter of three bytes has a word right behind it.
    spelt = np.empty(longest + longest // 2 + SLACK + 16, np.uint8)
    # Words `starts[0]` to `starts[held - 1]` are spelt; `starts[held]` is where the next will be.
    starts, sizes = np.zeros(CHUNK + n + 1, np.int64), np.empty(CHUNK + n, np.int64)
    total = 0
    for i in range(offsets.size - 1):
        at, end, held = np.int64(offsets[i]), np.int64(offsets[i + 1]), 0
        begun = total
        while at < end:
            code, width, entry = look(text, at, end, stage, leaf)
            if not entry & (WORD << 16):
                at += width
                continue
            _, after, chars, _ = take_word(text, at, end, code, width, entry, stage, leaf)
            to = starts[held]
            if chars == after - at:
                # A word in ASCII: letters and digits, of which the bit makes lower case.
                while at + 8 <= after or (at < after and at + 8 <= end):
                    store64(spelt, to, load_bytes(text, at) | CASE)
                    step = min(after - at, 8)
                    at += step
                    to += step
                while at < after:
                    spelt[to] = load8(text, at) | 0x20
                    at += 1
                    to += 1
            while at < after:
                code, width, entry = look(text, at, end, stage, leaf)
                low, size = utf8(lower(code, entry))
                store64(spelt, to, low)
                at += width
                to += size
            spelt[to] = 0x20
            held += 1
            starts[held] = to + 1
            if held == CHUNK + n - 1:
                total += _hash(spelt, starts, sizes, CHUNK, n, sha1, hashes, total)
                # The last n - 1 words begin n-grams that go on in the next chunk.
                first, size = starts[CHUNK], starts[held] - starts[CHUNK]
                for k in range(size):
                    spelt[k] = spelt[first + k]
                held = n - 1
                for k in range(n):
                    starts[k] = starts[CHUNK + k] - first
        if held >= n:
            total += _hash(spelt, starts, sizes, held - n + 1, n, sha1, hashes, total)
        elif held and total == begun:
            total += _hash(spelt, starts, sizes, 1, held, sha1, hashes, total)
        rows[i + 1] = total


@njit(nogil=True, cache=True)
def _hash(spelt, starts, sizes, count, n, sha1, hashes, total):
    """Hash the n-grams that begin with the first `count` words; give how many."""
    for k in range(count):
        sizes[k] = starts[k + n] - 1 - starts[k]
    if sha1:
        hash_slices(spelt, starts[:count], sizes[:count], hashes[total : total + count])
    else:
        for k in range(count):
            hashes[total + k] = hash_one(spelt, starts[k], starts[k] + sizes[k], np.uint64(0))
    return count
