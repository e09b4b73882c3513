"""Two models in a number that is no mean of their items, as BLEU: would they be as far apart with answers dealt out at random?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

TRIALS = 10_000
"""Deals, as sacrebleu has them by default."""

AT_ONCE = 128
"""Deals drawn together. A multiple of 32, so that the draws are those of one long call."""

SEED = 12345
"""sacrebleu's."""


def randomized(
    first: np.ndarray, second: np.ndarray, clusters: np.ndarray, score: Callable[[np.ndarray], float]
) -> float:
    """Chance that two equal models differ as much, by approximate randomization (Riezler & Maxwell 2005, section 3).

    In each trial the answers of both to a cluster of items are swapped, or not, by the toss of a coin. What differs exactly as much
    counts, so that two models that never differ have 1 (Phipson & Smyth 2010); sacrebleu, whose draws these are, counts what
    differs more.

    first, second  (n, k) float64  what each item adds to the sums that the number is made of
    clusters       (n,) int64      code of each item's cluster
    score          (k,) float64 of sums -> the number
    """
    _, code = np.unique(clusters, return_inverse=True)
    groups = int(code.max()) + 1 if code.size else 0
    a, b = (np.zeros((groups, own.shape[1])) for own in (first, second))
    np.add.at(a, code, first)
    np.add.at(b, code, second)
    both = a.sum(0) + b.sum(0)
    found = abs(score(a.sum(0)) - score(b.sum(0)))
    random, more = np.random.default_rng(SEED), 0
    for start in range(0, TRIALS, AT_ONCE):
        mine = random.integers(2, size=(min(AT_ONCE, TRIALS - start), groups), dtype=bool) @ (a - b) + b.sum(0)
        more += sum(abs(score(own) - score(both - own)) >= found for own in mine)
    return (more + 1) / (TRIALS + 1)
