"""Mean scores of models that were judged one by one, with intervals by items."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from tamis.judge.played import codes
from tamis.statistics.estimate import Estimate, around, clustered_mean


class Score(NamedTuple):
    """A model's mean score. unparsed: answers for which no score could be read; they count nowhere."""

    model: str
    aspect: str | None
    mean: Estimate
    unparsed: int


def mean_scores(judgments: pl.DataFrame, confidence: float = 0.95) -> list[Score]:
    """By aspect, highest first; columns as in JUDGMENT, pairs are passed over."""
    rows = judgments.filter(pl.col("model_b").is_null())
    out = []
    for (model, aspect), own in rows.group_by("model_a", "aspect", maintain_order=True):
        there = own.drop_nulls("score")
        mean = Estimate(None, note="no score could be read")
        if there.height:
            mean = around(clustered_mean(np.asarray(there["score"].to_numpy()), codes(there["item_id"])), confidence)
        out.append(Score(str(model), None if aspect is None else str(aspect), mean, own.height - there.height))
    return sorted(
        out, key=lambda s: (s.aspect or "", -(s.mean.value if s.mean.value is not None else -np.inf), s.model)
    )
