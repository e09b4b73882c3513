"""Numbers to columns: bins that show the shape of a distribution and keep both sides of a threshold apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from tamis.report.facts import Bin, Histogram, Limit

COLUMNS = 36
"""Columns wanted; integers and thresholds may make it a few more or less."""

SPREAD, SPREAD_OF_SHARES = 12.0, 60.0
"""Largest value shown over the median above which the scale is logarithmic; shares of a whole are easier to read linear."""

LOOK = 20_000
"""Values the range is taken from: every k-th. All are counted."""

STAYS = {">=": np.greater_equal, "<=": np.less_equal, ">": np.greater, "<": np.less, "==": np.equal}


def histogram(values: np.ndarray, limits: Sequence[Limit] = (), total: int | None = None) -> Histogram | None:
    """The distribution of `values` (n,) float64, nan where not measured; None where none is. A value goes if it breaks any limit."""
    read, values = len(values), values[np.isfinite(values)]
    if not len(values):
        return None
    stays = np.ones(len(values), bool)
    for limit in limits:
        stays &= STAYS[limit.keep](values, limit.threshold)
    # The threshold of <= and > then parts two bins as well.
    right = bool(limits) and limits[0].keep in ("<=", ">")
    scale, whole, edges, zero = _edges(values, [limit.threshold for limit in limits], right)
    counts = _counts(values, stays, edges, zero, right)
    bins = [Bin(0.0, 0.0, *counts[0])] if zero else []
    bins += [Bin(float(a), float(b), *c) for a, b, c in zip(edges[:-1], edges[1:], counts[zero:], strict=True)]
    quantiles = np.quantile(values, [0, 0.05, 0.5, 0.95, 1], method="lower")
    a, b, c, d, e = (float(q) for q in quantiles)
    closed: Literal["left", "right"] = "right" if right else "left"
    return Histogram(scale, whole, closed, tuple(bins), len(values), read, read if total is None else total, (a, b, c, d, e))


def beyond(values: np.ndarray, limit: Limit) -> int:
    """How many of `values` break `limit`."""
    measured = values[~np.isnan(values)]
    return int(np.count_nonzero(~STAYS[limit.keep](measured, limit.threshold)))


def _edges(
    values: np.ndarray, thresholds: list[float], right: bool
) -> tuple[Literal["linear", "log"], bool, np.ndarray, bool]:
    """Scale, whether all values are whole, edges (ascending), and whether 0 has a column of its own before them."""
    seen = values[:: max(1, len(values) // LOOK)]
    whole = bool(np.all(seen == np.floor(seen)))
    zeros = float(np.mean(seen == 0))
    some = seen[seen > 0] if zeros and seen.min() >= 0 else seen
    if not len(some):
        some = np.array([t for t in thresholds if t > 0] or [1.0])
    low, middle, high = (float(q) for q in np.quantile(some, [0.005, 0.5, 0.995]))
    low, high = min(low, *thresholds, high), max(high, *thresholds, low)
    spread = SPREAD_OF_SHARES if high <= 1 and not whole else SPREAD
    if middle > 0 and low >= 0 and high / middle > spread:
        positive = [t for t in thresholds if t > 0]
        edges = _log_edges(max(min(float(some.min()), *positive, middle), high * 1e-6), high, positive, whole, right)
        return "log", whole, edges, zeros > 0
    if 0 < low < 0.3 * high:
        low = 0.0
    edges = _linear_edges(low, high, thresholds, whole, right)
    return "linear", whole, edges, bool(zeros >= 0.1 and low >= 0 and edges[1] - edges[0] != 1)


def _linear_edges(low: float, high: float, thresholds: list[float], whole: bool, right: bool) -> np.ndarray:
    """Evenly spaced, one of them at the first threshold; whole numbers get the same number of values in each."""
    step = (high - low) / COLUMNS or abs(high) or 1.0
    if whole:
        step = max(1.0, float(np.ceil(step)))
    anchor = thresholds[0] if thresholds else (np.floor(low) if whole else low)
    first, last = np.floor((low - anchor) / step), np.ceil((high - anchor) / step)
    if right and whole:
        first -= 1
    elif whole:
        last += 1
    edges = anchor + step * np.arange(first, max(last, first + 1) + 1)
    return edges if low < 0 or edges[0] >= 0 or right and whole else np.unique(np.maximum(edges, 0.0))


def _log_edges(low: float, high: float, thresholds: list[float], whole: bool, right: bool) -> np.ndarray:
    """Evenly spaced in the logarithm, one of them at the first threshold; whole numbers get whole edges."""
    step = np.log(high / low) / COLUMNS
    anchor = np.log(thresholds[0] if thresholds else low)
    first, last = np.floor((np.log(low) - anchor) / step - 1e-9), np.ceil((np.log(high) - anchor) / step + 1e-9)
    edges = np.exp(anchor + step * np.arange(first, last + 1))
    if whole:
        edges = np.unique(np.round(edges))
        edges = edges[edges > 0] if not right else np.unique(np.append(edges, edges[0] - 1 if edges[0] > 1 else 0.5))
    return edges


def _counts(values: np.ndarray, stays: np.ndarray, edges: np.ndarray, zero: bool, right: bool) -> list[tuple[int, int]]:
    """For each bin how many stay and how many go. What lies outside is counted in the nearest bin."""
    n = len(edges) - 1
    place = np.searchsorted(edges, values, "left" if right else "right") - 1
    place = np.clip(place, 0, n - 1) + zero
    if zero:
        place[values == 0] = 0
    stay = np.bincount(place[stays], minlength=n + zero)
    go = np.bincount(place[~stays], minlength=n + zero)
    return list(zip(stay.tolist(), go.tolist(), strict=True))
