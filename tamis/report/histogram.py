"""Numbers to columns: bins that show the shape of a distribution and keep both sides of a threshold apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from tamis.report.facts import Bin, Histogram, Limit

COLUMNS = 36
"""Columns wanted; integers and thresholds may make it a few more or less."""

SPREAD, SPREAD_OF_SHARES = 12.0, 60.0
"""Largest value over the median from which on the scale is logarithmic; shares of a whole read better linear."""

STAYS = {">=": np.greater_equal, "<=": np.less_equal, ">": np.greater, "<": np.less, "==": np.equal}


def histogram(values: np.ndarray, limits: Sequence[Limit] = (), total: int | None = None) -> Histogram | None:
    """The distribution of `values` (n,) float64, nan where not measured; None where none is.

    A value goes if it breaks any of `limits`.
    """
    read, values = len(values), np.sort(values[np.isfinite(values)])
    n = len(values)
    if not n:
        return None
    stays = np.ones(n, bool)
    for limit in limits:
        stays &= STAYS[limit.keep](values, limit.threshold)
    # The threshold of <= and > then parts two bins as well.
    closed: Literal["left", "right"] = "right" if limits and limits[0].keep in ("<=", ">") else "left"
    scale, whole, edges, zero = _edges(values, [limit.threshold for limit in limits], closed == "right")
    bins = _bins(values, stays, edges, zero, closed)
    smallest, low, middle, high, largest = (float(values[round(q * (n - 1))]) for q in (0, 0.05, 0.5, 0.95, 1))
    quantiles = (smallest, low, middle, high, largest)
    return Histogram(scale, whole, closed, bins, n, read, read if total is None else total, quantiles)


def beyond(values: np.ndarray, limit: Limit) -> int:
    """How many of `values` break `limit`."""
    measured = values[~np.isnan(values)]
    return int(np.count_nonzero(~STAYS[limit.keep](measured, limit.threshold)))


def _edges(
    values: np.ndarray, thresholds: list[float], right: bool
) -> tuple[Literal["linear", "log"], bool, np.ndarray, bool]:
    """Scale, whether all values are whole, edges (ascending), and whether 0 has a column of its own before them."""
    whole = bool(np.all(values == np.floor(values))) and all(t == int(t) for t in thresholds)
    zeros, least = float(np.mean(values == 0)), float(values[0])
    some = values[np.searchsorted(values, 0, "right") :] if zeros and least == 0 else values
    if not len(some):
        some = np.array([t for t in thresholds if t > 0] or [1.0])
    low, middle, high = (float(some[round(q * (len(some) - 1))]) for q in (0.005, 0.5, 0.995))
    low, high = min(low, *thresholds, high), max(high, *thresholds, low)
    spread = SPREAD_OF_SHARES if high <= 1 and not whole else SPREAD
    if middle > 0 and least >= 0 and low >= 0 and high / middle > spread:
        positive = [t for t in thresholds if t > 0]
        edges = _log_edges(max(min(float(some[0]), *positive, middle), high * 1e-6), high, positive, whole, right)
        return "log", whole, edges, zeros > 0
    if least == 0 or 0 < low < 0.3 * high:
        low = 0.0
    edges = _linear_edges(low, high, thresholds, whole, right)
    return "linear", whole, edges, bool(zeros >= 0.1 and least == 0 and edges[1] - edges[0] != 1)


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
    edges: np.ndarray = anchor + step * np.arange(first, max(last, first + 1) + 1)
    return edges if low < 0 or edges[0] >= 0 or (right and whole) else np.unique(np.maximum(edges, 0.0))


def _log_edges(low: float, high: float, thresholds: list[float], whole: bool, right: bool) -> np.ndarray:
    """Evenly spaced in the logarithm, one of them at the first threshold; whole numbers get whole edges."""
    step = np.log(high / low) / COLUMNS
    anchor = np.log(thresholds[0] if thresholds else low)
    first, last = np.floor((np.log(low) - anchor) / step - 1e-9), np.ceil((np.log(high) - anchor) / step + 1e-9)
    edges: np.ndarray = np.exp(anchor + step * np.arange(first, last + 1))
    if whole:
        edges = np.unique(np.round(edges))
        edges = edges[edges > 0] if not right else np.unique(np.append(edges, edges[0] - 1 if edges[0] > 1 else 0.5))
    return edges


def _bins(values: np.ndarray, stays: np.ndarray, edges: np.ndarray, zero: bool, closed: str) -> tuple[Bin, ...]:
    """How many of `values` (n,), ascending, lie in each bin. What lies outside all is counted in the nearest."""
    bounds = np.searchsorted(values, edges, "left" if closed == "left" else "right")
    bounds[0], bounds[-1] = 0, len(values)
    if zero:
        zeros = np.searchsorted(values, 0.0, "right")
        bounds = np.concatenate([[0], np.maximum(bounds, zeros)])
        edges = np.concatenate([[0.0], edges])
    stay = np.diff(np.concatenate([[0], np.cumsum(stays)])[bounds])
    go = np.diff(bounds) - stay
    lows, highs = edges[:-1].copy(), edges[1:].copy()
    if zero:
        highs[0] = 0.0
    return tuple(Bin(float(a), float(b), int(c), int(d)) for a, b, c, d in zip(lows, highs, stay, go, strict=True))
