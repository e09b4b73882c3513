"""Win rates: of a model against one other or all, with the error bars that items give, and the difference of two."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from tamis.judge.played import codes, sided
from tamis.statistics.estimate import Estimate, Means, clustered_mean, share
from tamis.statistics.student import p_value, quantile


class WinRate(NamedTuple):
    """How often a model won.

    rate      wins and half the ties, or the mean of chances; 0 to 1
    error     its standard error by items; AlpacaEval's, where each item was judged once
    """

    model: str
    rate: Estimate
    error: float | None
    wins: int
    losses: int
    ties: int


class Difference(NamedTuple):
    """How much higher the first model's win rate is, on the items that both have.

    p   chance of a difference as large between equal models: Student's test on items
    """

    value: Estimate
    p: float | None


def win_rates(games: pl.DataFrame, against: str | None = None, confidence: float = 0.95) -> list[WinRate]:
    """Every model's win rate, highest first.

    games    columns item_id, model_a, model_b, share
    against  count the games against this model alone; None: all
    """
    rows = sided(games)
    rows = rows if against is None else rows.filter(pl.col("other") == against)
    found = [_win_rate(str(model), own, confidence) for (model,), own in rows.group_by("model", maintain_order=True)]
    return sorted(found, key=lambda r: (-(r.rate.value or 0.0), r.model))


def _win_rate(model: str, own: pl.DataFrame, confidence: float) -> WinRate:
    won, items = own["share"].to_numpy(), codes(own["item_id"])
    mean = clustered_mean(won, items)
    error = mean.error if mean.items > 1 else None
    wins, ties = int((won > 0.5).sum()), int((won == 0.5).sum())
    return WinRate(model, share(won, items, confidence), error, wins, won.size - wins - ties, ties)


def matrix(games: pl.DataFrame, confidence: float = 0.95) -> list[tuple[str, str, Estimate]]:
    """Win rate of each model against each other that it met, names rising."""
    groups = sided(games).sort("model", "other").group_by("model", "other", maintain_order=True)
    return [
        (str(a), str(b), share(own["share"].to_numpy(), codes(own["item_id"]), confidence)) for (a, b), own in groups
    ]


def difference(
    games: pl.DataFrame, first: str, second: str, against: str | None = None, confidence: float = 0.95
) -> Difference:
    """How much more `first` wins than `second`, item by item: what is hard or easy for both cancels out.

    Where the two met each other and `against` is None, games between them count for both.
    """
    rows = sided(games).filter(pl.col("model").is_in([first, second]))
    rows = rows if against is None else rows.filter(pl.col("other") == against)
    means = rows.group_by("item_id", "model").agg(pl.col("share").mean())
    wide = means.pivot("model", index="item_id", values="share", maintain_order=True)
    if not {first, second} <= set(wide.columns):
        return Difference(Estimate(None, note=f"{first} and {second} have no item in common"), None)
    both = wide.drop_nulls()
    apart = (both[first] - both[second]).to_numpy()
    if apart.size < 2:
        note = f"{first} and {second} have {apart.size or 'no'} item in common; a test needs two"
        return Difference(Estimate(float(apart[0]) if apart.size else None, items=apart.size, note=note), None)
    mean = clustered_mean(apart, np.arange(apart.size))
    return Difference(_told(mean, confidence), _p(mean))


def _told(mean: Means, confidence: float) -> Estimate:
    half = quantile(confidence, mean.items - 1) * mean.error
    note = "" if mean.error else "the difference is the same on every item; no interval"
    low, high = (mean.value - half, mean.value + half) if mean.error else (None, None)
    return Estimate(mean.value, low, high, mean.items, note)


def _p(mean: Means) -> float | None:
    if not mean.error:
        return 1.0 if mean.value == 0 else None
    return p_value(mean.value / mean.error, mean.items - 1)
