"""A number with its error bars, or the reason why there is none."""

from __future__ import annotations

from math import inf, sqrt
from typing import Any, NamedTuple

import numpy as np

from tamis.statistics.student import quantile
from tamis.statistics.wilson import around_share


class Estimate(NamedTuple):
    """What was measured, the interval it lies in, and on what.

    value      None: there is no such number; `note` says why
    low, high  ends of the interval; None: there is none; `note` says why
    items      independent items behind it: the clusters of the interval
    note       a plain sentence, or empty
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    items: int = 0
    note: str = ""

    def facts(self) -> dict[str, Any]:
        """As JSON holds it; the note only where there is one."""
        own = {"value": self.value, "low": self.low, "high": self.high, "items": self.items}
        return {**own, "note": self.note} if self.note else own


_ROUNDING = 1e-12
"""Errors as small a share of what was added up are none."""


class Means(NamedTuple):
    """A mean over rows that come in clusters.

    value   sum of values by sum of weights
    error   its standard error, clusters as units (Liang & Zeger 1986), times sqrt(g / (g - 1))
    items   g: how many clusters
    """

    value: float
    error: float
    items: int


def clustered_mean(values: np.ndarray, clusters: np.ndarray) -> Means:
    """Mean of `values` and its standard error, where rows of one cluster hang together.

    values    (n,) float64, n > 0
    clusters  (n,) int     code of each row's cluster, from 0
    """
    return clustered_ratio(values, np.ones_like(values), clusters)


def clustered_ratio(above: np.ndarray, below: np.ndarray, clusters: np.ndarray) -> Means:
    """`sum(above) / sum(below)` with its standard error by clusters; infinite where there is one cluster alone.

    above, below  (n,) float64, sum of `below` > 0
    clusters      (n,) int      code of each row's cluster, from 0
    """
    total = float(below.sum())
    value = float(above.sum()) / total
    seen = np.bincount(clusters) > 0
    items = int(seen.sum())
    residual = np.bincount(clusters, weights=above - value * below)[seen]
    error = sqrt(float(residual @ residual) * items / (items - 1)) / total if items > 1 else float("inf")
    # Equal values leave what their sum was rounded by, which is no spread.
    return Means(value, 0.0 if error * total <= _ROUNDING * float(np.abs(above).sum()) else error, items)


def share(values: np.ndarray, clusters: np.ndarray, confidence: float = 0.95, careful: bool = False) -> Estimate:
    """A mean of values within 0 and 1, such as wins, with an interval that stays within 0 and 1.

    The interval is Wilson's (1927) on as many rows as would give the clustered standard error (Korn & Graubard 1998), with
    Student's quantile at one degree of freedom less than clusters: it holds near 0 and 1, too, where a normal one does not.

    careful  of a rare thing, on which a gate depends: never more rows than there are, and no more than clusters where fewer
             than FEW of them have any: so few tell nothing of how far the rows of a cluster hang together
    """
    if not values.size:
        return Estimate(None, note="there is nothing to take a share of")
    value, error, items = clustered_mean(np.asarray(values, np.float64), clusters)
    if items < 2:
        return Estimate(value, None, None, items, "one item alone has no interval")
    spread = value * (1 - value)
    rows = spread / error**2 if error > 0 and spread > 0 else float(items)
    if careful:
        rows = min(rows, float(items if _having(values, clusters) < FEW else values.size))
    low, high = around_share(value, rows, quantile(confidence, items - 1))
    return Estimate(value, low, high, items)


def around(mean: Means, confidence: float = 0.95, scale: tuple[float, float] = (-inf, inf)) -> Estimate:
    """A mean of any values, with Student's interval at one degree of freedom less than clusters, cut at the ends of `scale`."""
    if mean.items < 2:
        return Estimate(mean.value, None, None, mean.items, "one item alone has no interval")
    half = quantile(confidence, mean.items - 1) * mean.error
    return Estimate(mean.value, max(mean.value - half, scale[0]), min(mean.value + half, scale[1]), mean.items)


FEW = 10
"""Clusters that have any of what is counted, in a sample that tells how it is spread over clusters."""


def _having(values: np.ndarray, clusters: np.ndarray) -> float:
    """How many clusters have any of it, those with more counting for less others (Kish 1965)."""
    sums = np.bincount(clusters, weights=values)
    squares = float(sums @ sums)
    return float(sums.sum()) ** 2 / squares if squares else 0.0
