"""Words: maximal runs of letters and digits, marks inside a run included; docs/words.md says it in full.

text   L'état, c'est moi: 日本語 x²!
words  l  état  c  est  moi  日  本  語  x²
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tamis.kernels.hash import bytes_of
from tamis.kernels.jit import njit
from tamis.kernels.raw import load_bytes, zeros_below
from tamis.kernels.unicode import ALPHA, MARK, SOLO, WORD, look, lower, table

SEED = np.uint64(0xCBF29CE484222325)
PRIME = np.uint64(0x9E3779B97F4A7C15)
MIX = np.uint64(0xD6E8FEB86659FD93)

HIGH = np.uint64(0x8080808080808080)
CASE = np.uint64(0x2020202020202020)
# Added to a byte below 0x80, these set its high bit from "a" and "0" on, and past "z" and "9".
FROM_A, PAST_Z = np.uint64(0x1F1F1F1F1F1F1F1F), np.uint64(0x0505050505050505)
FROM_0, PAST_9 = np.uint64(0x5050505050505050), np.uint64(0x4646464646464646)

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
    """The hash of one word, given in lower case: the definition of what `take_word` computes.

    Its UTF-8 bytes, eight at a time, each time multiplied in; each step can be undone, so that no two words of up to
    eight bytes share a hash.
    """
    data = word.encode()
    h = int(SEED)
    for at in range(0, len(data), 8):
        h = (h ^ int.from_bytes(data[at : at + 8], "little")) * int(PRIME) % 2**64
        h ^= h >> 32
    h = h * int(MIX) % 2**64
    return h ^ h >> 32


@njit(nogil=True, cache=True)
def take_word(text, at, end, code, width, entry, block, info):
    """Hash (uint64), byte after the last, code points and kinds of the word that begins at `at`.

    code, width, entry: what `look` says of the character at `at`, which is a letter or digit. kinds: WORD, ALPHA if a
    letter is in it, and what else its characters are.
    """
    if code < 128:
        h, after, is_alpha = _take_ascii(text, at, end)
        if after > at:
            return h, after, after - at, WORD | (ALPHA if is_alpha else 0)
    return _take_any(text, at, end, code, width, entry, block, info)


@njit(nogil=True, cache=True)
def _step(h, chunk):
    h = (h ^ chunk) * PRIME
    return h ^ (h >> np.uint64(32))


@njit(nogil=True, cache=True)
def _mix(h):
    h *= MIX
    return h ^ (h >> np.uint64(32))


@njit(nogil=True, cache=True)
def _take_ascii(text, start, end):
    """Hash of the word at `start`, the byte after it, and whether it has a letter.

    The byte is `start` where the word is not ASCII through and through, or eight bytes could pass the end of the text.
    Eight characters are judged in one number: the high bit of each byte says whether the character is what is asked.
    """
    h, at, letters = SEED, start, np.uint64(0)
    while at + 8 <= end:
        chunk = load_bytes(text, at)
        # Lower case of a letter; digits have the bit already, and no other character becomes a letter by it.
        low = chunk | CASE
        plain, plain_low = chunk & ~HIGH, low & ~HIGH
        letter = (plain_low + FROM_A) & ~(plain_low + PAST_Z) & HIGH
        digit = (plain + FROM_0) & ~(plain + PAST_9)
        other = (~(letter | digit) | chunk) & HIGH
        if other == np.uint64(0):
            h = _step(h, low)
            letters |= letter
            at += 8
            continue
        width = zeros_below(other) >> 3
        if (chunk >> np.uint64(8 * width)) & np.uint64(0x80):
            break
        if width:
            inside = (np.uint64(1) << np.uint64(8 * width)) - np.uint64(1)
            h = _step(h, low & inside)
            letters |= letter & inside
        return _mix(h), at + width, letters != np.uint64(0)
    return h, start, False


@njit(nogil=True, cache=True)
def _take_any(text, at, end, code, width, entry, block, info):
    """As `take_word`, character by character."""
    h, chunk, filled = SEED, np.uint64(0), 0
    chars, kinds = 0, np.int64(0)
    more = MARK if entry & (SOLO << 16) else _GOES_ON
    while True:
        kinds |= entry
        chars += 1
        spelt, size = utf8(lower(code, entry))
        chunk |= spelt << np.uint64(8 * filled)
        filled += size
        if filled >= 8:
            h = _step(h, chunk)
            filled -= 8
            chunk = spelt >> np.uint64(8 * (size - filled)) if filled else np.uint64(0)
        at += width
        if at >= end:
            break
        code, width, entry = look(text, at, end, block, info)
        if not entry & (more << 16) or entry & (SOLO << 16):
            break
    if filled:
        h = _step(h, chunk)
    return _mix(h), at, chars, kinds >> 16


@njit(nogil=True, cache=True)
def utf8(code):
    """The bytes of a code point, the first the lowest (uint64), and how many."""
    last = 0x80 | code & 63
    if code < 0x80:
        return np.uint64(code), 1
    if code < 0x800:
        return np.uint64(0xC0 | code >> 6 | last << 8), 2
    middle = 0x80 | code >> 6 & 63
    if code < 0x10000:
        return np.uint64(0xE0 | code >> 12 | middle << 8 | last << 16), 3
    return np.uint64(0xF0 | code >> 18 | (0x80 | code >> 12 & 63) << 8 | middle << 16 | last << 24), 4


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
