"""How far raters agree beyond chance: kappa, Fleiss' kappa, Krippendorff's alpha, Gwet's AC1 and AC2.

All intervals are of draws of whole items, seeded. A statistic that the labels do not define is a sentence, never a nan.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from tamis.judge.labels import Counted, Labels
from tamis.statistics.estimate import Estimate
from tamis.statistics.resample import DRAWS, drawn, interval

Level = Literal["nominal", "ordinal", "interval"]
Weights = Literal["none", "linear", "quadratic"]

FEW = 100
"""Labels up to which a table of all pairs of labels is made; alpha needs none."""


def alpha(
    labels: Labels, level: Level = "nominal", draws: int = DRAWS, seed: int = 0, confidence: float = 0.95
) -> Estimate:
    """Krippendorff's alpha (2004, chapter 11); items that one rater alone labelled do not count."""
    from tamis.kernels.coincide import NOMINAL, ORDINAL, alphas

    if labels.twice:
        return _twice(labels)
    several = labels.counted.take(np.flatnonzero(labels.counted.given > 1))
    items = int(several.times.sum())
    if not items:
        return Estimate(None, note="no item was labelled by two raters")
    weights, block = drawn(several.times, draws, seed)
    out = np.empty(len(weights))
    if level == "interval":
        out = _interval(several, labels.points, weights, block)
    else:
        parts = (several.starts, several.codes, several.counts, len(labels.scale))
        alphas(weights, block, *parts, NOMINAL if level == "nominal" else ORDINAL, out)
    if np.isnan(out[0]):
        return Estimate(None, items=items, note="all labels are the same, so alpha says nothing")
    return interval(float(out[0]), out[1:], items, confidence, _perfect(float(out[0])))


