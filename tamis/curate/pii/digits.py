"""Runs of digits as people write them: in any script's digits, with marks that separate, and marks of writing direction."""

from __future__ import annotations

DASHES = "\\-‐‑‒–—−－"
SPACES = " \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
UNSEEN = "\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"
"""For sets in a regex, those of ASCII included. Unseen is what has no width: right-to-left text has marks of direction round its
numbers. `disguise` knows rarer ones of each: texts that have them are searched once more, as they are read.
"""

_ASCII: dict[int, str | None] = {}
_ASCII |= {ord(c): "-" for c in "‐‑‒–—−－"} | {
    ord("＋"): "+",
    ord("（"): "(",
    ord("）"): ")",
    ord("．"): ".",
}
_ASCII |= {c: " " for c in (0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)}
_UNSEEN = (*range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF)
_ASCII |= {c: None for c in _UNSEEN}


def plain(text: str) -> str:
    """The decimal digits of `text`, of whatever script, as 0–9."""
    return "".join(str(int(c)) for c in text if c.isdecimal())


def ascii_form(text: str) -> str:
    """`text` with its digits, dashes, spaces and brackets in ASCII, and without what has no width."""
    if text.isascii():
        return text
    return "".join(str(int(c)) if c.isdecimal() else c for c in text.translate(_ASCII))
