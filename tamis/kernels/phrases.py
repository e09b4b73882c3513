"""The few words and phrases that quality rules ask for, found by hash as the words go by.

Stop words are Gopher's (Rae et al. 2021, A.1.1); the phrases are those of C4's code (tensorflow_datasets, c4_utils.py).
A phrase is a sequence of words: "Privacy-Policy" is one, "terms of used cars" is none.
"""

from __future__ import annotations

import numpy as np

from tamis.kernels.jit import njit
from tamis.kernels.words import word_hash

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
POLICY_PHRASES = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")

_OTHERS = ("javascript", "ipsum", "use", "policy", "cookies", "lorem", "terms", "privacy", "cookie", "uses")
_CODES = {word: code for code, word in enumerate(STOP_WORDS + _OTHERS)}

PLAIN = -1
"""Code of every word that is not listed."""
LISTED = len(STOP_WORDS)
"""Codes below are stop words."""

_OF = _CODES["of"]
_JAVASCRIPT, _IPSUM, _USE, _POLICY, _COOKIES, _LOREM, _TERMS, _PRIVACY, _COOKIE, _USES = (_CODES[w] for w in _OTHERS)

NONE, JAVASCRIPT_WORD, LOREM_IPSUM, POLICY_PHRASE = range(4)
"""What a phrase that ends with this word is."""


def _slots() -> tuple[int, np.ndarray, np.ndarray]:
    """A shift that gives every listed word a slot of its own among 256, their hashes (256,), and codes (256,)."""
    hashes = {word_hash(word): code for word, code in _CODES.items()}
    shift = next(s for s in range(56) if len({h >> s & 255 for h in hashes}) == len(hashes))
    keys, codes = np.zeros(256, np.uint64), np.full(256, PLAIN, np.int64)
    for h, code in hashes.items():
        keys[h >> shift & 255], codes[h >> shift & 255] = h, code
    return shift, keys, codes


_SHIFT, _KEYS, _WHICH = _slots()


@njit(nogil=True, cache=True)
def code_of(h):
    """Code of the word with hash `h` (uint64), or PLAIN."""
    slot = np.int64((h >> np.uint64(_SHIFT)) & np.uint64(255))
    return _WHICH[slot] if _KEYS[slot] == h else PLAIN


@njit(nogil=True, cache=True)
def phrase(before, last, code):
    """The phrase that ends with the word `code`, after the words `last` and `before` of the same line (codes)."""
    if code == _JAVASCRIPT:
        return JAVASCRIPT_WORD
    if code == _IPSUM and last == _LOREM:
        return LOREM_IPSUM
    if code == _POLICY and last in (_PRIVACY, _COOKIE):
        return POLICY_PHRASE
    if code == _COOKIES and (last in (_USE, _USES) or (last == _OF and before == _USE)):
        return POLICY_PHRASE
    if code == _USE and last == _OF and before == _TERMS:
        return POLICY_PHRASE
    return NONE
