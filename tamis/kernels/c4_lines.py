"""The lines of texts, and what C4 says of each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tamis.kernels.hash import bytes_of
from tamis.kernels.jit import njit
from tamis.kernels.line_ends import c4_reason, is_ended
from tamis.kernels.phrases import JAVASCRIPT_WORD, PLAIN, POLICY_PHRASE, code_of, phrase
from tamis.kernels.raw import load8
from tamis.kernels.unicode import BREAK, SPACE, WORD, look, table
from tamis.kernels.words import take_word


class Lines(NamedTuple):
    """Every line that is not blank, with its line break and the blank lines after it.

    row     (l,)  int64  string it is of, ascending
    start   (l,)  int64  first byte, in the data buffer of the array; it ends where the next of its string starts
    at      (l,)  int64  first code point, in its string
    reason  (l,)  int64  `line_ends.KEPT`, or why C4 cuts it
    chars   (n,)  int64  code points of each string
    """

    row: np.ndarray
    start: np.ndarray
    at: np.ndarray
    reason: np.ndarray
    chars: np.ndarray


def judge_lines(strings: pa.Array, end_mark: bool) -> Lines:
    """The lines of every string of an Arrow array; end_mark: whether C4's rule about how a line ends is asked."""
    data, offsets = bytes_of(strings)
    none = np.empty((0, 4), np.int64)
    total = _judge_all(data, offsets, *table(), end_mark, none, np.empty(len(strings), np.int64))
    lines, chars = np.empty((total, 4), np.int64), np.empty(len(strings), np.int64)
    _judge_all(data, offsets, *table(), end_mark, lines, chars)
    row, start, at, reason = lines.T
    return Lines(row, start, at, reason, chars)


@njit(nogil=True, cache=True)
def _judge_all(data, offsets, block, info, end_mark, lines, chars):
    """Number of lines of all strings; fill `lines` (as many, 4) and `chars` (n,) where `lines` has the room."""
    text, stage, leaf = data.ctypes.data, block.ctypes.data, info.ctypes.data
    found = 0
    for i in range(offsets.size - 1):
        at, end = np.int64(offsets[i]), np.int64(offsets[i + 1])
        char = 0
        while at < end:
            after, size, reason = judge_line(text, at, end, stage, leaf, end_mark)
            if reason >= 0:
                if found < lines.shape[0]:
                    lines[found, 0], lines[found, 1], lines[found, 2], lines[found, 3] = i, at, char, reason
                found += 1
            at, char = after, char + size
        chars[i] = char
    return found


@njit(nogil=True, cache=True)
def judge_line(text, start, end, block, info, end_mark):
    """Of the line that begins at `start`: the byte after its break; its code points, break included; what C4 says.

    What C4 says is -1 where the line is blank. text, block, info: addresses, as for `look`.
    """
    at, chars, words = start, 0, 0
    first, last = -1, start
    before_code, last_code = PLAIN, PLAIN
    run_from, longest_run = 0, 0
    javascript, policy = False, False
    code, width = 0, 0
    while at < end:
        code, width, entry = look(text, at, end, block, info)
        if entry & (SPACE << 16):
            longest_run = max(longest_run, chars - run_from)
            if entry & (BREAK << 16):
                break
            at += width
            chars += 1
            run_from = chars
            continue
        if first < 0:
            first = at
        if entry & (WORD << 16):
            h, at, size, _ = take_word(text, at, end, code, width, entry, block, info)
            chars += size
            words += 1
            listed = code_of(h)
            found = phrase(before_code, last_code, listed)
            javascript |= found == JAVASCRIPT_WORD
            policy |= found == POLICY_PHRASE
            before_code, last_code = last_code, listed
        else:
            at += width
            chars += 1
        last = at
    longest_run = max(longest_run, chars - run_from)
    reason = -1
    if first >= 0:
        is_fine = not end_mark or is_ended(text, first, last, block, info)
        reason = c4_reason(is_fine, longest_run, words, javascript, policy)
    if at < end:
        at += width
        chars += 1
        if code == 13 and at < end and load8(text, at) == 10:
            at += 1
            chars += 1
    return at, chars, reason


@njit(nogil=True, cache=True)
def copy_lines(data, stops, start, row, is_cut, out, offsets):
    """Copy every string without its cut lines to `out`; `offsets` (n + 1,) int64 says where each begins there.

    stops   (n,)  int64  one past the last byte of each string
    starts  (n,)  int64  in `offsets` on entry: first byte of each string
    start, row, is_cut (l,): the lines, as in `Lines`
    """
    to, k = 0, 0
    for i in range(stops.size):
        at = offsets[i]
        offsets[i] = to
        while k < row.size and row[k] == i:
            stop = start[k + 1] if k + 1 < row.size and row[k + 1] == i else stops[i]
            if is_cut[k]:
                while at < start[k]:
                    out[to] = data[at]
                    to += 1
                    at += 1
                at = stop
            k += 1
        while at < stops[i]:
            out[to] = data[at]
            to += 1
            at += 1
    offsets[stops.size] = to
    return to
