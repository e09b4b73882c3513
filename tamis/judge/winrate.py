"""Win rates: of a model against one other or all, with the error bars that items give."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from tamis.judge.played import codes, sided
from tamis.statistics.estimate import Estimate, clustered_mean, share


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
