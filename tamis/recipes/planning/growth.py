"""What a sample says of records that are alike in the whole, of which only some are in the sample.

Taken that each record is in a sample of share f by itself, a group of k records has j of them there with the probability of the
binomial distribution. How many groups of each k there are is told from how many of each j >= 2 were found, by maximum likelihood
(expectation and maximisation: Dempster, Laird and Rubin 1977). Where nothing repeats within the sample, nothing is said of what
the whole repeats.

So much is told of the data that are there, and of MOST times a sample. More data like those are taken to be several such blocks, of
which none repeats another: of what they repeat nothing is known.
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

MOST = 100
"""Times a sample of which it tells what is alike."""


@dataclass(frozen=True)
class Groups:
    """`counts` (n,) groups of `sizes` (n,) records each in every one of so many `blocks` of the whole."""

    counts: np.ndarray
    sizes: np.ndarray
    blocks: float = 1.0

    def gone(self, share: float) -> float:
        """Records that go from a sample of `share`: all of a group that are there, but one."""
        times, f = self._of(share)
        return times * float((self.counts * (f * self.sizes - 1 + (1 - f) ** self.sizes)).sum())

    def alike(self, share: float) -> float:
        """Records of such a sample that are like another of it."""
        times, f = self._of(share)
        return times * float((self.counts * f * self.sizes * (1 - (1 - f) ** (self.sizes - 1))).sum())

    def pairs(self, share: float) -> float:
        """Pairs of them."""
        times, f = self._of(share)
        return times * float((self.counts * self.sizes * (self.sizes - 1) / 2).sum()) * f**2

    def _of(self, share: float) -> tuple[float, float]:
        """Blocks that a sample of `share` has, and the share of each that is in it."""
        return max(1.0, share * self.blocks), min(1.0, share * self.blocks)


NONE = Groups(np.zeros(0), np.zeros(0))


def groups(share: float, found: Mapping[int, int], blocks: float = 1.0) -> Groups:
    """The groups by which a sample of `share` of `blocks` has so many groups of each size, 2 or more, as were `found`."""
    seen = sorted((size, count) for size, count in found.items() if size > 1 and count)
    if not seen:
        return NONE
    blocks = max(blocks, 1 / share / MOST)
    share = min(1.0, share * blocks)
    if share >= 1:
        return Groups(np.array([c for _, c in seen], float), np.array([s for s, _ in seen], float), blocks)
    sizes = _grid(2 * seen[-1][0] / share)
    chance = np.array([[_chance(j, k, share) for k in sizes] for j, _ in seen])
    shown = np.array([1 - (1 - share) ** k - k * share * (1 - share) ** (k - 1) for k in sizes])
    counts = np.full(len(sizes), sum(c for _, c in seen) / len(sizes)) / shown
    wanted = np.array([c for _, c in seen], float)
    for _ in range(TURNS):
        counts = counts * (chance.T @ (wanted / np.maximum(chance @ counts, 1e-300))) / shown
    return Groups(counts, np.array(sizes, float), blocks)


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
    return min(rows, went / share), min(rows, went / share / max(share, 1 / MOST))
