"""How a line ends, and whether C4 keeps it."""

from __future__ import annotations

import numpy as np

from tamis.kernels.jit import njit
from tamis.kernels.raw import load8
from tamis.kernels.unicode import QUOTE, SPACE, STOP, look

FEW_WORDS = 3
"""C4 keeps lines of at least so many words (Raffel et al. 2020, section 2.2)."""
LONG_RUN = 1000
"""Characters without white space that C4's code allows in a line (`_MAX_WORD_LENGTH`)."""

KEPT, LONG_WORD, NO_TERMINAL, TOO_FEW_WORDS, JAVASCRIPT, POLICY = range(6)
"""What C4 says of a line, in the order in which its code asks."""

_EDIT = np.frombuffer(b"[edit", np.uint8)
_CITATION = np.frombuffer(b"[citation needed", np.uint8)


@njit(nogil=True, cache=True)
def c4_reason(is_ended, longest_run, words, javascript, policy):
    """KEPT, or the first reason for which the line goes."""
    if longest_run > LONG_RUN:
        return LONG_WORD
    if not is_ended:
        return NO_TERMINAL
    if words < FEW_WORDS:
        return TOO_FEW_WORDS
    if javascript:
        return JAVASCRIPT
    return POLICY if policy else KEPT


@njit(nogil=True, cache=True)
def ends_in_ellipsis(text, first, last):
    """Whether the bytes from `first` to `last` end in "..." or U+2026. text: address of the bytes."""
    if last - first < 3:
        return False
    a, b, c = load8(text, last - 3), load8(text, last - 2), load8(text, last - 1)
    return (a == 46 and b == 46 and c == 46) or (a == 0xE2 and b == 0x80 and c == 0xA6)


@njit(nogil=True, cache=True)
def is_ended(text, first, last, block, info):
    """Whether the line ends in a sentence mark or quotation mark but no ellipsis, citations such as [12] left out."""
    last = _without_citations(text, first, last, block, info)
    if last <= first or ends_in_ellipsis(text, first, last):
        return False
    _, _, entry = look(text, _before(text, first, last), last, block, info)
    return (entry & ((STOP | QUOTE) << 16)) != 0


@njit(nogil=True, cache=True)
def _before(text, first, last):
    """Where the character that ends at `last` begins."""
    at = last - 1
    while at > first and load8(text, at) & 0xC0 == 0x80:
        at -= 1
    return at


@njit(nogil=True, cache=True)
def _without_citations(text, first, last, block, info):
    """Where the line ends without [12], [], [edit] or [citation needed] at its end, and the white space around them."""
    while last > first:
        at = _before(text, first, last)
        _, _, entry = look(text, at, last, block, info)
        if not entry & (SPACE << 16):
            if load8(text, at) != 93:
                break
            at = _citation(text, first, at)
            if at < 0:
                break
        last = at
    return last


@njit(nogil=True, cache=True)
def _citation(text, first, close):
    """Where the citation with its closing bracket at `close` begins, or -1."""
    at = close - 1
    while at >= first and 48 <= load8(text, at) <= 57:
        at -= 1
    if at >= first and load8(text, at) == 91:
        return at
    for word in (_EDIT, _CITATION):
        start = close - word.size
        if start >= first:
            same = True
            for k in range(word.size):
                same &= load8(text, start + k) == word[k]
            if same:
                return start
    return -1
