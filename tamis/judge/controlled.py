"""AlpacaEval's length-controlled win rate (Dubois et al. 2024), with everything keyed by item id.

A logistic fit explains a judge's preferences by the difference in length, by how hard the item is, and by the model; the rate is
what the fit expects where lengths are equal. Read it beside the raw one: it is a model of the judge, not a count.

    preference ~ tanh(difference in length / its standard deviation) + difficulty + 1        no intercept, L1, liblinear

AlpacaEval holds the fit with its own answers made longer and shorter on purpose (`gamed`), 0.1 of a row each.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from tamis.errors import InputError
from tamis.extras import extra
from tamis.judge.played import codes
from tamis.statistics.estimate import Estimate, around, clustered_mean
from tamis.statistics.student import quantile
from tamis.statistics.wilson import around_share

_GAMED = 0.2 / 2
"""Weight of a gamed row: lambda = 0.2 by two gamed baselines."""

_FOLDS = 5


class Controlled(NamedTuple):
    """A length-controlled win rate.

    rate     0 to 1; its interval is AlpacaEval's, that of a mean over items of what the fit expects; where it expects the same of
             all (without difficulty), that would have no width: then it is Wilson's on as many rows as give the fit's own error
    weights  of length, difficulty and model; difficulty is 0 where none was given
    warning  empty, or that it is so far from the raw rate that the fit may have failed
    """

    rate: Estimate
    weights: tuple[float, float, float]
    warning: str


def length_controlled(
    preferences: pl.DataFrame,
    difficulty: pl.DataFrame | None = None,
    gamed: pl.DataFrame | None = None,
    confidence: float = 0.95,
) -> Controlled:
    """The win rate of one model against one baseline, were their answers equally long.

    preferences  item_id, share (of the model, 0 to 1; null: not judged), chars (of its answer), chars_baseline
    difficulty   item_id, difficulty: from a fit to many models; None: the fit has no such term, as AlpacaEval's simplified one
                 The folds of the fit follow the order of the rows, as in AlpacaEval.
    gamed        item_id, share, length (the difference in length by its standard deviation, before tanh)

    Raises InputError where an item has no difficulty, ExtraMissing without scikit-learn.
    """
    rows = preferences.drop_nulls(["chars", "chars_baseline"])
    apart = (rows["chars_baseline"].cast(pl.Float64) - rows["chars"]).to_numpy()
    spread = float(apart.std(ddof=1)) if apart.size > 1 else 0.0
    judged = rows["share"].is_not_null().to_numpy()
    if judged.sum() < 2 * _FOLDS:
        return _none(f"{int(judged.sum())} judged items are too few for a fit in {_FOLDS} folds")
    if not spread > 0:
        return _none("all answers differ in length by the same, so length cannot be told from the model")
    hard = _difficulties(rows["item_id"], difficulty)
    features = np.column_stack([np.tanh(apart / spread), hard, np.ones(apart.size)])
    target, weights = rows["share"].to_numpy(), np.ones(apart.size)
    x, y, w = features[judged], target[judged], weights[judged]
    items = rows["item_id"].filter(rows["share"].is_not_null())
    if gamed is not None and gamed.height:
        length = np.tanh(gamed["length"].to_numpy())
        held = np.column_stack([length, _difficulties(gamed["item_id"], difficulty), np.zeros(length.size)])
        there = gamed["share"].is_not_null().to_numpy()
        x, y = np.vstack([held[there], x]), np.concatenate([gamed["share"].to_numpy()[there], y])
        w = np.concatenate([np.full(int(there.sum()), _GAMED), w])
        items = pl.concat([gamed["item_id"].filter(gamed["share"].is_not_null()).cast(items.dtype), items])
    used = [0, 2] if difficulty is None else [0, 1, 2]
    found = np.zeros(3)
    found[used] = _fit(x[:, used], y, w)
    expected = 1 / (1 + np.exp(-(found[1] * hard + found[2])))
    if np.ptp(found[1] * hard):
        rate = around(clustered_mean(expected, np.arange(expected.size)), confidence, (0.0, 1.0))
    else:
        error = _error(x[:, used], y, w, codes(items), found[used])
        rate = _as_share(float(expected[0]), error, target[judged], codes(rows["item_id"].filter(judged)), confidence)
    return Controlled(
        rate, (float(found[0]), float(found[1]), float(found[2])), _warning(target[judged].mean(), rate.value)
    )


def _error(x: np.ndarray, y: np.ndarray, weights: np.ndarray, items: np.ndarray, at: np.ndarray) -> float:
    """Standard error of the last coefficient, items drawn anew, as if nothing held the fit (Liang & Zeger 1986)."""
    chance = 1 / (1 + np.exp(-(x @ at)))
    score = x * (weights * (y - chance))[:, None]
    sums = np.column_stack([np.bincount(items, column) for column in score.T])
    inverse = np.linalg.pinv((x * (weights * chance * (1 - chance))[:, None]).T @ x)
    return float(np.sqrt((inverse @ (sums.T @ sums) @ inverse)[-1, -1] * len(sums) / max(len(sums) - 1, 1)))


def _as_share(value: float, error: float, raw: np.ndarray, items: np.ndarray, confidence: float) -> Estimate:
    """A rate whose log-odds have `error`, with Wilson's interval on as many rows as would give it, but no more than `raw` has."""
    own = clustered_mean(raw, items)
    if own.items < 2:
        return Estimate(value, None, None, own.items, "one item alone has no interval")
    most = own.value * (1 - own.value) / own.error**2 if np.ptp(raw) and own.error else float(own.items)
    spread = value * (1 - value) * error**2
    rows = min(1 / spread, most) if spread else most
    return Estimate(value, *around_share(value, rows, quantile(confidence, own.items - 1)), own.items)


