"""How much more one model wins than another, item by item: what is hard or easy for both cancels out."""

from __future__ import annotations

from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from tamis.judge.played import sided
from tamis.statistics.estimate import Estimate, Means, around, clustered_mean
from tamis.statistics.paired import holm
from tamis.statistics.student import p_value

MOST = 100
"""Models whose differences are told, 4,950 pairs: a correction for more leaves little to find."""


class Difference(NamedTuple):
    """How much higher the first model's win rate is, on the items that both have.

    value  -1 to 1; its ends are cut there
    p      chance of a difference as large between equal models: Student's test on items; None: there is no test
    holm   the same, corrected for all pairs that were tested at once (Holm 1979)
    """

    first: str
    second: str
    value: Estimate
    p: float | None
    holm: float | None = None

    @property
    def says(self) -> str:
        """In a sentence."""
        own = self.value
        if own.value is None:
            return f"{own.note}."
        ends = "" if own.low is None or own.high is None else f" ({100 * own.low:+.1f} to {100 * own.high:+.1f})"
        told = f"{self.first} against {self.second}: {100 * own.value:+.1f} points{ends}"
        if self.holm is None:
            return f"{told}; {own.note}." if own.note else f"{told}."
        return f"{told}, p {'< 0.001' if self.holm < 0.001 else f'= {self.holm:.3f}'}."

    def facts(self) -> dict[str, Any]:
        """As JSON holds it."""
        own = {"model": self.first, "other": self.second, **self.value.facts()}
        return {**own, "p": self.p, "p_holm": self.holm, "says": self.says}


def difference(
    games: pl.DataFrame, first: str, second: str, against: str | None = None, confidence: float = 0.95
) -> Difference:
    """How much more `first` wins than `second`.

    games    columns item_id, model_a, model_b, share
    against  count the games against this model alone; None: all, and those between the two count for both
    """
    models, won = _by_item(games, against)
    if not {first, second} <= set(models):
        return _apart(first, second, np.zeros(0), confidence)
    return _apart(first, second, won[models.index(first)] - won[models.index(second)], confidence)


def differences(games: pl.DataFrame, against: str | None = None, confidence: float = 0.95) -> list[Difference]:
    """`difference` of every two models, the one that wins more first; up to MOST models, of more there are none."""
    models, won = _by_item(games, against)
    if len(models) > MOST:
        return []
    rate = np.nanmean(won, axis=1) if models else np.zeros(0)
    order = sorted(range(len(models)), key=lambda k: (-rate[k], models[k]))
    found = [_apart(models[i], models[j], won[i] - won[j], confidence) for i, j in combinations(order, 2)]
    together = corrected([one.p for one in found])
    return [one._replace(holm=p) for one, p in zip(found, together, strict=True)]


def corrected(chances: list[float | None]) -> list[float | None]:
    """Chances corrected for being so many (Holm 1979); None stays None, and counts for nothing."""
    tested = [k for k, p in enumerate(chances) if p is not None]
    out: list[float | None] = [None] * len(chances)
    for k, p in zip(tested, holm([p for p in chances if p is not None]), strict=True):
        out[k] = p
    return out


def _by_item(games: pl.DataFrame, against: str | None) -> tuple[list[str], np.ndarray]:
    """Models by name, and (models, items) float64: what each won of each item; nan: it was not judged there."""
    rows = sided(games)
    rows = rows if against is None else rows.filter(pl.col("other") == against)
    means = rows.group_by("model", "item_id").agg(pl.col("share").mean())
    models, items = means["model"].unique().sort(), means["item_id"].unique().sort()
    place = [means[name].cast(pl.Enum(own)).to_physical() for name, own in (("model", models), ("item_id", items))]
    won = np.full((models.len(), items.len()), np.nan)
    won[place[0].to_numpy(), place[1].to_numpy()] = means["share"].to_numpy()
    return models.to_list(), won


def _apart(first: str, second: str, by_item: np.ndarray, confidence: float) -> Difference:
    """by_item  (n,) float64  nan where either was not judged"""
    there = by_item[~np.isnan(by_item)]
    if there.size < 2:
        common = f"{first} and {second} have {there.size or 'no'} item in common"
        note = f"{common}; a test needs two" if there.size else common
        return Difference(
            first, second, Estimate(float(there[0]) if there.size else None, items=there.size, note=note), None
        )
    mean = clustered_mean(there, np.arange(there.size))
    if not mean.error:
        note = "the difference is the same on every item; no interval"
        return Difference(first, second, Estimate(mean.value, items=mean.items, note=note), None if mean.value else 1.0)
    return Difference(first, second, around(mean, confidence, (-1.0, 1.0)), _p(mean))


def _p(mean: Means) -> float:
    return p_value(mean.value / mean.error, mean.items - 1)
