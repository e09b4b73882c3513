"""Judgments of pairs as games: who met whom on which item, and what share of the win each had."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import polars as pl

Rule = Literal["averaged", "conservative"]
"""What two orders make of a pair. averaged: the mean of both; conservative: a win where both say so, else a tie."""

BOTH = ["item_id", "low", "high", "judge", "rubric", "rubric_sha256", "aspect", "turn", "repeat"]
"""What the two orders of a pair have in common."""


class Games(NamedTuple):
    """Comparisons that say something.

    rows      columns of JUDGMENT, and `share`: of the win, that model_a has; 0 to 1, 0.5 for a tie
    unparsed  judgments without a verdict that could be read: no ties, and no part of any rate
    same      judgments of a model with itself
    """

    rows: pl.DataFrame
    unparsed: int
    same: int


def games(judgments: pl.DataFrame, probabilities: bool = True) -> Games:
    """The games of `judgments`, columns as in JUDGMENT (scores are passed over).

    With `probabilities` a verdict counts as probable as the judge found it, where it says so.
    """
    pairs = judgments.filter(pl.col("model_b").is_not_null() & pl.col("verdict").is_not_null())
    same = pairs.filter(pl.col("model_a") == pl.col("model_b")).height
    pairs = pairs.filter(pl.col("model_a") != pl.col("model_b"))
    won = pl.col("verdict").replace_strict({"a": 1.0, "b": 0.0, "tie": 0.5}, default=None, return_dtype=pl.Float64)
    if probabilities:
        won = pl.when(won.is_not_null()).then(pl.coalesce("probability_a", won))
    rows = pairs.with_columns(share=won)
    return Games(rows.drop_nulls("share"), rows["share"].null_count(), same)


def together(rows: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    """Both orders of a pair made one game; a pair that was judged in one order alone stays as it is.

    Columns of BOTH, low and high being model_a and model_b (by name), share, orders (1 or 2), and judged_at where it was there.
    """
    flip = pl.col("model_a") > pl.col("model_b")
    rows = rows.with_columns(
        low=pl.min_horizontal("model_a", "model_b"),
        high=pl.max_horizontal("model_a", "model_b"),
        share=pl.when(flip).then(1 - pl.col("share")).otherwise("share"),
        shown=pl.when(flip).then(pl.col("order").replace({"ab": "ba", "ba": "ab"})).otherwise("order"),
    )
    share, side = pl.col("share"), (pl.col("share") - 0.5).sign()
    agreed = pl.when(side.n_unique() == 1).then(0.5 + side.first() / 2).otherwise(0.5)
    made = share.mean() if rule == "averaged" else pl.when(pl.len() > 1).then(agreed).otherwise(share.first())
    when = [pl.col("judged_at").min()] if "judged_at" in rows.columns else []
    found = rows.group_by(BOTH, maintain_order=True).agg(*when, share=made, orders=pl.col("shown").n_unique())
    return found.rename({"low": "model_a", "high": "model_b"})


def sided(rows: pl.DataFrame) -> pl.DataFrame:
    """Every game from both sides: columns item_id, model, other, share."""
    left = rows.select("item_id", pl.col("model_a").alias("model"), pl.col("model_b").alias("other"), "share")
    right = rows.select(
        "item_id",
        pl.col("model_b").alias("model"),
        pl.col("model_a").alias("other"),
        (1 - pl.col("share")).alias("share"),
    )
    return pl.concat([left, right])


def codes(names: pl.Series) -> np.ndarray:
    """(n,) int64: a number for every name, from 0, in the order they come in."""
    if names.is_sorted():
        return names.rle_id().to_numpy().astype(np.int64)
    places: np.ndarray = names.to_arrow().dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return places
