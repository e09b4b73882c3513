"""Student's distribution of whole degrees of freedom, without SciPy: its share between -t and t, and the way back."""

from __future__ import annotations

from functools import lru_cache
from math import atan, cos, erfc, pi, sin, sqrt
from statistics import NormalDist

NORMAL = NormalDist()

_MANY = 2000
"""Degrees of freedom past which a quantile is the normal one's with Cornish-Fisher's first two terms: right to 2e-9."""

LEAST = 1e-15
"""P-value of Student's test under which no smaller one is told: it is 1 less a sum that has no more digits."""


@lru_cache(maxsize=1024)
def quantile(confidence: float, freedom: int) -> float:
    """`t` with `confidence` of Student's distribution of `freedom` degrees (1 or more) between -t and t."""
    z = NORMAL.inv_cdf((1 + confidence) / 2)
    start = z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    if freedom > _MANY:
        return start
    low, high = 0.0, max(start, 1.0)
    while two_sided(high, freedom) < confidence:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if two_sided(middle, freedom) < confidence else (low, middle)
        if high - low < 1e-13 * high:
            break
    return (low + high) / 2


def two_sided(t: float, freedom: int) -> float:
    """Share of Student's distribution between -t and t, for whole degrees (Abramowitz & Stegun 26.7.3, 26.7.4)."""
    angle = atan(t / sqrt(freedom))
    cosine = cos(angle)
    term, total = 1.0, 1.0
    if freedom % 2 == 0:
        for k in range(1, freedom // 2):
            term *= (2 * k - 1) / (2 * k) * cosine * cosine
            total += term
        return sin(angle) * total
    if freedom == 1:
        return 2 * angle / pi
    for k in range(1, (freedom - 1) // 2):
        term *= 2 * k / (2 * k + 1) * cosine * cosine
        total += term
    return 2 / pi * (angle + sin(angle) * cosine * total)


def two_sided_normal(z: float) -> float:
    """Chance of a normal value at least `z` from 0: the p-value of a test."""
    return erfc(abs(z) / sqrt(2))


def p_value(t: float, freedom: int) -> float:
    """Chance of a value at least `t` from 0 under Student's distribution; LEAST where it is less than that."""
    return max(LEAST, 1 - two_sided(abs(t), freedom)) if freedom <= _MANY else two_sided_normal(t)
