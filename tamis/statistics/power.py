"""What a sample of this size can show (Miller 2024, section 5)."""

from __future__ import annotations

from math import ceil, inf

from tamis.statistics.student import quantile

POWER = 0.8
"""Chance, where the effect is there, that the test finds it."""


def detectable(error: float, items: int, confidence: float = 0.95, power: float = POWER, sides: int = 2) -> float:
    """The least effect that a test finds in `power` of all samples as large: `(t_confidence + t_power) * error`.

    error  standard error of what is tested, by clusters
    items  independent items behind it
    sides  1: an effect is looked for on one side alone, as a regression is
    """
    if items < 2:
        return inf
    level = confidence if sides == 2 else 2 * confidence - 1
    return (quantile(level, items - 1) + quantile(2 * power - 1, items - 1)) * error


def needed(least: float, items: int, effect: float, spread: bool = True) -> int | None:
    """Items that would show `effect`, where `items` show `least`: errors shrink with the root of their number.

    spread  False: all score alike, and `least` is the interval of a share of none, z²/(n + z²), which shrinks with their number
    """
    if not spread:
        return max(2, ceil(items * least * (1 - effect) / (effect * (1 - least)))) if effect > 0 and least < 1 else None
    return ceil(items * (least / effect) ** 2) if effect > 0 and least < inf else None
