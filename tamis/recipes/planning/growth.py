"""What a sample says of records that are alike in the whole, of which only some are in the sample.

Taken that each record is in a sample of share f by itself, a group of k records has j of them there with the probability of the
binomial distribution. How many groups of each k there are is told from how many of each j >= 2 were found, by maximum likelihood
(expectation and maximisation: Dempster, Laird and Rubin 1977). Where nothing repeats within the sample, nothing is said of what
the whole repeats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, lgamma, log, log1p

import numpy as np

TURNS = 200
"""Of expectation and maximisation: more would follow the noise."""

STEP = 1.4
"""Between the sizes that are looked at, from 8 on."""


@dataclass(frozen=True)
class Groups:
    """`counts` (n,) groups of `sizes` (n,) records each."""

    counts: np.ndarray
    sizes: np.ndarray

    def gone(self, share: float) -> float:
        """Records that go from a sample of `share`: all of a group that are there, but one."""
        return float((self.counts * (share * self.sizes - 1 + (1 - share) ** self.sizes)).sum())

    def alike(self, share: float) -> float:
        """Records of such a sample that are like another of it."""
        return float((self.counts * share * self.sizes * (1 - (1 - share) ** (self.sizes - 1))).sum())

    def pairs(self, share: float) -> float:
        """Pairs of them."""
        return float((self.counts * self.sizes * (self.sizes - 1) / 2).sum()) * share**2


NONE = Groups(np.zeros(0), np.zeros(0))


def groups(share: float, found: Mapping[int, int]) -> Groups:
    """The groups by which a sample of `share` has so many groups of each size, 2 or more, as were `found`."""
    seen = sorted((size, count) for size, count in found.items() if size > 1 and count)
    if not seen:
        return NONE
    if share >= 1:
        return Groups(np.array([c for _, c in seen], float), np.array([s for s, _ in seen], float))
    sizes = _grid(2 * seen[-1][0] / share)
    chance = np.array([[_chance(j, k, share) for k in sizes] for j, _ in seen])
    shown = np.array([1 - (1 - share) ** k - k * share * (1 - share) ** (k - 1) for k in sizes])
    counts = np.full(len(sizes), sum(c for _, c in seen) / len(sizes)) / shown
    wanted = np.array([c for _, c in seen], float)
    for _ in range(TURNS):
        counts = counts * (chance.T @ (wanted / np.maximum(chance @ counts, 1e-300))) / shown
    return Groups(counts, np.array(sizes, float))


def _grid(largest: float) -> list[int]:
    sizes = list(range(2, 9))
    while sizes[-1] < largest:
        sizes.append(round(sizes[-1] * STEP))
    return sizes


def _chance(j: int, k: int, share: float) -> float:
    """That j of k are in a sample of `share`."""
    if j > k:
        return 0.0
    ways = lgamma(k + 1) - lgamma(j + 1) - lgamma(k - j + 1)
    return exp(ways + j * log(share) + (k - j) * log1p(-share))


def span(share: float, went: float, rows: float) -> tuple[float, float]:
    """Least and most that may go from `rows` in the whole: as many of a record as in the sample, or pairs alone."""
    return min(rows, went / share), min(rows, went / share**2)
