"""Statistics of judging by their definitions: pair by pair, draw by draw, in plain Python."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import permutations
from math import exp, log

Label = float
Distance = Callable[[Label, Label], float]


def alpha(items: Sequence[Sequence[Label]], distance: Distance) -> float | None:
    """Krippendorff's, over ordered pairs of labels; None where no two labels are apart."""
    several = [labels for labels in items if len(labels) > 1]
    every = [label for labels in several for label in labels]
    n = len(every)
    within = sum(sum(distance(a, b) for a, b in permutations(labels, 2)) / (len(labels) - 1) for labels in several)
    between = sum(distance(a, b) for a, b in permutations(every, 2))
    return 1 - (n - 1) * within / between if between else None


def nominal(a: Label, b: Label) -> float:
    return float(a != b)


def interval(a: Label, b: Label) -> float:
    return (a - b) ** 2


def ordinal(items: Sequence[Sequence[Label]]) -> Distance:
    """The distance of two labels by how many labels lie between them, ends by half."""
    counts = Counter(label for labels in items if len(labels) > 1 for label in labels)

    def distance(a: Label, b: Label) -> float:
        low, high = min(a, b), max(a, b)
        between = sum(counts[c] for c in counts if low <= c <= high)
        return (between - (counts[a] + counts[b]) / 2) ** 2

    return distance


def kappa(pairs: Sequence[tuple[Label, Label]], similarity: Distance) -> float | None:
    """Cohen's, by all pairs of what one and the other said; None where chance alone makes them agree."""
    n = len(pairs)
    observed = sum(similarity(a, b) for a, b in pairs) / n
    expected = sum(similarity(a, b) for a, _ in pairs for _, b in pairs) / n**2
    return (observed - expected) / (1 - expected) if expected < 1 - 1e-12 else None


def likelihood(games: Sequence[tuple[int, int, str]], strength: Sequence[float], ties: str, tie: float) -> float:
    """Log-likelihood of games (first, second, won: a, b or tie) under Davidson's or Rao and Kupper's model of ties.

    tie  Davidson: log of nu; Rao & Kupper: log of theta - 1
    """
    total = 0.0
    for i, j, won in games:
        p, q = exp(strength[i]), exp(strength[j])
        if ties == "davidson":
            both = exp(tie) * (p * q) ** 0.5
            chances = {"a": p, "b": q, "tie": both}
            total += log(chances[won] / (p + q + both))
        else:
            t = 1 + exp(tie)
            wins = {"a": p / (p + t * q), "b": q / (q + t * p)}
            total += log(wins.get(won, 1 - wins["a"] - wins["b"]))
    return total
