"""What kind of character a code point is, and its lower case: one look-up for the kernels.

The table is that of Unicode 14, whichever Python runs: the same text has the same words everywhere.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tamis.kernels.jit import njit
from tamis.kernels.raw import load8, load16, load32

WORD = 1  # letter or digit: str.isalnum()
ALPHA = 2  # letter: str.isalpha()
MARK = 4  # combining mark or joiner: goes on with a word, never begins one
SOLO = 8  # letter of a script without spaces: a word by itself
SPACE = 16  # str.isspace()
BREAK = 32  # ends a line: str.splitlines()
STOP = 64  # ends a sentence: Unicode Sentence_Terminal
QUOTE = 128  # quotation mark
BULLET = 256  # may begin an item of a list
ASSIGNED = 512  # known to the Unicode version of the table

BLOCK = 128
"""Code points that share one entry of the first stage."""


class Table(NamedTuple):
    """Two-stage table over all code points: `info[block[c // 128] * 128 + c % 128]`, and `info[c]` below 128.

    block  (8704,) uint16
    info   (n,)    uint32  kinds in the high half; in the low half what lower case adds to the low half of the code
                           point, modulo 2**16 (lower case never leaves the plane)
    """

    block: np.ndarray
    info: np.ndarray


@cache
def table() -> Table:
    """The table that ships with the package: 2 ms to load."""
    with np.load(Path(__file__).with_name("unicode.npz")) as arrays:
        return Table(arrays["block"], arrays["info"])


@njit(nogil=True, cache=True)
def code_point(text, at, end):
    """Code point and width in bytes of the character at `at`, the lead byte of a UTF-8 sequence of two bytes or more.

    text: address of the bytes. Broken sequences, which valid Arrow strings do not hold, are U+FFFD of width 1: nothing
    behind `end` is read.
    """
    lead = load8(text, at)
    if lead < 0xE0:
        if lead >= 0xC0 and at + 1 < end:
            return (lead & 31) << 6 | load8(text, at + 1) & 63, 2
    elif lead < 0xF0:
        if at + 2 < end:
            return (lead & 15) << 12 | (load8(text, at + 1) & 63) << 6 | load8(text, at + 2) & 63, 3
    elif lead < 0xF5 and at + 3 < end:
        high = (lead & 7) << 18 | (load8(text, at + 1) & 63) << 12
        code = high | (load8(text, at + 2) & 63) << 6 | load8(text, at + 3) & 63
        if code < 0x110000:
            return code, 4
    return 0xFFFD, 1


@njit(nogil=True, cache=True)
def look(text, at, end, block, info):
    """Code point, width in bytes and table entry (int64) of the character at `at`.

    text, block, info: addresses of the bytes and of the arrays of `Table`.
    """
    code = load8(text, at)
    if code < 128:
        return code, 1, load32(info, code)
    code, width = code_point(text, at, end)
    return code, width, load32(info, load16(block, code >> 7) * BLOCK + (code & (BLOCK - 1)))


@njit(nogil=True, cache=True)
def lower(code, entry):
    """Lower case of `code`, whose table entry is `entry`."""
    return (code & ~0xFFFF) | ((code + entry) & 0xFFFF)
