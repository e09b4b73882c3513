"""Mean scores of models that were judged one by one, with intervals by items."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from tamis.errors import InputError
from tamis.judge.played import codes
from tamis.statistics.estimate import Estimate, around, clustered_mean, share


class Score(NamedTuple):
    """A model's mean score. unparsed: answers for which no score could be read; they count nowhere."""

    model: str
    aspect: str | None
    mean: Estimate
    unparsed: int


def mean_scores(
    judgments: pl.DataFrame, confidence: float = 0.95, scale: tuple[float, float] | None = None
) -> list[Score]:
    """By aspect, highest first; columns as in JUDGMENT, pairs are passed over.

    scale  least and most points: intervals are Wilson's on it and stay there; None: Student's, which may pass its ends

    Raises InputError where a score is not on `scale`.
    """
    rows = judgments.filter(pl.col("model_b").is_null())
    if scale is not None and (off := rows.filter(~pl.col("score").is_between(*scale))).height:
        raise InputError(
            f"{off['score'][0]:g} points of {off['model_a'][0]} on {off['item_id'][0]!r} are not on the scale from {scale[0]:g} "
            f"to {scale[1]:g}; give the one they are on"
        )
    out = []
    for (model, aspect), own in rows.group_by("model_a", "aspect", maintain_order=True):
        there = own.drop_nulls("score")
        mean = Estimate(None, note="no score could be read")
        if there.height:
            mean = _mean(np.asarray(there["score"].to_numpy()), codes(there["item_id"]), confidence, scale)
        out.append(Score(str(model), None if aspect is None else str(aspect), mean, own.height - there.height))
    return sorted(
        out, key=lambda s: (s.aspect or "", -(s.mean.value if s.mean.value is not None else -np.inf), s.model)
    )


def _mean(points: np.ndarray, items: np.ndarray, confidence: float, scale: tuple[float, float] | None) -> Estimate:
    if scale is None:
        return around(clustered_mean(points, items), confidence)
    low, high = scale
    found = share((points - low) / (high - low), items, confidence)
    value, *ends = (None if v is None else low + (high - low) * v for v in found[:3])
    return found._replace(value=value, low=ends[0], high=ends[1])
