"""How good a classifier is on rows it has not seen: how it ranks them, and whether its chances are what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

BINS = 10
Z = 1.96
"""Standard deviations that hold 95 % of a normal distribution on either side of its mean."""

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def goodness(chance: np.ndarray, positive: np.ndarray) -> dict[str, Any]:
    """What can be said of chances (n,) float64 of rows that are `positive` (n,) bool, as JSON can hold it.

    auc                 chance that a positive row is ranked above a negative one; `auc_interval`: 95 %
    brier               mean squared difference between chance and truth: 0 is best, always saying the share is `brier_of_share`
    calibration_error   mean difference between chance and share in the bins of `reliability`, by their rows
    reliability         by tenths of the chance: rows, mean chance, share of positive rows
    kept                by threshold: share of the positive and of the negative rows at or above it
    """
    area = auc(chance, positive)
    share = float(positive.mean())
    bins = reliability(chance, positive)
    off = sum(b["rows"] * abs(b["chance"] - b["share"]) for b in bins) / max(1, len(chance))
    return {
        "rows": len(chance),
        "positive": int(positive.sum()),
        "auc": _said(area),
        "auc_interval": [_said(x) for x in interval(area, int(positive.sum()), int((~positive).sum()))],
        "brier": _said(float(np.mean((chance - positive) ** 2))),
        "brier_of_share": _said(share * (1 - share)),
        "calibration_error": _said(off),
        "reliability": bins,
        "kept": [
            {
                "threshold": t,
                "positive": _said(float((chance[positive] >= t).mean())),
                "negative": _said(float((chance[~positive] >= t).mean())),
            }
            for t in THRESHOLDS
        ],
    }


def auc(score: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve, by ranks (Mann and Whitney 1947); ties count half. There must be rows of both sorts."""
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    n = int(positive.sum())
    return float((rank[positive].sum() - n * (n + 1) / 2) / (n * (len(score) - n)))


def interval(area: float, positive: int, negative: int) -> tuple[float, float]:
    """95 % interval of an area under the ROC curve: the areas from which `area` is no further than chance allows.

    Hanley and McNeil's spread (1982) at the area supposed, not at that found, with equal shares of both sorts (Newcombe
    2006, method 5): an area of 1, found on few rows, is not called certain.
    """

    def far(supposed: float) -> bool:
        more = ((positive + negative) / 2 - 1) * ((1 - supposed) / (2 - supposed) + supposed / (1 + supposed))
        spread = supposed * (1 - supposed) * (1 + more) / (positive * negative)
        return (area - supposed) ** 2 > Z**2 * spread

    return _edge(far, 0.0, area), _edge(far, 1.0, area)


def _edge(far: Callable[[float], bool], outside: float, inside: float) -> float:
    """Where `far` turns false on the way in, by halving."""
    for _ in range(40):
        middle = (outside + inside) / 2
        outside, inside = (middle, inside) if far(middle) else (outside, middle)
    return inside


def reliability(chance: np.ndarray, positive: np.ndarray) -> list[dict[str, Any]]:
    """Rows, mean chance and share of positive ones for each tenth of the chance that has rows."""
    tenth = np.minimum((chance * BINS).astype(np.int64), BINS - 1)
    return [
        {
            "from": k / BINS,
            "to": (k + 1) / BINS,
            "rows": int(here.sum()),
            "chance": _said(float(chance[here].mean())),
            "share": _said(float(positive[here].mean())),
        }
        for k in range(BINS)
        if (here := tenth == k).any()
    ]


def _said(number: float) -> float:
    return round(number, 4)
