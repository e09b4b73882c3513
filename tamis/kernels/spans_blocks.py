"""Lines and paragraphs of texts, and a hash of each that does not see case or the kind of white space.

    line       str.splitlines(), white space at both ends off; blank ones are none
    paragraph  a run of lines with no blank line between them
    folded     tamis.kernels.fold without its first step: put `clean` first where texts may differ in composition

Each is known by 64 bits, the XXH64 of its folded text: among 10^9 different ones, that any two share them by chance has
odds of 1 in 37, and a wrong cut takes one that is as frequent as the limit.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tamis.kernels.codepoints import combining, folded
from tamis.kernels.fold import ONES, SPACES, TOPS, fold_one
from tamis.kernels.hash import bytes_of, hash_one
from tamis.kernels.jit import njit
from tamis.kernels.raw import load8, load_bytes, zeros_below
from tamis.kernels.unicode import BREAK, SPACE, look, table


def block_keys(strings: pa.Array, rows: np.ndarray, paragraphs: bool, min_chars: int) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of the lines or paragraphs of every row, each once, ascending: those of row i are `keys[ends[i]:ends[i + 1]]`.

    rows  (n + 1,) int64   strings `rows[i]:rows[i + 1]` are those of row i
    min_chars              code points of the folded text; shorter ones are left out

    keys (k,) uint64; ends (n + 1,) int64.
    """
    data, offsets = bytes_of(strings)
    keys, ends = np.empty(most_blocks(offsets, min_chars), np.uint64), np.zeros(len(rows), np.int64)
    _keys_of_rows(data, offsets, rows, paragraphs, min_chars, *table(), folded(), combining(), keys, ends)
    return keys[: ends[-1]], ends


def find_blocks(
    strings: pa.Array, marks: np.ndarray, counts: np.ndarray, at: np.ndarray, paragraphs: bool, min_chars: int
) -> np.ndarray:
    """Where the lines or paragraphs are that are marked: (c, 4) int64, neighbours as one.

    marks   (m,) uint64        hashes; those for string i are `marks[at[i, 0]:at[i, 1]]`, ascending
    counts  (m,) uint32        a number for each
    at      (strings, 2) int64

    Columns: the string; its first byte and one past the last, with its line breaks and the blank lines after it, as
    places in the data buffer of the array; the highest of the numbers.
    """
    data, offsets = bytes_of(strings)
    found = np.empty((most_blocks(offsets, min_chars), 4), np.int64)
    n = _find_all(
        *(data, offsets, marks, counts, at, paragraphs, min_chars),
        *(*table(), folded(), combining(), found),
    )
    return found[:n]


