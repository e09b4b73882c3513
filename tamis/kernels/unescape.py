"""JSON string text to UTF-8: spans of a block in, the buffers of an Arrow string array out.

`data` is a Block, `out` a pointer to bytes; the text has been checked before.
"""

from __future__ import annotations

import numpy as np

from tamis.kernels.jit import njit
from tamis.kernels.wide import WIDE, Block, copy, first, pointer

BACKSLASH, LETTER_U = 0x5C, 0x75


@njit(nogil=True, cache=True)
def escaped(letter):
    """What the letter after a backslash stands for; 0: it is not an escape of one letter."""
    if letter == 0x22 or letter == BACKSLASH or letter == 0x2F:
        return np.int64(letter)
    if letter == 0x6E:
        return 0x0A
    if letter == 0x74:
        return 0x09
    if letter == 0x72:
        return 0x0D
    if letter == 0x62:
        return 0x08
    return 0x0C if letter == 0x66 else 0


@njit(nogil=True, cache=True)
def is_hex(byte):
    """Whether the byte is a hexadecimal digit."""
    return 0x30 <= byte <= 0x39 or 0x41 <= byte <= 0x46 or 0x61 <= byte <= 0x66


@njit(nogil=True, cache=True)
def hex4(data, at):
    """The number that four hexadecimal digits at `at` write; nothing below 0x110000 where one of them is none."""
    code = np.int64(0)
    for step in range(4):
        byte = np.int64(data.byte[at + step])
        digit = (byte & 0x0F) + 9 * (byte >> 6)
        code = code << 4 | (digit if is_hex(byte) else 0x1000000)
    return code


@njit(nogil=True, cache=True)
def _put(code, out, to):
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
def _escape(data, at, end, out, to):
    """Decode the escape at `at`, a pair as one; a lone surrogate becomes U+FFFD. Gives both positions after it."""
    if data.byte[at + 1] != LETTER_U:
        out[to] = escaped(data.byte[at + 1])
        return at + 2, to + 1
    code = hex4(data, at + 2)
    at += 6
    if 0xD800 <= code <= 0xDFFF:
        low = np.int64(0)
        if code < 0xDC00 and at + 6 <= end and data.byte[at] == BACKSLASH and data.byte[at + 1] == LETTER_U:
            low = hex4(data, at + 2)
        if 0xDC00 <= low <= 0xDFFF:
            code = 0x10000 + (code - 0xD800 << 10) + (low - 0xDC00)
            at += 6
        else:
            code = np.int64(0xFFFD)
    return at, _put(code, out, to)


@njit(nogil=True, cache=True)
def decode(data, at, end, out, to):
    """Write the valid JSON string text `data[at:end]` as UTF-8 at `out[to:]`; give the position after it.

    `out` needs `end - at + 64` bytes from `to` on: a text never grows, and copies run over by up to 64.
    """
    # A block, a pair of escapes that hangs over its end, and a block after that are read at once.
    while at < end and at + 3 * WIDE <= data.size:
        block = at
        slashes = copy(data.byte, at, out, to)
        if end - at < WIDE:
            slashes &= (np.uint64(1) << np.uint64(end - at)) - np.uint64(1)
        while slashes:
            to += block + first(slashes) - at
            at, to = _escape(data, block + first(slashes), end, out, to)
            past = np.uint64(at - block)
            slashes = slashes >> past << past if past < WIDE else np.uint64(0)
            copy(data.byte, at, out, to)
        step = min(block + WIDE, end) - at
        if step > 0:
            at += step
            to += step
    while at < end:
        if data.byte[at] == BACKSLASH:
            at, to = _escape(data, at, end, out, to)
        else:
            out[to] = data.byte[at]
            at += 1
            to += 1
    return to


@njit(nogil=True, cache=True)
def copied(data, at, end, out, to):
    """Copy `data[at:end]` to `out[to:]` as it stands; give the position after it. `out` needs room as for `decode`."""
    after = to + end - at
    while at < end and at + WIDE <= data.size:
        copy(data.byte, at, out, to)
        at += WIDE
        to += WIDE
    while at < end:
        out[to] = data.byte[at]
        at += 1
        to += 1
    return after


@njit(nogil=True, cache=True)
def room(starts, ends, take):
    """Bytes that `fill` needs for the spans whose `take` is not 0."""
    size = WIDE
    for row in range(starts.size):
        if take[row]:
            size += ends[row] - starts[row]
    return size


@njit(nogil=True, cache=True)
def fill(data, starts, ends, take, out, offsets):
    """Text of the spans, one after the other.

    starts, ends  (m,) int32               spans of `data`, (n,) uint8
    take          (m,) uint8               0 leave it empty, 1 copy it as it stands, 2 decode its escapes
    out           (room(...),) uint8       written in place
    offsets       (m + 1,) int32           where each begins in `out`; written in place
    """
    block, byte = Block(pointer(data), data.size), pointer(out)
    to = np.int64(0)
    for row in range(starts.size):
        offsets[row] = to
        if take[row] == 1:
            to = copied(block, np.int64(starts[row]), np.int64(ends[row]), byte, to)
        elif take[row] == 2:
            to = decode(block, np.int64(starts[row]), np.int64(ends[row]), byte, to)
    offsets[starts.size] = to
