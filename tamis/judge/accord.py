"""The whole of how far raters agree, as one object: what `tamis judge agree` prints and a report draws."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import polars as pl

from tamis.judge.agreement import Level, Weights, alpha, cohen, fleiss, gwet, raw
from tamis.judge.labels import Labels
from tamis.judge.people import against, ceiling, corrected, majority, with_others
from tamis.statistics.estimate import Estimate
from tamis.statistics.resample import DRAWS

QUARTERS = 4


def agreements(
    rows: pl.DataFrame,
    level: Level = "nominal",
    scale: Sequence[str | float] | None = None,
    people: Sequence[str] = (),
    slices: Sequence[str] = (),
    draws: int = DRAWS,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Any]:
    """Every statistic, every pair of raters, every rater who is no person beside people, and all of it by slice.

    rows    columns item, rater, label, and those of `slices`; a column of numbers is cut into quarters
    people  raters that are people; those who are not are held against them
    """
    labels = Labels(rows, scale)
    how: dict[str, Any] = {"draws": draws, "seed": seed, "confidence": confidence}
    out: dict[str, Any] = {
        "labels": int(labels.code.size),
        "items": len(labels.items),
        "raters": labels.raters,
        "scale": labels.scale,
        **{name: e.facts() for name, e in _statistics(labels, level, how)},
        "pairs": [
            {"raters": [a, b], "raw": raw(own, **how).facts(), "kappa": cohen(own, _weights(level), **how).facts()}
            for a, b, own in _pairs(rows, labels, scale)
        ],
    }
    if people:
        out["against_people"] = [
            _against(rows, judge, people, confidence) for judge in labels.raters if judge not in people
        ]
    if slices:
        out["slices"] = [
            {
                "by": by,
                "is": name,
                "items": own["item"].n_unique(),
                "alpha": alpha(Labels(own, scale), level, **how).facts(),
                "raw": raw(Labels(own, scale), **how).facts(),
                "raters": [
                    {"rater": rater, "agreement": with_others(own, rater, confidence).facts()}
                    for rater in own["rater"].unique().sort()
                ],
            }
            for by in slices
            for name, own in sliced(rows, by)
        ]
    return out


def sliced(rows: pl.DataFrame, by: str) -> Iterable[tuple[str, pl.DataFrame]]:
    """The rows of each value of the column `by`: of each quarter of many numbers, of each month of times."""
    if rows[by].dtype.is_float():
        rows = rows.with_columns(rows[by].fill_nan(None))
    if rows[by].dtype.is_temporal():
        rows = rows.with_columns(rows[by].dt.strftime("%Y-%m"))
    if rows[by].dtype.is_numeric() and rows[by].n_unique() > 2 * QUARTERS:
        values = rows[by].cast(pl.Float64)
        ends = [float(values.quantile(k / QUARTERS) or 0.0) for k in range(QUARTERS + 1)]
        for k in range(QUARTERS):
            inside = (values >= ends[k]) & ((values < ends[k + 1]) if k + 1 < QUARTERS else (values <= ends[k + 1]))
            if inside.any():
                yield f"{ends[k]:g} to {ends[k + 1]:g}", rows.filter(inside)
        if values.null_count():
            yield "not told", rows.filter(values.is_null())
        return
    for (name,), own in rows.sort(by, maintain_order=True).group_by(by, maintain_order=True):
        yield "not told" if name is None else str(name), own


def _statistics(labels: Labels, level: Level, how: dict[str, Any]) -> Iterable[tuple[str, Estimate]]:
    weights = _weights(level)
    yield "raw", raw(labels, **how)
    yield "alpha", alpha(labels, level, **how)
    yield "fleiss", fleiss(labels, weights, **how)
    yield "ac1" if weights == "none" else "ac2", gwet(labels, weights, **how)
    yield "kappa", cohen(labels, weights, **how)


def _weights(level: Level) -> Weights:
    return {"nominal": "none", "ordinal": "linear", "interval": "quadratic"}[level]  # type: ignore[return-value]


def _pairs(
    rows: pl.DataFrame, labels: Labels, scale: Sequence[str | float] | None
) -> Iterable[tuple[str, str, Labels]]:
    """Every two raters with what they said; up to thirty raters, 435 pairs."""
    names = labels.raters if 2 < len(labels.raters) <= 30 else []
    for k, a in enumerate(names):
        for b in names[k + 1 :]:
            yield a, b, Labels(rows.filter(pl.col("rater").is_in([a, b])), scale or labels.scale)


def _against(rows: pl.DataFrame, judge: str, people: Sequence[str], confidence: float) -> dict[str, Any]:
    found = ceiling(rows.select("item", "rater", "label"), judge, people, confidence)
    right = majority(rows.filter(pl.col("rater").is_in(list(people))).select("item", "label"))
    own = rows.filter(pl.col("rater") == judge).select("item", said="label")
    both = right.join(own, on="item").sort("item")
    score = against(both["said"], both["label"], both["item"], confidence)
    facts: dict[str, Any] = {"judge": judge, "agreement": found.judge.facts()}
    facts |= {"ceiling": found.people.facts(), "gap": found.gap.facts(), "accuracy": score.accuracy.facts()}
    facts.update(precision=score.precision, recall=score.recall, f1=score.f1)
    win = _win_rate(rows, judge, people, confidence)
    return facts if win is None else {**facts, "win_rate_corrected": win.facts()}


def _win_rate(rows: pl.DataFrame, judge: str, people: Sequence[str], confidence: float) -> Estimate | None:
    """How often a wins as people would have it, where labels are a, b and tie."""
    if not set(rows["label"].drop_nulls().unique().to_list()) <= {"a", "b", "tie"}:
        return None
    won = rows.with_columns(
        share=pl.col("label").replace_strict({"a": 1.0, "b": 0.0, "tie": 0.5}, return_dtype=pl.Float64)
    )
    human = won.filter(pl.col("rater").is_in(list(people))).group_by("item").agg(people=pl.col("share").mean())
    own = won.filter(pl.col("rater") == judge).select("item", "share").drop_nulls()
    both = own.join(human.drop_nulls(), on="item", how="left").sort("item")
    seen = both.drop_nulls()
    rest = both.filter(pl.col("people").is_null())["share"].to_numpy()
    found = corrected(np.asarray(rest), seen["share"].to_numpy(), seen["people"].to_numpy(), confidence)
    value, low, high = (None if v is None else min(max(v, 0.0), 1.0) for v in found[:3])
    return found._replace(value=value, low=low, high=high)
