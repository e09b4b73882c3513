"""A judge beside people: how often it agrees with them, how often they agree with each other, and what it gets wrong."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import polars as pl

from tamis.judge.played import codes
from tamis.statistics.estimate import Estimate, around, clustered_mean, share
from tamis.statistics.student import quantile


class Ceiling(NamedTuple):
    """Pairs of raters of an item that agree; items of both kinds of pair alone, so that all three are of the same items.

    judge    the judge with each person
    people   people with each other: what no judge can be asked to pass by much
    gap      the judge's share less people's
    """

    judge: Estimate
    people: Estimate
    gap: Estimate


def with_others(labels: pl.DataFrame, rater: str, confidence: float = 0.95) -> Estimate:
    """How often `rater` says what another rater says of the same item, items alike; `labels` as in `ceiling`."""
    rows = labels.drop_nulls("label")
    own = rows.filter(pl.col("rater") == rater).select("item", said="label")
    hits = rows.filter(pl.col("rater") != rater).join(own, on="item").sort("item").group_by("item", maintain_order=True)
    agreed = hits.agg((pl.col("label") == pl.col("said")).mean())["label"].to_numpy()
    if not agreed.size:
        return Estimate(None, note=f"nobody else labelled an item that {rater} did")
    return share(agreed, np.arange(agreed.size), confidence)


class Against(NamedTuple):
    """A judge's labels beside the right ones. precision, recall and f1 are means over labels, each counting alike."""

    accuracy: Estimate
    precision: float | None
    recall: float | None
    f1: float | None


def ceiling(labels: pl.DataFrame, judge: str, people: Collection[str], confidence: float = 0.95) -> Ceiling:
    """`labels` has columns item, rater, label, one label for each item and rater."""
    rows = labels.drop_nulls().filter(pl.col("rater").is_in([judge, *people]))
    own = rows.filter(pl.col("rater") == judge).select("item", said="label")
    others = rows.filter(pl.col("rater").is_in(list(people)) & (pl.col("rater") != judge))
    hits = (
        others.join(own, on="item").group_by("item").agg(judged=(pl.col("label") == pl.col("said")).sum(), by=pl.len())
    )
    counts = others.group_by("item", "label").len("n").with_columns(pl.col("n").cast(pl.Float64))
    pairs = counts.group_by("item").agg(agreed=(pl.col("n") * (pl.col("n") - 1)).sum(), m=pl.col("n").sum())
    pairs = pairs.filter(pl.col("m") > 1).with_columns(of=pl.col("m") * (pl.col("m") - 1))
    both = hits.join(pairs, on="item").sort("item")
    if not both.height:
        none = Estimate(None, note=f"no item was labelled by {judge} and by two people")
        return Ceiling(none, none, none)
    with_people = (both["judged"] / both["by"]).to_numpy()
    among = (both["agreed"] / both["of"]).to_numpy()
    items = np.arange(both.height)
    gap = around(clustered_mean(with_people - among, items), confidence, (-1.0, 1.0))
    return Ceiling(share(with_people, items, confidence), share(among, items, confidence), gap)


def against(said: pl.Series, right: pl.Series, items: pl.Series, confidence: float = 0.95) -> Against:
    """`said` beside `right`, row by row; a missing one is wrong. A label never said has precision 0, as in scikit-learn."""
    if not said.len():
        return Against(Estimate(None, note="there is nothing to compare"), None, None, None)
    hit = (said == right).fill_null(False).to_numpy().astype(np.float64)
    names = sorted(set(said.drop_nulls()) | set(right.drop_nulls()))
    rates = []
    for name in names:
        true = float(((said == name) & (right == name)).fill_null(False).sum())
        picked, there = float((said == name).sum()), float((right == name).sum())
        rates.append((true / picked if picked else 0.0, true / there if there else 0.0, 2 * true / (picked + there)))
    precision, recall, f1 = (float(v) for v in np.mean(rates, axis=0)) if rates else (None, None, None)
    return Against(share(hit, codes(items), confidence), precision, recall, f1)


def majority(labels: pl.DataFrame) -> pl.DataFrame:
    """Columns item, label: what more than half of its raters say; items without such a label are left out."""
    counts = labels.drop_nulls().group_by("item", "label").len("n")
    total = counts.group_by("item").agg(m=pl.col("n").sum())
    won = counts.join(total, on="item").filter(2 * pl.col("n") > pl.col("m"))
    return won.select("item", "label").sort("item")


def corrected(judged: np.ndarray, labelled: np.ndarray, people: np.ndarray, confidence: float = 0.95) -> Estimate:
    """A mean that people would give, from many verdicts of a judge and people's on some (prediction-powered: Angelopoulos 2023).

    The judge's part is weighted so that the interval is narrowest (PPI++); a judge who says nothing of what people say has weight
    0, and people's mean is left.

    judged    (n,) float64  the judge's verdicts on items that people did not label, one for each item
    labelled  (m,) float64  its verdicts on items that people did
    people    (m,) float64  people's, on the same; means over people where there were several
    """
    n, m = judged.size, labelled.size
    if m < 2:
        return Estimate(None, items=m, note=f"people labelled {m or 'no'} item{'s' * (m != 1)}; a correction needs two")
    every = np.concatenate([judged, labelled])
    spread = float(every.var(ddof=1))
    weight = 0.0
    if n > 1 and spread > 0:
        covariance = float(np.cov(people, labelled, ddof=1)[0, 1])
        weight = min(max(covariance / ((1 + m / n) * spread), 0.0), 1.0)
    rest = people - weight * labelled
    value = weight * float(judged.mean()) + float(rest.mean()) if n > 1 else float(people.mean())
    error = (rest.var(ddof=1) / m + (weight**2 * judged.var(ddof=1) / n if n > 1 else 0.0)) ** 0.5
    if not error:
        return Estimate(
            value, None, None, m, "people's labels and the judge's differ by the same everywhere; no interval"
        )
    half = quantile(confidence, m - 1) * float(error)
    return Estimate(value, value - half, value + half, m + n, f"the judge's verdicts count {weight:.2f}")
