"""The statistics of an evaluation as their definitions have them, in plain Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import comb, sqrt


def mean_error(values: Sequence[float], clusters: Sequence[object]) -> float:
    """Standard error of a mean, clusters as units (Miller 2024, equation 4), times sqrt(g / (g - 1))."""
    mean, groups = sum(values) / len(values), set(clusters)
    total = 0.0
    for group in groups:
        inside = [v - mean for v, c in zip(values, clusters, strict=True) if c == group]
        total += sum(a * b for a in inside for b in inside)
    return sqrt(total * len(groups) / (len(groups) - 1)) / len(values)


def mcnemar(won: int, lost: int) -> float:
    """Two-sided: the chance of a split no likelier than this one, of a fair coin."""
    n = won + lost
    return float(sum(Fraction(comb(n, k), 2**n) for k in range(n + 1) if abs(2 * k - n) >= abs(won - lost)))


def holm(chances: Sequence[float]) -> list[float]:
    """Each adjusted value is the largest of (how many are left) x p over all that are no larger, at most 1."""
    out = []
    for p in chances:
        below = sorted(q for q in chances if q <= p)
        out.append(max(min(1.0, (len(chances) - k) * q) for k, q in enumerate(below)))
    return out


def jackknife_error(number: Callable[[list[int]], float], groups: Sequence[list[int]]) -> float:
    """sqrt((g - 1) / g * sum of squares) of what is left without each group of rows."""
    rows = [row for group in groups for row in group]
    without = [number([row for row in rows if row not in group]) for group in groups]
    mean = sum(without) / len(without)
    return sqrt((len(groups) - 1) / len(groups) * sum((w - mean) ** 2 for w in without))


def gain_error(values: Sequence[float], clean: Sequence[bool], clusters: Sequence[object], step: float = 1e-6) -> float:
    """Standard error of mean(all) - mean(clean): each cluster's weight moved by a little, and how far the number moves."""
    groups = sorted(set(clusters), key=str)

    def number(weights: dict[object, float]) -> float:
        w = [weights[c] for c in clusters]
        both = sum(a * v for a, v in zip(w, values, strict=True)) / sum(w)
        kept = [(a, v) for a, v, ok in zip(w, values, clean, strict=True) if ok]
        return both - sum(a * v for a, v in kept) / sum(a for a, _ in kept)

    even = dict.fromkeys(groups, 1.0)
    moved = [(number({**even, g: 1 + step}) - number({**even, g: 1 - step})) / (2 * step) for g in groups]
    return sqrt(len(groups) / (len(groups) - 1) * sum(m * m for m in moved))
