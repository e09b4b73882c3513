"""What `semantic` and `topics` compute, in plain Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Like(NamedTuple):
    """The most similar better record, and the cosine; None where there is none."""

    like: int | None
    cosine: float | None


def rounded(vector: Sequence[float]) -> list[int]:
    """A vector on the grid: length 4,000, whole numbers."""
    length = math.sqrt(sum(x * x for x in vector))
    return [round(x * (4000 / length)) if length else 0 for x in vector]


def cosine(a: Sequence[int], b: Sequence[int]) -> float:
    """Of two vectors of whole numbers."""
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / (math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in b)))


def likes(vectors: Sequence[Sequence[int]], rank: Sequence[float]) -> list[Like]:
    """Of every record the most similar one of a higher rank, or of the same and before it."""
    order = sorted((k for k, v in enumerate(vectors) if any(v)), key=lambda k: (-rank[k], k))
    found = [Like(None, None)] * len(vectors)
    for place, k in enumerate(order):
        before = [(at, j, vectors[j]) for at, j in enumerate(order[:place])]
        better = [(1.0 if v == vectors[k] else cosine(vectors[k], v), -at, j) for at, j, v in before]
        if better:
            best = max(better)
            found[k] = Like(best[2], best[0])
    return found
