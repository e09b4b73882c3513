"""Texts cut into pieces of so many characters, words or paragraphs, at the best place there is.

"Once upon a time. The end."   by words, 4 at most, at sentences   →   "Once upon a time." "The end."

A word is what stands between white space, a paragraph what stands between empty lines. A piece of words or paragraphs begins
and ends with one; pieces of characters take the white space with them, so that nothing of the text is lost between them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tamis.kernels.hash import bytes_of
from tamis.kernels.jit import njit
from tamis.kernels.unicode import BREAK, QUOTE, SPACE, STOP, look, table

CHARS, WORDS, PARAGRAPHS = range(3)
"""What is counted."""

ANYWHERE, WORD, SENTENCE, LINE, PARAGRAPH = range(5)
"""What ends where a piece may end, from the weakest on."""


class Pieces(NamedTuple):
    """Pieces of all texts, in order.

    rows          (texts + 1,) int64  first piece of each text
    start, end    (n,) int64          bytes of the buffer of all texts
    first, last   (n,) int32          code points of the text: the first, and one past the last
    units         (n,) int32          what was counted, in the piece
    """

    rows: np.ndarray
    start: np.ndarray
    end: np.ndarray
    first: np.ndarray
    last: np.ndarray
    units: np.ndarray


def cut(texts: pa.StringArray, unit: int, size: int, overlap: int, wanted: int) -> Pieces:
    """`texts` (no nulls) in pieces of at most `size` units, each beginning `overlap` units before the one before it ends.

    A piece that is not the last ends at the last place that `wanted` ends, among those at which it has half its size; where
    there is none, at what is weaker. A text without any unit has no piece.
    """
    data, offsets = bytes_of(texts)
    stages = table()
    rows = np.zeros(len(texts) + 1, np.int64)
    none64, none32 = np.zeros(0, np.int64), np.zeros(0, np.int32)
    how = (np.int64(unit), np.int64(size), np.int64(overlap), np.int64(wanted))
    _cut(data, offsets, stages.block, stages.info, *how, rows, none64, none64, none32, none32, none32)
    n = int(rows[-1])
    places = np.empty((2, n), np.int64)
    points = np.empty((3, n), np.int32)
    _cut(data, offsets, stages.block, stages.info, *how, rows, *places, *points)
    return Pieces(rows, *places, *points)


@njit(nogil=True, cache=True)
def _cut(data, offsets, block, info, unit, size, overlap, wanted, rows, start, end, first, last, units):
    """Count the pieces in `rows` where the others are empty, else fill those. See `cut` and `Pieces`."""
    text, stage, leaf = data.ctypes.data, block.ctypes.data, info.ctypes.data
    held = size + 1  # units that a piece is chosen from: all it may have, and the one behind
    places, points, levels = np.empty((held, 2), np.int64), np.empty((held, 2), np.int32), np.empty(held, np.int8)
    fill, found = start.size > 0, 0
    for i in range(offsets.size - 1):
        at, stop = np.int64(offsets[i]), np.int64(offsets[i + 1])
        # k: units seen; begin: first unit of the piece; open_*: a word or paragraph that has begun, up to its last character
        k, begin, point = 0, 0, 0
        opened, open_at, open_point, open_level = False, at, 0, PARAGRAPH
        shut_at, shut_point = at, 0
        breaks, spaced, ended, before = 0, True, False, 0
        while True:
            push = -1
            if at < stop:
                code, width, entry = look(text, at, stop, stage, leaf)
                kind = entry >> 16
                is_space = (kind & SPACE) != 0
            else:
                code, width, kind, is_space = 0, 0, 0, True
            if is_space:
                if width > 0 and (kind & BREAK) and not (code == 10 and before == 13):
                    breaks += 1
                if opened and (width == 0 or unit == WORDS):
                    push, opened = open_level, False
                level = ANYWHERE
                spaced = True
            else:
                level = ANYWHERE
                if spaced:
                    level = WORD
                    if ended:
                        level = SENTENCE
                    if breaks == 1:
                        level = LINE
                    elif breaks > 1:
                        level = PARAGRAPH
                if unit == PARAGRAPHS and opened and level == PARAGRAPH:
                    push, opened = open_level, False
            if unit == CHARS and width > 0:
                push = level
                open_at, open_point, shut_at, shut_point = at, point, at + width, point + 1
            if push >= 0:
                here = k % held
                places[here, 0], places[here, 1] = open_at, shut_at
                points[here, 0], points[here, 1] = open_point, shut_point
                levels[here] = push
                if k - begin == size:
                    best = begin + size
                    for j in range(begin + size, begin + max(1, size // 2) - 1, -1):
                        if min(levels[j % held], wanted) > min(levels[best % held], wanted):
                            best = j
                    if fill:
                        start[found], end[found] = places[begin % held, 0], places[(best - 1) % held, 1]
                        first[found], last[found] = points[begin % held, 0], points[(best - 1) % held, 1]
                        units[found] = best - begin
                    found += 1
                    begin = best - overlap
                k += 1
            if width == 0:
                break
            if not is_space:
                if unit != CHARS:
                    if not opened:
                        opened, open_at, open_point, open_level = True, at, point, level
                    shut_at, shut_point = at + width, point + 1
                ended = (kind & STOP) != 0 or (
                    ended and ((kind & QUOTE) != 0 or code == 41 or code == 93 or code == 125)
                )
                if spaced and not (kind & STOP):
                    ended = False
                breaks, spaced = 0, False
            before = code
            at += width
            point += 1
        if k > begin:
            if fill:
                start[found], end[found] = places[begin % held, 0], places[(k - 1) % held, 1]
                first[found], last[found] = points[begin % held, 0], points[(k - 1) % held, 1]
                units[found] = k - begin
            found += 1
        rows[i + 1] = found