def _none(note: str) -> Controlled:
    return Controlled(Estimate(None, note=note), (0.0, 0.0, 0.0), "")


def _difficulties(items: pl.Series, difficulty: pl.DataFrame | None) -> np.ndarray:
    """(n,) float64: the difficulty of every item; 0 where none are given at all."""
    if difficulty is None:
        return np.zeros(items.len())
    known = dict(zip(difficulty["item_id"], difficulty["difficulty"], strict=True))
    if missing := [item for item in items if item not in known]:
        raise InputError(f"item {missing[0]!r} has no difficulty ({len(missing):,} have none); leave those items out")
    return np.array([known[item] for item in items], np.float64)


def _fit(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Coefficients, by the solver, penalty, folds and seed of AlpacaEval's code: equal to the digit where its inputs are."""
    with extra("judge"):
        from sklearn.linear_model import LogisticRegression
    double, classes = np.vstack([x, x]), np.repeat([1, 0], len(x))
    chance = np.concatenate([y, 1 - y])
    twice = np.concatenate([weights, weights])
    fold = np.tile(_folds(len(x)), 2)

    def fitted(penalty: float, rows: np.ndarray, random: np.random.RandomState) -> np.ndarray:
        how: dict[str, Any] = {"C": penalty, "l1_ratio": 1.0, "solver": "liblinear", "fit_intercept": False}
        model = LogisticRegression(random_state=random, **how)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # liblinear may stop before it is done; so does the reference
            model.fit(double[rows], classes[rows], sample_weight=(chance * twice)[rows])
        own: np.ndarray = model.coef_[0]
        return own

    losses = np.zeros((_FOLDS, 10))
    penalties = np.logspace(-4, 4, 10)
    for k in range(_FOLDS):
        random = np.random.RandomState(123)  # one for all penalties of a fold, as in LogisticRegressionCV
        for j, penalty in enumerate(penalties):
            own = 1 / (1 + np.exp(-(double[fold == k] @ fitted(penalty, fold != k, random))))
            own = np.clip(own, 1e-15, 1 - 1e-15)
            truth, there = np.where(classes == 1, chance, 1 - chance)[fold == k], twice[fold == k]
            losses[k, j] = -np.mean((truth * np.log(own) + (1 - truth) * np.log(1 - own)) * there)
    best = float(penalties[losses.mean(axis=0).argmin()])
    return fitted(best, np.ones(len(double), np.bool_), np.random.RandomState(123))


def _folds(rows: int) -> np.ndarray:
    """(rows,) int: the fold of every row as scikit-learn's GroupKFold deals out groups of equal size: from the last on."""
    return (np.arange(rows)[::-1]) % _FOLDS


def _warning(raw: float, controlled: float | None) -> str:
    """AlpacaEval's rule: more than 10 points, and more than a quarter of the way to the end, from the raw rate."""
    if controlled is None:
        return ""
    if min(raw - raw / 4, raw - 0.1) <= controlled <= max(raw + (1 - raw) / 4, raw + 0.1):
        return ""
    return f"far from the raw rate of {100 * raw:.1f} percent: the fit may have failed"