def most_blocks(offsets: np.ndarray, min_chars: int) -> int:
    """An upper bound of how many blocks strings have: each has a byte for a code point, and a line break behind it.

    Memory that is asked for and never touched costs nothing.
    """
    return int((np.diff(offsets).astype(np.int64) // (min_chars + 1) + 1).sum()) if len(offsets) > 1 else 0


@njit(nogil=True, cache=True)
def _keys_of_rows(data, offsets, rows, paragraphs, min_chars, block, info, fold, ccc, keys, ends):
    """Fill `keys` and `ends` (see `block_keys`)."""
    scratch = _scratch(offsets)
    to = 0
    for row in range(rows.size - 1):
        begin = to
        for i in range(rows[row], rows[row + 1]):
            at, end = np.int64(offsets[i]), np.int64(offsets[i + 1])
            while at < end:
                first, last, at = _block(data, at, end, paragraphs, block, info)
                key, is_long = _key(data, first, last, min_chars, fold, ccc, scratch)
                if is_long:
                    keys[to] = key
                    to += 1
        to = unique(keys, begin, to)
        ends[row + 1] = to


@njit(nogil=True, cache=True)
def _find_all(data, offsets, marks, counts, at, paragraphs, min_chars, block, info, fold, ccc, found):
    """Fill `found` (see `find_blocks`) and say how many there are."""
    scratch = _scratch(offsets)
    n = 0
    for i in range(offsets.size - 1):
        low, high = at[i, 0], at[i, 1]
        if low == high:
            continue
        here, end = np.int64(offsets[i]), np.int64(offsets[i + 1])
        here = skip_blank(data.ctypes.data, here, end, block.ctypes.data, info.ctypes.data)
        while here < end:
            first, last, after = _block(data, here, end, paragraphs, block, info)
            key, is_long = _key(data, first, last, min_chars, fold, ccc, scratch)
            place = member(marks, low, high, key) if is_long else np.int64(-1)
            if place >= 0:
                count = np.int64(counts[place])
                if n and found[n - 1, 0] == i and found[n - 1, 2] == here:
                    found[n - 1, 2] = after
                    found[n - 1, 3] = max(found[n - 1, 3], count)
                else:
                    found[n, 0], found[n, 1], found[n, 2], found[n, 3] = i, here, after, count
                    n += 1
            here = after
    return n


@njit(nogil=True, cache=True)
def _scratch(offsets):
    """Room for the longest string, folded: U+023A and U+023E take two bytes, their lower case three."""
    longest = 0
    for i in range(offsets.size - 1):
        longest = max(longest, int(offsets[i + 1] - offsets[i]))
    return np.empty(longest + longest // 2 + 16, np.uint8)


@njit(nogil=True, cache=True)
def _block(data, at, end, paragraphs, block, info):
    """First byte, one past the last, and start of what follows, of the first block at line start `at` or after it.

    All three are `end` where there is none. What follows is a line that is not blank.
    """
    text, stage, leaf = data.ctypes.data, block.ctypes.data, info.ctypes.data
    at = skip_blank(text, at, end, stage, leaf)
    if at >= end:
        return end, end, end
    first, last, after = line(text, at, end, stage, leaf)
    following = skip_blank(text, after, end, stage, leaf)
    while paragraphs and following == after and following < end:
        _, last, after = line(text, following, end, stage, leaf)
        following = skip_blank(text, after, end, stage, leaf)
    return first, last, following


@njit(nogil=True, cache=True)
def skip_blank(text, at, end, block, info):
    """Start of the first line that is not blank, at line start `at` or after it; `end` where there is none."""
    start = at
    while at < end:
        code, width, entry = look(text, at, end, block, info)
        if not entry & (SPACE << 16):
            return start
        at += width
        if entry & (BREAK << 16):
            if code == 13 and at < end and load8(text, at) == 10:
                at += 1
            start = at
    return end


@njit(nogil=True, cache=True)
def line(text, at, end, block, info):
    """First byte and one past the last, without white space, of the line at `at`, which is not blank; start of the next.

    Eight characters are passed at once where all are ASCII and none is a control.
    """
    first, last = np.int64(-1), at
    while at < end:
        if at + 8 <= end:
            word = load_bytes(text, at)
            if (word | (word - np.uint64(0x20) * ONES)) & TOPS == np.uint64(0):
                solid = ((word ^ SPACES) + np.uint64(0x7F) * ONES) & TOPS
                if solid != np.uint64(0):
                    if first < 0:
                        first = at + (zeros_below(solid) >> 3)
                    last = at + 8
                at += 8
                continue
        code, width, entry = look(text, at, end, block, info)
        at += width
        if not entry & (SPACE << 16):
            if first < 0:
                first = at - width
            last = at
        elif entry & (BREAK << 16):
            if code == 13 and at < end and load8(text, at) == 10:
                at += 1
            break
    while last > first and load8(text, last - 1) == 0x20:
        last -= 1
    return first, last, at


@njit(nogil=True, cache=True)
def _key(data, first, last, min_chars, fold, ccc, scratch):
    """Hash of `data[first:last]`, folded into `scratch`, and whether that has `min_chars` code points and is not empty."""
    if last - first < min_chars or first == last:
        return np.uint64(0), False
    size, _ = fold_one(data, first, last, fold, ccc, scratch)
    chars = 0
    for k in range(min(size, 4 * min_chars)):
        chars += (scratch[k] & 0xC0) != 0x80
    return hash_one(scratch, 0, size, np.uint64(0)), size > 0 and chars >= min_chars


@njit(nogil=True, cache=True)
def unique(keys, begin, end):
    """Sort `keys[begin:end]` and keep each once, from `begin` on; one past the last."""
    if end - begin < 2:
        return end
    keys[begin:end].sort()
    to = begin + 1
    for k in range(begin + 1, end):
        if keys[k] != keys[to - 1]:
            keys[to] = keys[k]
            to += 1
    return to


@njit(nogil=True, cache=True)
def member(keys, low, high, key):
    """Where `key` is in `keys[low:high]`, which ascend; -1 where it is not."""
    end = high
    while low < high:
        middle = (low + high) >> 1
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low if low < end and keys[low] == key else np.int64(-1)
