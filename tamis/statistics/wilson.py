"""The interval of a share (Wilson 1927), counted in a sample of a population that may be small.

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
    rest = 1.0 if population is None else (population - seen) / max(population - 1, 1)
    found = around_share(hits / seen, seen, NormalDist().inv_cdf(0.5 + confidence / 2), rest)
    # Where none or all were hits, one end is 0 or 1, but for the last bit.
    return Interval(0.0 if hits == 0 else found.low, 1.0 if hits == seen else found.high)


def around_share(share: float, rows: float, z: float, rest: float = 1.0) -> Interval:
    """Where a share lies that was found among `rows`, which may be a number of rows with as much to say as those there are.

    rest  f: how much of the population was not looked at
    """
    spread = rest * z * z / rows
    centre = (share + spread / 2) / (1 + spread)
    half = sqrt(spread * share * (1 - share) + spread * spread / 4) / (1 + spread)
    return Interval(min(max(centre - half, 0.0), share), max(min(centre + half, 1.0), share))
