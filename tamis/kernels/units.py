"""What n-grams are made of, as one stream of hashes a text: its words, or its characters.

run    maximal runs of letters, digits and underscores in simple lower case, as the regular expression \\w+ finds them
word   those of tamis.kernels.words, with the same hashes
char   code points in simple lower case; a run of white space is one U+0020, and there is none at the ends
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from tamis.kernels.blocks import WIDTH, high_bits, run_bits, word_bits, zeros_above
from tamis.kernels.jit import njit
from tamis.kernels.raw import load_bytes, zeros_below
from tamis.kernels.unicode import SPACE, WORD, look, lower
from tamis.kernels.words import CASE, MIX, PRIME, SEED, take_word, utf8

Unit = Literal["run", "word", "char"]

WORDS, CHARS, RUNS = 0, 1, 2
CODES: dict[str, int] = {"run": RUNS, "word": WORDS, "char": CHARS}

ROOM = WIDTH
"""Units that one step of the walk may write past the number asked for."""

UNDERSCORE = ord("_")

ONE, ALL = np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFF)

AHEAD = WIDTH + 16
"""Bytes that a step reads from where it stands."""


def code_of(unit: str) -> int:
    """RUNS, WORDS or CHARS."""
    if unit not in CODES:
        raise ValueError(f"unit is {unit!r}; it can be {' or '.join(map(repr, CODES))}")
    return CODES[unit]


@njit(nogil=True, cache=True)
def char_hash(code):
    """The hash (uint64) of a code point in lower case; no two share one."""
    h = (SEED ^ np.uint64(code)) * PRIME
    return h ^ (h >> np.uint64(32))


@njit(nogil=True, cache=True)
def take_units(text, at, end, safe, block, info, kind, begun, most, out):
    """Write the hashes of units from byte `at` on to `out`, until there are `most` or the text ends.

    text, block, info  addresses of the bytes and of the arrays of unicode.Table
    safe               one past the last byte that may be read; the text itself ends at `end`
    begun              whether units came before `at`: then white space there is one
    out                (>= most + ROOM,) uint64
    Gives the byte to go on from, and how many were written, `most + ROOM` at most.
    """
    if kind == CHARS:
        return _take_chars(text, at, end, block, info, begun, most, out)
    return _take_words(text, at, end, safe, block, info, kind, most, out)


@njit(nogil=True, cache=True)
def _take_words(text, at, end, safe, block, info, kind, most, out):
    count = 0
    while at < end and count < most:
        if at + AHEAD <= safe:
            # Words that end inside the block, in ASCII. One that touches its edge is met again by the next block.
            usable = min(end - at, WIDTH, zeros_below(high_bits(text, at)))
            bits = run_bits(text, at) if kind == RUNS else word_bits(text, at)
            if usable < WIDTH:
                bits &= (ONE << np.uint64(usable)) - ONE
            starts, stops = bits & ~(bits << ONE), ~bits & (bits << ONE)
            step = usable
            if at + usable < end and usable and bits >> np.uint64(usable - 1):
                step = 63 - zeros_above(starts)
                starts ^= ONE << np.uint64(step)
            while starts != np.uint64(0):
                first = zeros_below(starts)
                out[count] = _plain_hash(text, at + first, zeros_below(stops) - first)
                count += 1
                starts &= starts - ONE
                stops &= stops - ONE
            if step:
                at += step
                continue
        code, width, entry = look(text, at, end, block, info)
        if kind == RUNS and _in_run(code, entry):
            out[count], at = _take_run(text, at, end, code, width, entry, block, info)
            count += 1
        elif entry & (WORD << 16):
            out[count], at, _, _ = take_word(text, at, end, code, width, entry, block, info)
            count += 1
        else:
            at += width
    return at, count


@njit(nogil=True, cache=True)
def _in_run(code, entry):
    return (entry & (WORD << 16)) != 0 or code == UNDERSCORE


@njit(nogil=True, cache=True)
def _take_run(text, at, end, code, width, entry, block, info):
    """Hash (uint64) of the run that begins at `at`, and the byte after it."""
    h, chunk, filled = SEED, np.uint64(0), 0
    while True:
        # An underscore is folded as `_plain_hash` folds it.
        spelt, size = utf8(UNDERSCORE | 0x20 if code == UNDERSCORE else lower(code, entry))
        chunk |= spelt << np.uint64(8 * filled)
        filled += size
        if filled >= 8:
            h = (h ^ chunk) * PRIME
            h ^= h >> np.uint64(32)
            filled -= 8
            chunk = spelt >> np.uint64(8 * (size - filled)) if filled else np.uint64(0)
        at += width
        if at >= end:
            break
        code, width, entry = look(text, at, end, block, info)
        if not _in_run(code, entry):
            break
    if filled:
        h = (h ^ chunk) * PRIME
        h ^= h >> np.uint64(32)
    h *= MIX
    return h ^ (h >> np.uint64(32)), at


@njit(nogil=True, cache=True)
def _plain_hash(text, at, size):
    """As words.word_hash, of `size` ASCII letters and digits; 16 bytes past the last are read at most.

    The second eight bytes are always hashed, and left where there are none: a branch would be guessed wrong too often.
    """
    h = SEED
    while size > 16:
        h = _step(h, load_bytes(text, at) | CASE)
        at += 8
        size -= 8
    h = _step(h, (load_bytes(text, at) | CASE) & (ALL >> np.uint64(64 - 8 * min(size, 8))))
    longer = _step(h, (load_bytes(text, at + 8) | CASE) & (ALL >> np.uint64(64 - 8 * max(size - 8, 1))))
    h = (longer if size > 8 else h) * MIX
    return h ^ (h >> np.uint64(32))


@njit(nogil=True, cache=True)
def _step(h, chunk):
    h = (h ^ chunk) * PRIME
    return h ^ (h >> np.uint64(32))


@njit(nogil=True, cache=True)
def _take_chars(text, at, end, block, info, begun, most, out):
    """Space is written as it comes, and taken back where more of it or nothing follows."""
    count, spaced = 0, not begun
    while at < end and (count < most or spaced):
        code, width, entry = look(text, at, end, block, info)
        at += width
        space = (entry & (SPACE << 16)) != 0
        out[count] = char_hash(32 if space else lower(code, entry))
        count += not (space and spaced)
        spaced = space
    return at, count - (spaced and count > 0)
