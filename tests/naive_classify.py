"""What a classifier computes, in plain Python: slots of n-grams, scores, the area under the ROC curve."""

from __future__ import annotations

import math
import unicodedata
from itertools import pairwise

from tamis.kernels.words import word_hash

ALL = 2**64 - 1
PRIME, MIX = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93
SEED = 0xCBF29CE484222325


def words(text: str) -> list[str]:
    """Words of ASCII text in lower case."""
    return "".join(c.lower() if c.isalnum() else " " for c in text).split()


def char(code: int) -> int:
    """Hash of one code point."""
    h = (SEED ^ code) * PRIME & ALL
    return h ^ h >> 32


def slots(text: str, bits: int, ngram: int) -> tuple[list[int], list[int]]:
    """Slots of words and pairs, and of runs of characters, of ASCII text."""
    hashes = [word_hash(w) for w in words(text)]
    one = [h * PRIME & ALL for h in hashes]
    two = [((((a ^ MIX) * PRIME & ALL) ^ b) * PRIME) & ALL for a, b in pairwise(hashes)]
    line = [char(ord(c)) for c in " ".join(unicodedata.normalize("NFC", text).lower().split())]
    runs = []
    for at in range(len(line) - ngram + 1):
        h = MIX
        for c in line[at : at + ngram]:
            h = (h ^ c) * PRIME & ALL
            h ^= h >> 32
        runs.append((h * MIX & ALL) >> (64 - bits))
    return [h >> (64 - bits) for h in one + two], runs


def score(text: str, weights: list[list[float]], bias: float, bits: int, ngram: int) -> float:
    """The margin of a text; nan where it has nothing."""
    found = slots(text, bits, ngram)
    if not any(found):
        return math.nan
    parts = [sum(w[s] for s in own) / math.sqrt(len(own)) for w, own in zip(weights, found, strict=True) if own]
    return bias + sum(parts)


def auc(score: list[float], positive: list[bool]) -> float:
    """Share of pairs of a positive and a negative row that are ranked right; ties count half."""
    high = [a for a, p in zip(score, positive, strict=True) if p]
    low = [a for a, p in zip(score, positive, strict=True) if not p]
    pairs = [(a > b) + (a == b) / 2 for a in high for b in low]
    return sum(pairs) / len(pairs)
