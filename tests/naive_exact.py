"""Exact duplicates in plain Python."""

from __future__ import annotations

import unicodedata
from typing import Any

from tamis.kernels.codepoints import WHITE_SPACE

SPACES = {point: " " for point in WHITE_SPACE}


def fold(text: str) -> str:
    """NFC, each code point in simple lower case, one space between words."""
    low = "".join(c.lower()[0] for c in unicodedata.normalize("NFC", text)).translate(SPACES)
    return " ".join(word for word in low.split(" ") if word)


def losers(values: list[Any], ranks: list[float]) -> dict[int, int]:
    """Position of every row that goes, and of the row it lost to; None is never compared."""
    best: dict[Any, int] = {}
    for i, value in enumerate(values):
        if value is not None and (value not in best or ranks[i] > ranks[best[value]]):
            best[value] = i
    return {i: best[value] for i, value in enumerate(values) if value is not None and best[value] != i}
