"""Windows of n words: which of them many rows share, without a table of all windows.

Of a text only some runs of n - n // 2 words are noted: in every window the one with the least hash (winnowing: Schleimer,
Wilkerson and Aiken 2003), 2 in n // 2 + 2 words. Two texts that share a window have chosen the same run in it: a window
that is in many rows holds a run that was chosen in all of them. So only windows around runs that many rows chose need
to be counted, and counting those is exact.

Windows are of words as in tamis.kernels.words, in lower case, whatever stands between them, and lie within one string.
Each is known by 64 bits of a polynomial over the hashes of its words.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tamis.kernels.hash import bytes_of
from tamis.kernels.jit import njit
from tamis.kernels.raw import load8
from tamis.kernels.spans_blocks import member, skip_blank, unique
from tamis.kernels.unicode import BREAK, MARK, SPACE, WORD, look, table
from tamis.kernels.words import MIX, PRIME, take_word


def run_keys(strings: pa.Array, rows: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of the runs that are chosen in every row, each once, ascending: `keys[ends[i]:ends[i + 1]]` for row i.

    rows  (r + 1,) int64   strings `rows[i]:rows[i + 1]` are those of row i

    keys (k,) uint64; ends (r + 1,) int64. A text of fewer than n words has none.
    """
    data, offsets = bytes_of(strings)
    keys, ends = np.empty(_most_words(offsets), np.uint64), np.zeros(len(rows), np.int64)
    _choose_all(data, offsets, rows, run_words(n), n // 2 + 1, _power(run_words(n)), *table(), keys, ends)
    return keys[: ends[-1]].copy(), ends


def window_keys(
    strings: pa.Array, rows: np.ndarray, n: int, marks: np.ndarray, at: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """As `run_keys`, of all windows that hold a marked run.

    marks  (m,) uint64   hashes of runs; those for row i are `marks[at[i]:at[i + 1]]`, ascending
    at     (r + 1,) int64
    """
    data, offsets = bytes_of(strings)
    keys, ends = np.empty(_most_words(offsets), np.uint64), np.zeros(len(rows), np.int64)
    powers = _power(run_words(n)), _power(n)
    _around_all(data, offsets, rows, run_words(n), n, *powers, marks, at, *table(), keys, ends)
    return keys[: ends[-1]].copy(), ends


def find_windows(strings: pa.Array, marks: np.ndarray, counts: np.ndarray, at: np.ndarray, n: int) -> np.ndarray:
    """Where the windows are that are marked: (c, 4) int64, those that overlap or touch as one.

    marks   (m,) uint64        hashes; those for string i are `marks[at[i, 0]:at[i, 1]]`, ascending
    counts  (m,) uint32        a number for each
    at      (strings, 2) int64

    Columns: the string; its first byte and one past the last, as places in the data buffer of the array; the highest of
    the numbers. Marks such as a bracket or a full stop that touch the first or last word belong to it, and so do the
    spaces behind it; where it begins a line, also the line break behind it and the blank lines after that.
    """
    data, offsets = bytes_of(strings)
    sizes = np.diff(offsets).astype(np.int64)
    found = np.empty((int((sizes // (2 * n) + 1).sum()), 4), np.int64)
    size = _find_all(data, offsets, marks, counts, at, n, _power(n), *table(), found)
    return found[:size]


def run_words(n: int) -> int:
    """Words of a run that stands for windows of n."""
    return n - n // 2


def _most_words(offsets: np.ndarray) -> int:
    """An upper bound of the number of words: each takes a byte and one between, or three. Untouched memory costs nothing."""
    return int(((np.diff(offsets).astype(np.int64) + 1) // 2).sum())


def _power(words: int) -> np.uint64:
    """What a word is multiplied by when it has left a polynomial over so many."""
    return np.uint64(pow(int(PRIME), words, 2**64))


@njit(nogil=True, cache=True)
def _mixed(h):
    h = (h ^ (h >> np.uint64(32))) * MIX
    return h ^ (h >> np.uint64(32))


@njit(nogil=True, cache=True)
def _choose_all(data, offsets, rows, k, width, power, block, info, keys, ends):
    """Fill `keys` and `ends` (see `run_keys`): of each `width` runs of `k` words in a row, the least hash.

    The least hashes lie close together, and ranges of keys are to be equally much work: they are mixed once more.
    """
    text, stage, leaf = data.ctypes.data, block.ctypes.data, info.ctypes.data
    ring, runs = np.zeros(k, np.uint64), np.zeros(width, np.uint64)
    to = 0
    for row in range(rows.size - 1):
        begin = to
        for i in range(rows[row], rows[row + 1]):
            at, end = np.int64(offsets[i]), np.int64(offsets[i + 1])
            h, words, slot = np.uint64(0), 0, 0
            run, run_slot, least, least_at = -1, 0, np.uint64(0), -1
            first = to
            while at < end:
                code, size, entry = look(text, at, end, stage, leaf)
                if not entry & (WORD << 16):
                    at += size
                    continue
                word, at, _, _ = take_word(text, at, end, code, size, entry, stage, leaf)
                h = h * PRIME + word
                if words >= k:
                    h -= ring[slot] * power
                ring[slot] = word
                slot = slot + 1 if slot + 1 < k else 0
                words += 1
                if words < k:
                    continue
                run += 1
                key = _mixed(h)
                runs[run_slot] = key
                run_slot = run_slot + 1 if run_slot + 1 < width else 0
                if run == 0 or key <= least:
                    least, least_at = key, run
                elif least_at <= run - width:
                    least, least_at = runs[run_slot], run - width + 1
                    for d in range(1, width):
                        place = run_slot + d if run_slot + d < width else run_slot + d - width
                        if runs[place] <= least:
                            least, least_at = runs[place], run - width + 1 + d
                if run >= width - 1 and (to == first or keys[to - 1] != _mixed(least)):
                    keys[to] = _mixed(least)
                    to += 1
        to = unique(keys, begin, to)
        ends[row + 1] = to


@njit(nogil=True, cache=True)
def _around_all(data, offsets, rows, k, n, power_k, power_n, marks, marks_at, block, info, keys, ends):
    """Fill `keys` and `ends` (see `window_keys`)."""
    text, stage, leaf = data.ctypes.data, block.ctypes.data, info.ctypes.data
    ring = np.zeros(n, np.uint64)
    to = 0
    for row in range(rows.size - 1):
        begin, low, high = to, marks_at[row], marks_at[row + 1]
        for i in range(rows[row], rows[row + 1]):
            at, end = np.int64(offsets[i]), np.int64(offsets[i + 1])
            if low == high:
                continue
            h, h_run, words, slot, marked = np.uint64(0), np.uint64(0), 0, 0, -1
            while at < end:
                code, size, entry = look(text, at, end, stage, leaf)
                if not entry & (WORD << 16):
                    at += size
                    continue
                word, at, _, _ = take_word(text, at, end, code, size, entry, stage, leaf)
                h, h_run = h * PRIME + word, h_run * PRIME + word
                if words >= k:
                    h_run -= ring[slot - k if slot >= k else slot - k + n] * power_k
                if words >= n:
                    h -= ring[slot] * power_n
                ring[slot] = word
                slot = slot + 1 if slot + 1 < n else 0
                words += 1
                if words >= k and member(marks, low, high, _mixed(_mixed(h_run))) >= 0:
                    marked = words - k
                if words >= n and marked >= words - n:
                    keys[to] = _mixed(h)
                    to += 1
        to = unique(keys, begin, to)
        ends[row + 1] = to


@njit(nogil=True, cache=True)
def _find_all(data, offsets, marks, counts, marks_at, n, power, block, info, found):
    """Fill `found` (see `find_windows`) and say how many there are."""
    text, stage, leaf = data.ctypes.data, block.ctypes.data, info.ctypes.data
    ring, starts = np.zeros(n, np.uint64), np.zeros(n, np.int64)
    to = 0
    for i in range(offsets.size - 1):
        low, high = marks_at[i, 0], marks_at[i, 1]
        if low == high:
            continue
        begin, end = np.int64(offsets[i]), np.int64(offsets[i + 1])
        at, h, words, slot = begin, np.uint64(0), 0, 0
        # The open run of words, if `upto` is not 0: its first byte, one past its last, words up to its end, its number.
        start, stop, upto, count = np.int64(0), np.int64(0), 0, np.int64(0)
        while at < end:
            code, size, entry = look(text, at, end, stage, leaf)
            if not entry & (WORD << 16):
                at += size
                continue
            here = at
            word, at, _, _ = take_word(text, at, end, code, size, entry, stage, leaf)
            h = h * PRIME + word
            if words >= n:
                h -= ring[slot] * power
            ring[slot], starts[slot] = word, here
            slot = slot + 1 if slot + 1 < n else 0
            words += 1
            place = member(marks, low, high, _mixed(h)) if words >= n else np.int64(-1)
            if place < 0:
                continue
            if upto and words - n > upto:
                found[to, 0], found[to, 3] = i, count
                found[to, 1], found[to, 2] = _widened(text, begin, start, stop, end, stage, leaf)
                to, upto = to + 1, 0
            if upto == 0:
                start, count = starts[slot], np.int64(0)
            stop, upto, count = at, words, max(count, np.int64(counts[place]))
        if upto:
            found[to, 0], found[to, 3] = i, count
            found[to, 1], found[to, 2] = _widened(text, begin, start, stop, end, stage, leaf)
            to += 1
    return to


@njit(nogil=True, cache=True)
def _widened(text, low, start, stop, end, block, info):
    """`start` and `stop` of a run of words, with what belongs to it on both sides."""
    at = start
    while at > low:
        before = _before(text, low, at)
        entry = look(text, before, start, block, info)[2]
        if entry & (SPACE << 16):
            break
        if entry & ((WORD | MARK) << 16):
            at = start
            break
        at = before
    start = at
    begins_line = True
    while at > low:
        at = _before(text, low, at)
        entry = look(text, at, start, block, info)[2]
        if not entry & (SPACE << 16) or entry & (BREAK << 16):
            begins_line = (entry & (BREAK << 16)) != 0
            break
    spaces = False
    while stop < end:
        code, width, entry = look(text, stop, end, block, info)
        if entry & (BREAK << 16):
            if begins_line:
                stop += width
                if code == 13 and stop < end and load8(text, stop) == 10:
                    stop += 1
                stop = skip_blank(text, stop, end, block, info)
            break
        if entry & (WORD << 16) or (spaces and not entry & (SPACE << 16)):
            break
        spaces |= (entry & (SPACE << 16)) != 0
        stop += width
    return start, stop


@njit(nogil=True, cache=True)
def _before(text, low, at):
    """Where the character that ends at `at` begins."""
    at -= 1
    while at > low and load8(text, at) & 0xC0 == 0x80:
        at -= 1
    return at
