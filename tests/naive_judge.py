"""Statistics of judging by their definitions: pair by pair, draw by draw, in plain Python."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import permutations, product
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
            total += log(
                wins.get(won, wins["a"] * wins["b"] * (t * t - 1))
            )  # the rest, without a difference of near equals
    return total


def endless(games: Sequence[tuple[int, int, str]], models: int, ties: str) -> bool:
    """Is there a way to go from where all are alike, strengths by whole steps and ties rising or as they are, that makes no game
    less likely however far it is gone, and some game likelier?"""
    start = 0.0 if ties == "davidson" else 1.0
    for *way, rise in product(*[range(models)] * models, range(2)):
        step = [2 * v if ties == "davidson" else v for v in way]

        def along(far: float, game: tuple[int, int, str], step: list[int] = step, rise: int = rise) -> float:
            return likelihood([game], [far * v for v in step], ties, start + far * rise)

        changes = [along(20, game) - along(10, game) for game in games]
        moves = [abs(along(3, game) - along(0, game)) for game in games]
        if min(changes) > -1 and max(moves) > 1e-3:
            return True
    return False


def logistic(x: Sequence[float], y: Sequence[float], times: Sequence[int]) -> tuple[float, float]:
    """Weight of `x` and constant of a logistic fit to chances `y`, rows counted so many times; Newton's method."""
    slope = constant = 0.0
    for _ in range(30):
        rows = [
            (a, b - p, n * p * (1 - p), n)
            for a, b, n in zip(x, y, times, strict=True)
            for p in (_sure(slope * a + constant),)
        ]
        down, right = sum(n * r * a for a, r, _, n in rows), sum(n * r for _, r, _, n in rows)
        aa, a1, one = (
            sum(w * a * a for a, _, w, _ in rows),
            sum(w * a for a, _, w, _ in rows),
            sum(w for _, _, w, _ in rows),
        )
        base = aa * one - a1 * a1
        slope, constant = slope + (one * down - a1 * right) / base, constant + (aa * right - a1 * down) / base
    return slope, constant


def _sure(odds: float) -> float:
    return 1 / (1 + exp(-odds))
