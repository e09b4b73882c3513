"""JSON string text to UTF-8: spans of a block in, the buffers of an Arrow string array out."""

from __future__ import annotations

import numpy as np
from numba import njit

from tamis.kernels.wide import WIDE, copy, first

BACKSLASH, LETTER_U = 0x5C, 0x75

ESCAPED = np.zeros(256, np.uint8)
"""What the letter after a backslash stands for; 0: not an escape of one letter."""
for _letter, _byte in zip(b'"\\/bfnrt', b'"\\/\b\f\n\r\t', strict=True):
    ESCAPED[_letter] = _byte

HEX = np.full(256, 255, np.uint8)
"""Value of a hexadecimal digit; 255: none."""
for _value, _digits in enumerate(zip("0123456789abcdef", "0123456789ABCDEF", strict=True)):
    for _digit in _digits:
        HEX[ord(_digit)] = _value


@njit(nogil=True, cache=True)
def hex4(data: np.ndarray, at: int) -> int:
    """The number that the four digits at `at` write, or one above 0xffff where one is no digit."""
    high = np.int64(HEX[data[at]]) << 12 | np.int64(HEX[data[at + 1]]) << 8
    low = np.int64(HEX[data[at + 2]]) << 4 | np.int64(HEX[data[at + 3]])
    bad = HEX[data[at]] | HEX[data[at + 1]] | HEX[data[at + 2]] | HEX[data[at + 3]]
    return (high | low) + (np.int64(bad > 15) << 20)


@njit(nogil=True, cache=True)
def _put(code: int, out: np.ndarray, to: int) -> int:
    """Write a code point as UTF-8 at `out[to:]`; give the position after it."""
    if code < 0x80:
        out[to] = code
        return to + 1
    if code < 0x800:
        out[to], out[to + 1] = 0xC0 | code >> 6, 0x80 | code & 0x3F
        return to + 2
    if code < 0x10000:
        out[to], out[to + 1], out[to + 2] = 0xE0 | code >> 12, 0x80 | code >> 6 & 0x3F, 0x80 | code & 0x3F
        return to + 3
    out[to], out[to + 1] = 0xF0 | code >> 18, 0x80 | code >> 12 & 0x3F
    out[to + 2], out[to + 3] = 0x80 | code >> 6 & 0x3F, 0x80 | code & 0x3F
    return to + 4


@njit(nogil=True, cache=True)
def _unicode(data: np.ndarray, at: int, end: int, out: np.ndarray, to: int) -> tuple[int, int]:
    """Decode the \\uXXXX at `at`, and its second half where it is a pair; a lone surrogate becomes U+FFFD."""
    code = hex4(data, at + 2)
    at += 6
    if code < 0xD800 or code > 0xDFFF:
        return at, _put(code, out, to)
    if code < 0xDC00 and at + 6 <= end and data[at] == BACKSLASH and data[at + 1] == LETTER_U:
        low = hex4(data, at + 2)
        if 0xDC00 <= low <= 0xDFFF:
            return at + 6, _put(0x10000 + (code - 0xD800 << 10) + (low - 0xDC00), out, to)
    return at, _put(0xFFFD, out, to)


@njit(nogil=True, cache=True)
def decode(data: np.ndarray, at: int, end: int, out: np.ndarray, to: int) -> int:
    """Write the valid JSON string text `data[at:end]` as UTF-8 at `out[to:]`; give the position after it.

    `out` needs `end - at + 64` bytes from `to` on: a text never grows, and copies run over by up to 64.
    """
    while at < end:
        if at + WIDE <= data.size:
            mask = copy(data, at, out, to)
            run = first(mask) if mask != np.uint64(0) else WIDE
            if run >= end - at:
                return to + end - at
            at += run
            to += run
            if run == WIDE:
                continue
        elif data[at] != BACKSLASH:
            out[to] = data[at]
            at += 1
            to += 1
            continue
        if data[at + 1] == LETTER_U:
            at, to = _unicode(data, at, end, out, to)
        else:
            out[to] = ESCAPED[data[at + 1]]
            at += 2
            to += 1
    return to


@njit(nogil=True, cache=True)
def copied(data: np.ndarray, at: int, end: int, out: np.ndarray, to: int) -> int:
    """Copy `data[at:end]` to `out[to:]` as it stands; give the position after it. `out` needs the slack `decode` needs."""
    while at < end:
        if at + WIDE <= data.size:
            copy(data, at, out, to)
            step = min(WIDE, end - at)
        else:
            out[to] = data[at]
            step = 1
        at += step
        to += step
    return to


@njit(nogil=True, cache=True)
def room(starts: np.ndarray, ends: np.ndarray, take: np.ndarray) -> int:
    """Bytes that `fill` needs for the spans whose `take` is not 0."""
    size = WIDE
    for row in range(starts.size):
        if take[row]:
            size += ends[row] - starts[row]
    return size


@njit(nogil=True, cache=True)
def fill(data: np.ndarray, starts: np.ndarray, ends: np.ndarray, take: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Text of the spans, one after the other in `out`; gives where each begins: (m + 1,) int32.

    starts, ends  (m,) int32   spans of `data`
    take          (m,) uint8   0 leave it empty, 1 copy it as it stands, 2 decode its escapes
    out           (room(...),) uint8   written in place
    """
    offsets = np.empty(starts.size + 1, np.int32)
    offsets[0] = 0
    to = 0
    for row in range(starts.size):
        if take[row] == 1:
            to = copied(data, starts[row], ends[row], out, to)
        elif take[row] == 2:
            to = decode(data, starts[row], ends[row], out, to)
        offsets[row + 1] = to
    return offsets
