"""Do reviewers agree? Krippendorff's alpha for names (Krippendorff 2004, chapter 11), or the plain share of equal pairs.

    alpha = 1 - (n - 1) * sum over items of (pairs that differ) / (m - 1)  /  pairs of all labels that differ

Both are computed from how often each label was given to each item: sums over labels, never over pairs of rows.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl


class Agreement(NamedTuple):
    """alpha (at most 1; 0: as chance would have it) or the raw share (0 to 1); None where nothing can be said."""

    value: float | None
    says: str


def agreement(labels: pl.DataFrame, statistic: str) -> Agreement:
    """How far the labels agree.

    labels     columns `item`, `rater`, `label`, without nulls, one row for each label given
    statistic  `alpha` or `raw`
    """
    twice = labels.height - labels.select("item", "rater").unique().height
    if twice:
        said = "label is of an item that its rater" if twice == 1 else "labels are of items that their rater"
        return Agreement(None, f"{twice:,} {said} had labelled before; keep one label of each rater")
    given = labels.group_by("item", "label").len("n").with_columns(n=pl.col("n").cast(pl.Float64))
    items = given.group_by("item").agg(m=pl.col("n").sum(), same=(pl.col("n") * (pl.col("n") - 1)).sum())
    items = items.filter(pl.col("m") > 1)
    if not items.height:
        return Agreement(None, "no item was labelled by two")
    of = f"of {items.height:,} item{'s' if items.height > 1 else ''} labelled by several"
    pairs, same = items.select((pl.col("m") * (pl.col("m") - 1)).sum(), pl.col("same").sum().alias("s")).row(0)
    raw = same / pairs
    if statistic == "raw":
        return Agreement(raw, f"{100 * raw:.4g} percent of pairs agree, {of}")
    counted = given.join(items.select("item"), on="item", how="semi").group_by("label").agg(pl.col("n").sum())
    n = float(counted["n"].sum())
    expected = n * n - float((counted["n"] ** 2).sum())
    if expected == 0:
        return Agreement(None, f"all labels are the same, so alpha says nothing, {of}; compare 'statistic: raw'")
    observed = items.select(((pl.col("m") * (pl.col("m") - 1) - pl.col("same")) / (pl.col("m") - 1)).sum()).item()
    alpha = 1 - (n - 1) * observed / expected
    return Agreement(alpha, f"Krippendorff's alpha is {alpha:.4g} ({100 * raw:.4g} percent of pairs agree), {of}")
