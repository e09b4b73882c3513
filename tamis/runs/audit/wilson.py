"""The interval of a share that was counted in a sample (Wilson 1927), of a population that may be small.

    centre = (p + f·z²/2n) / (1 + f·z²/n)
    half   = z / (1 + f·z²/n) · sqrt(f·p(1-p)/n + f²·z²/4n²)         f = (N - n) / (N - 1)

With an endless population f is 1, which is Wilson's. Where all of it was looked at f is 0: the share is known.
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import NamedTuple


class Interval(NamedTuple):
    """Ends of it, 0–1."""

    low: float
    high: float


def wilson(hits: int, seen: int, population: int | None = None, confidence: float = 0.95) -> Interval:
    """Where the share lies of which `hits` were found among `seen`; (0, 1) where none was seen.

    population  what the `seen` were drawn from, each at most once; None: endless
    """
    if not seen:
        return Interval(0.0, 1.0)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    rest = 1.0 if population is None else (population - seen) / max(population - 1, 1)
    p, spread = hits / seen, rest * z * z / seen
    centre = (p + spread / 2) / (1 + spread)
    half = sqrt(spread * p * (1 - p) + spread * spread / 4) / (1 + spread)
    # Where none or all were hits, one end is 0 or 1, but for the last bit.
    return Interval(0.0 if hits == 0 else max(0.0, centre - half), 1.0 if hits == seen else min(1.0, centre + half))
