"""Seeded bootstrap over items: how often each is drawn, and the interval of what comes of it."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from tamis.judge.estimate import Estimate
from tamis.judge.student import quantile

DRAWS = 1000
"""Replicates by default: the ends of an interval then stand to about a twentieth of its width."""

_NORMAL = NormalDist()


def drawn(times: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """(draws, g) int64: as many items as there are, drawn with replacement; items that are alike are drawn together.

    times  (g,) int64  how many items each stands for
    """
    total = int(times.sum())
    return np.random.default_rng(seed).multinomial(total, times / total, size=draws)


def interval(value: float, replicates: np.ndarray, items: int, confidence: float = 0.95, note: str = "") -> Estimate:
    """`value` with the percentile interval of its replicates, widened for few items (Hesterberg 2015, section 4.2).

    replicates  (b,) float64  nan: what was drawn has no such number; up to one in twenty is passed over
    """
    there = replicates[np.isfinite(replicates)]
    if items < 2:
        return Estimate(value, None, None, items, note or "one item alone has no interval")
    if there.size < 0.95 * replicates.size:
        lost = f"{replicates.size - there.size:,} of {replicates.size:,} draws of items have no such number: no interval"
        return Estimate(value, None, None, items, lost)
    if np.ptp(there) == 0:
        return Estimate(value, None, None, items, note or "every draw of items gives the same: no interval")
    tail = _NORMAL.cdf(-((items / (items - 1)) ** 0.5) * quantile(confidence, items - 1))
    low, high = np.quantile(there, [tail, 1 - tail])
    return Estimate(value, float(low), float(high), items, note)
