"""Agreement by its definition: pairs of labels, one by one (Krippendorff 2004, 11.3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import permutations


def alpha(items: Sequence[Sequence[str]]) -> float | None:
    """1 - observed / expected disagreement over ordered pairs of labels; None where no two labels differ."""
    several = [labels for labels in items if len(labels) > 1]
    n = sum(map(len, several))
    observed = sum(sum(a != b for a, b in permutations(labels, 2)) / (len(labels) - 1) for labels in several) / n
    counts = Counter(label for labels in several for label in labels)
    expected = sum(counts[a] * counts[b] for a, b in permutations(counts, 2)) / (n * (n - 1))
    return 1 - observed / expected if expected else None


def raw(items: Sequence[Sequence[str]]) -> float:
    """Share of ordered pairs that are equal."""
    pairs = [a == b for labels in items for a, b in permutations(labels, 2)]
    return sum(pairs) / len(pairs)
