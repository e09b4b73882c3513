"""Two models on the same items: how far apart they are, item by item, so that what is hard for both cancels out."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np

from tamis.statistics.estimate import Estimate, Means, around, clustered_mean, share
from tamis.statistics.power import detectable
from tamis.statistics.student import p_value


class Paired(NamedTuple):
    """How much more one model scores than another on the same items.

    value            the difference, with its interval
    error            its standard error by clusters; None: there is none, as of one cluster alone
    p                chance of a difference as large between equal models, Student's test on clusters; None: no test
    won, lost, same  items
    mcnemar          the exact test on items won and lost; None: a score other than 0 and 1, or items that hang together
    """

    value: Estimate
    error: float | None
    p: float | None
    won: int
    lost: int
    same: int
    mcnemar: float | None

    def detectable(self, confidence: float = 0.95, sides: int = 2) -> float | None:
        """The least difference that so many items show in four samples of five; None: there is no telling."""
        if self.error is None or self.value.items < 2:
            return None
        if self.error == 0 and self.value.value is not None and self.value.low is not None:
            return self.value.value - self.value.low
        return detectable(self.error, self.value.items, confidence, sides=sides)


def paired(
    first: np.ndarray, second: np.ndarray, clusters: np.ndarray, confidence: float = 0.95, unit: bool = True
) -> Paired:
    """How much more `first` scores than `second`.

    first, second  (n,) float64  scores of the same items in the same order
    clusters       (n,) int      code of each item's cluster, from 0: items of one cluster hang together
    unit           scores lie within 0 and 1: the interval is that of what was won and lost (`of_shares`), which holds where
                   few items differ or none does; else Student's
    """
    apart = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    if not apart.size:
        return Paired(Estimate(None, note="there is no item in common"), None, None, 0, 0, 0, None)
    mean = clustered_mean(apart, clusters)
    won, lost = int((apart > 0).sum()), int((apart < 0).sum())
    found = of_shares(apart, clusters, confidence) if unit else around(mean, confidence)
    error = mean.error if mean.items > 1 else None
    binary = bool(np.isin(first, (0.0, 1.0)).all() and np.isin(second, (0.0, 1.0)).all())
    exact = mcnemar(won, lost) if binary and mean.items == apart.size else None
    return Paired(found, error, _p(mean), won, lost, apart.size - won - lost, exact)


def of_shares(apart: np.ndarray, clusters: np.ndarray, confidence: float = 0.95) -> Estimate:
    """The mean of differences within -1 and 1, with an interval put together from those of what was won and what was lost.

    Each of the two is a share with Wilson's interval by clusters; their ends are joined with the correlation of the two
    means (Zou & Donner 2008). Where no item differs it is as wide as a share of none: with few items nothing is ruled out.
    """
    up, down = np.maximum(apart, 0.0), np.maximum(-apart, 0.0)
    won, lost = share(up, clusters, confidence, careful=True), share(down, clusters, confidence, careful=True)
    value = float(np.mean(apart))
    if won.low is None or won.high is None or lost.low is None or lost.high is None:
        return Estimate(value, None, None, won.items, won.note)
    assert won.value is not None and lost.value is not None
    both = correlation(up, down, clusters)

    def reach(near: float, far: float) -> float:
        return sqrt(max(near * near + far * far - 2 * both * near * far, 0.0))

    low = value - reach(won.value - won.low, lost.high - lost.value)
    high = value + reach(won.high - won.value, lost.value - lost.low)
    return Estimate(value, max(low, -1.0), min(high, 1.0), won.items)


def correlation(first: np.ndarray, second: np.ndarray, clusters: np.ndarray) -> float:
    """Of two means over the same rows, by the sums of their clusters; 0 where one of them does not vary."""
    a = np.bincount(clusters, weights=first - first.mean())
    b = np.bincount(clusters, weights=second - second.mean())
    scale = sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / scale if scale > 0 else 0.0


def mcnemar(won: int, lost: int) -> float:
    """Chance of so uneven a split of the items that differ, where each is as likely won as lost (exact, two-sided)."""
    n, few = won + lost, min(won, lost)
    if not n:
        return 1.0
    term, total = 1, 1
    for k in range(few):
        term = term * (n - k) // (k + 1)
        total += term
    chance: float = 2 * total / 2**n
    return min(1.0, chance)


def holm(chances: Sequence[float]) -> list[float]:
    """P-values of several tests, adjusted so that the chance of any false alarm among them holds (Holm 1979)."""
    order = sorted(range(len(chances)), key=lambda k: chances[k])
    out, least = [0.0] * len(chances), 0.0
    for rank, k in enumerate(order):
        least = max(least, min(1.0, (len(chances) - rank) * chances[k]))
        out[k] = least
    return out


def _p(mean: Means) -> float | None:
    if mean.items < 2:
        return None
    if not mean.error:
        # The same difference on every item: none is no evidence, and any other has no spread to be held against.
        return 1.0 if mean.value == 0 else None
    return p_value(mean.value / mean.error, mean.items - 1)
