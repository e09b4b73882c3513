"""Seeded bootstrap over items: how often each is drawn, and the interval of what comes of it."""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from tamis.statistics.estimate import Estimate
from tamis.statistics.student import quantile

DRAWS = 1000
"""Replicates by default: the ends of an interval then stand to about a twentieth of its width."""

BLOCKS, DEALT = 20_000, 1000
"""Different items up to which each is drawn by itself, and blocks that more are dealt out among."""

_NORMAL = NormalDist()


class Draws(NamedTuple):
    """Bootstrap samples of items.

    times   (1 + b, d) int64  how often each block counts: first as it is, then as drawn
    block   (g,) int64        the block of each item, or group of items that are alike
    """

    times: np.ndarray
    block: np.ndarray


def drawn(times: np.ndarray, draws: int, seed: int) -> Draws:
    """As many items as there are, drawn with replacement.

    Items that are alike are drawn together; beyond BLOCKS kinds of them, items are dealt out among BLOCKS blocks, and whole
    blocks are drawn: what a draw costs does not grow with the items then, and the interval is as wide.

    times  (g,) int64  how many items each stands for; all 1 where g is past BLOCKS
    """
    random = np.random.default_rng(seed)
    own, block = times, np.arange(times.size)
    if times.size > BLOCKS and times.max() == 1:
        block = random.permutation(times.size) % DEALT
        own = np.ones(DEALT, np.int64)
    total = int(own.sum())
    return Draws(np.vstack([own[None], random.multinomial(total, own / total, size=draws)]), block)


def interval(value: float, replicates: np.ndarray, items: int, confidence: float = 0.95, note: str = "") -> Estimate:
    """`value` with the percentile interval of its replicates, widened for few items (Hesterberg 2015, section 4.2).

    replicates  (b,) float64  nan: what was drawn has no such number; up to one in twenty is passed over
    """
    there = replicates[np.isfinite(replicates)]
    if items < 2:
        return Estimate(value, None, None, items, note or "one item alone has no interval")
    if not replicates.size:
        return Estimate(value, None, None, items, note or "no draws were asked for: no interval")
    if there.size < 0.95 * replicates.size:
        lost = (
            f"{replicates.size - there.size:,} of {replicates.size:,} draws of items have no such number: no interval"
        )
        return Estimate(value, None, None, items, note or lost)
    if np.ptp(there) == 0:
        return Estimate(value, None, None, items, note or "every draw of items gives the same: no interval")
    tail = _NORMAL.cdf(-((items / (items - 1)) ** 0.5) * quantile(confidence, items - 1))
    low, high = np.quantile(there, [tail, 1 - tail])
    return Estimate(value, float(low), float(high), items, note)
