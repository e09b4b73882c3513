"""Texts cut into pieces, in plain Python."""

from __future__ import annotations

import re

CLOSING = ")]}"


def units(text: str, unit: str) -> list[tuple[int, int]]:
    """First and one past the last code point of everything that is counted."""
    if unit == "chars":
        return [(k, k + 1) for k in range(len(text))]
    words = [m.span() for m in re.finditer(r"\S+", text)]
    if unit == "words":
        return words
    found: list[tuple[int, int]] = []
    for start, end in words:
        if found and level(text, start) < 4:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def level(text: str, at: int) -> int:
    """What ends before the character at `at`: 4 a paragraph, 3 a line, 2 a sentence, 1 a word, 0 nothing."""
    if text[at].isspace() or (at and not text[at - 1].isspace()):
        return 0
    before = text[:at].rstrip()
    lines = len(re.sub("\r\n", "\n", text[len(before) : at]).translate(BREAKS).split("\n")) - 1
    if lines:
        return 4 if lines > 1 else 3
    word = re.split(r"\s", before)[-1]
    while len(word) > 1 and (word[-1] in CLOSING or word[-1] in QUOTES):
        word = word[:-1]
    return 2 if word and word[-1] in STOPS else 1


BREAKS = {ord(c): "\n" for c in "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"}
STOPS = ".!?。"
QUOTES = "\"'”"


def pieces(text: str, unit: str, size: int, overlap: int, wanted: int) -> list[tuple[int, int, int]]:
    """First and one past the last code point of every piece, and how many units it has."""
    all_units, found, begin = units(text, unit), [], 0
    while len(all_units) - begin > size:
        ends = range(begin + max(1, size // 2), begin + size + 1)
        best = max(ends, key=lambda j: (min(level(text, all_units[j][0]), wanted), j))
        found.append((all_units[begin][0], all_units[best - 1][1], best - begin))
        begin = best - overlap
    if all_units[begin:]:
        found.append((all_units[begin][0], all_units[-1][1], len(all_units) - begin))
    return found