def _interval(items: Counted, points: np.ndarray, weights: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Alpha of every row of `weights`, labels being `points` on a line; nan where all are the same."""
    from tamis.kernels.coincide import spreads

    own = np.empty((block.size, 4))
    spreads(items.starts, items.codes, items.counts, points - np.median(points[items.codes]), own)
    observed, n, total, squares = (weights @ _by_block(own, block, weights.shape[1])).T
    expected = 2 * (n * squares - total**2)
    there = expected > 1e-12 * n * squares
    return np.where(there, 1 - (n - 1) * observed / np.where(there, expected, 1), np.nan)


def _by_block(values: np.ndarray, block: np.ndarray, blocks: int) -> np.ndarray:
    """(blocks, k) sums of the rows of `values`, (g, k), that lie in each block."""
    return np.stack([np.bincount(block, weights=column, minlength=blocks) for column in values.T], axis=1)


def raw(labels: Labels, draws: int = DRAWS, seed: int = 0, confidence: float = 0.95) -> Estimate:
    """Share of pairs of labels of an item that are equal, items alike; not corrected for chance."""
    return _against_chance(labels, "none", lambda shares, same: np.zeros(len(shares)), draws, seed, confidence)


def fleiss(
    labels: Labels, weights: Weights = "none", draws: int = DRAWS, seed: int = 0, confidence: float = 0.95
) -> Estimate:
    """Fleiss' kappa (1971); where items have different numbers of raters, as Gwet (2014, chapter 2) has it."""

    def chance(shares: np.ndarray, same: np.ndarray) -> np.ndarray:
        agree: np.ndarray = np.einsum("bi,ij,bj->b", shares, same, shares)
        return agree

    return _against_chance(labels, weights, chance, draws, seed, confidence)


def gwet(
    labels: Labels, weights: Weights = "none", draws: int = DRAWS, seed: int = 0, confidence: float = 0.95
) -> Estimate:
    """Gwet's AC1 (2008), with `weights` AC2 (2014): it stays near the raw share where one label is very common."""

    def chance(shares: np.ndarray, same: np.ndarray) -> np.ndarray:
        size = len(same)
        doubt: np.ndarray = (shares * (1 - shares)).sum(axis=1)
        return doubt * float(same.sum() / max(size * (size - 1), 1))

    if len(labels.scale) == 1:
        return Estimate(None, note=f"there is one label alone, {labels.scale[0]!r}; name the scale there might be")
    return _against_chance(labels, weights, chance, draws, seed, confidence)


def cohen(
    labels: Labels, weights: Weights = "none", draws: int = DRAWS, seed: int = 0, confidence: float = 0.95
) -> Estimate:
    """Cohen's kappa of two raters (1960; weighted: 1968), on the items that both labelled."""
    if problem := _unfit(labels):
        return problem
    if len(labels.raters) != 2:
        return Estimate(None, note=f"there {_are(len(labels.raters), 'rater')}; kappa is of two")
    first, second = labels.side_by_side
    if not first.size:
        return Estimate(None, note="no item was labelled by both raters")
    size = len(labels.scale)
    cells, times = np.unique(first * size + second, return_counts=True)
    drawn_times = drawn(times, draws, seed).times  # a table of FEW by FEW labels has no cells to deal out
    same = similarity(labels.points, weights)
    value = np.concatenate([_kappas(part, cells, same) for part in np.array_split(drawn_times, 1 + draws // 100)])
    if np.isnan(value[0]):
        only = labels.scale[int(first[0])]
        return Estimate(None, items=first.size, note=f"both raters say {only!r} every time, so kappa says nothing")
    note = _perfect(float(value[0]))
    for rater, own in zip(labels.raters, (first, second), strict=True):
        if (own == own[0]).all():
            note = f"{rater} says {labels.scale[int(own[0])]!r} every time: kappa is 0 whatever the other says"
    return interval(float(value[0]), value[1:], first.size, confidence, note)


def similarity(points: np.ndarray, weights: Weights) -> np.ndarray:
    """(c, c) float64: 1 for equal labels, 0 for the ends of the scale; between them by distance, or its square.

    points  (c,) float64  where the labels lie, rising
    """
    if weights == "none" or points.size < 2:
        return np.eye(points.size)
    apart = np.abs(points[:, None] - points[None]) / (points[-1] - points[0])
    alike: np.ndarray = 1 - (apart if weights == "linear" else apart**2)
    return alike


def _kappas(times: np.ndarray, cells: np.ndarray, same: np.ndarray) -> np.ndarray:
    """Kappa of every row of `times`; nan where chance alone would make them agree.

    times  (b, k) int64  how often each of `cells`, (k,) int, positions in the table of both raters' labels
    same   (c, c) float64
    """
    size = len(same)
    shares = times / times.sum(axis=1, keepdims=True)
    rows, columns = np.divmod(cells, size)
    left, right = np.zeros((len(times), size)), np.zeros((len(times), size))
    for k in range(cells.size):
        left[:, rows[k]] += shares[:, k]
        right[:, columns[k]] += shares[:, k]
    observed = shares @ same[rows, columns]
    expected = np.einsum("bi,ij,bj->b", left, same, right)
    return _corrected(observed, expected)


def _against_chance(
    labels: Labels,
    weights: Weights,
    chance: Callable[[np.ndarray, np.ndarray], np.ndarray],
    draws: int,
    seed: int,
    confidence: float,
) -> Estimate:
    """`(observed - chance) / (1 - chance)`: observed over the items of several labels, chance over all items."""
    if problem := _unfit(labels):
        return problem
    counted, same = labels.counted, similarity(labels.points, weights)
    several = counted.given > 1
    items = int(counted.times[several].sum())
    if not items:
        return Estimate(None, note="no item was labelled by two raters")
    times, block = drawn(counted.times, draws, seed)
    agreed, shares = _by_item(counted, same)
    own = np.column_stack([agreed * several, several, np.ones(block.size), shares])
    found = times @ _by_block(own, block, times.shape[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = found[:, 0] / found[:, 1]
    expected = chance(found[:, 3:] / found[:, 2:3], same)
    value = _corrected(observed, expected)
    if np.isnan(value[0]):
        return Estimate(None, items=items, note="all labels are the same, so agreement beyond chance says nothing")
    return interval(float(value[0]), value[1:], items, confidence, _perfect(float(value[0])))


def _by_item(counted: Counted, same: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(g,) mean similarity of the pairs of each item's labels, and (g, c) the share of each label among them."""
    table, given = counted.dense(len(same)), counted.given.astype(np.float64)
    pairs = (table * (table @ same)).sum(axis=1) - given
    return pairs / np.maximum(given * (given - 1), 1), table / given[:, None]


def _corrected(observed: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Nan where chance alone gives full agreement."""
    room = 1 - expected
    return np.where(room > 1e-12, (observed - expected) / np.where(room > 1e-12, room, 1), np.nan)


def _unfit(labels: Labels) -> Estimate | None:
    if labels.twice:
        return _twice(labels)
    if not labels.code.size:
        return Estimate(None, note="there are no labels")
    if len(labels.raters) < 2:
        return Estimate(None, items=len(labels.items), note=f"{labels.raters[0]} is the only rater")
    if len(labels.scale) > FEW:
        return Estimate(None, note=f"{len(labels.scale):,} different labels: more than {FEW} are no scale; use alpha")
    return None


def _twice(labels: Labels) -> Estimate:
    said = "label is of an item that its rater" if labels.twice == 1 else "labels are of items that their rater"
    return Estimate(None, note=f"{labels.twice:,} {said} had labelled before; keep one label of each rater")


def _perfect(value: float) -> str:
    return "all agree everywhere; draws of items cannot show how far that holds" if value == 1 else ""


def _are(number: int, what: str) -> str:
    return f"is {number} {what}" if number == 1 else f"are {number} {what}s"
