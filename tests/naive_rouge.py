"""ROUGE-L as Lin 2004 defines it, word by word."""

from __future__ import annotations

from collections.abc import Sequence


def lcs(one: Sequence[object], other: Sequence[object]) -> int:
    """Length of the longest common subsequence, by the table every textbook has."""
    row = [0] * (len(other) + 1)
    for a in one:
        before = row
        row = [0]
        for k, b in enumerate(other):
            row.append(before[k] + 1 if a == b else max(before[k + 1], row[k]))
    return row[-1]


def f_measure(one: Sequence[object], other: Sequence[object]) -> float:
    """Harmonic mean of precision and recall."""
    shared = lcs(one, other)
    if not shared:
        return 0.0
    precision, recall = shared / len(one), shared / len(other)
    return 2 * precision * recall / (precision + recall)
