"""What a judge likes of the look of an answer: lengths and markdown beside strengths, in one logistic fit (Arena-Hard's).

A difference of two answers is taken as (a - b) / (a + b), marks counted by length first, and divided by its spread over all games;
a coefficient is then the log-odds that one spread more of it brings.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from tamis.errors import UsageError
from tamis.statistics.estimate import Estimate
from tamis.statistics.student import quantile

MARKS = {
    "headers": r"(?m)^#{1,6}\s",
    "lists": r"(?m)^[ \t]*(?:[-*+]|\d+[.)])\s",
    "bold": r"\*\*[^*\n]+\*\*|__[^_\n]+__",
}
"""Markdown that is counted: a header or an item of a list for each line, bold for each piece."""

FEATURES = ("length", *MARKS)

MOST = 50_000_000
"""Numbers in the table of what each item adds to each parameter's slope."""


class Styled(NamedTuple):
    """A fit with style.

    effects    by feature: log-odds of winning for one spread more of it
    strengths  by model: log-odds, of mean 0, were all answers alike in style
    """

    effects: dict[str, Estimate]
    strengths: dict[str, Estimate]
    note: str = ""


def looks(texts: pl.Series) -> pl.DataFrame:
    """Code points of every text, and how often each of MARKS is in it; null where the text is."""
    named = {name: texts.str.count_matches(pattern).cast(pl.Float64) for name, pattern in MARKS.items()}
    return pl.DataFrame({"length": texts.str.len_chars().cast(pl.Float64), **named})


def contrasts(a: pl.DataFrame, b: pl.DataFrame) -> np.ndarray:
    """(n, k) float64: how much more of each feature the first answer has, from -1 to 1; columns those of both frames.

    a, b  from `looks`: counts of features; marks are made rates of the length where it is there
    """
    out = []
    for name in a.columns:
        left, right = a[name].to_numpy(), b[name].to_numpy()
        if name == "length":
            total = left + right
        else:
            left, right = (
                x / (f["length"].to_numpy() + 1) if "length" in f.columns else x for x, f in ((left, a), (right, b))
            )
            total = left + right + 1
        out.append((left - right) / np.where(total > 0, total, 1))
    return np.column_stack(out)


def with_style(games: pl.DataFrame, features: np.ndarray, names: tuple[str, ...], confidence: float = 0.95) -> Styled:
    """Strengths and effects of style together; intervals by items (Liang & Zeger 1986).

    games     columns item_id, model_a, model_b, share
    features  (n, k) float64  differences, of model_a's answer from model_b's; one that never differs has no effect
    """
    spread = features.std(axis=0)
    used = spread > 1e-12
    same = "the answers of a pair differ in it by as much in every game, so that it tells nothing"
    effects = {
        name: Estimate(None, note=same if differ else "the answers of a pair never differ in it")
        for name, differ in zip(names, (np.abs(features) > 1e-12).any(axis=0), strict=True)
    }
    models = pl.concat([games["model_a"], games["model_b"]]).unique().sort().to_list()
    place = {name: k for k, name in enumerate(models)}
    a, b = (games[s].replace_strict(place, return_dtype=pl.Int64).to_numpy() for s in ("model_a", "model_b"))
    items = games["item_id"].unique().sort()
    item = games["item_id"].cast(pl.Enum(items)).to_physical().to_numpy().astype(np.int64)
    x, share = features[:, used] / spread[used], games["share"].to_numpy()
    if items.len() * (len(models) + x.shape[1]) > MOST:
        raise UsageError(
            f"{items.len():,} items of {len(models):,} models are too many for one fit with style; give fewer"
        )
    at, hessian, score = _solve(a, b, x, share, len(models))
    if at is None:
        kept = [name for name, there in zip(names, used, strict=True) if there]
        note = _same(a, b, x, kept, len(models)) or "style, or the model, tells every winner: no finite fit"
        return Styled(effects | dict.fromkeys(kept, Estimate(None, note=note)), {}, note)
    sums = np.zeros((items.len(), len(at)))
    np.add.at(sums, (item, a), score)
    np.add.at(sums, (item, b), -score)
    for k in range(x.shape[1]):
        sums[:, len(models) + k] = np.bincount(item, score * x[:, k], items.len())
    inverse = np.linalg.inv(hessian)
    many = items.len()
    factor = many / (many - 1) if many > 1 else np.inf
    error = np.sqrt(np.diag(inverse @ (sums.T @ sums) @ inverse) * factor)
    half = quantile(confidence, max(many - 1, 1)) * error
    found = [
        Estimate(float(v), float(v - h) if many > 1 else None, float(v + h) if many > 1 else None, many)
        for v, h in zip(at, half, strict=True)
    ]
    effects.update(zip([n for n, u in zip(names, used, strict=True) if u], found[len(models) :], strict=True))
    return Styled(effects, dict(zip(models, found, strict=False)))


def _same(a: np.ndarray, b: np.ndarray, x: np.ndarray, names: list[str], models: int) -> str:
    """Which of the features `names`, and of the models, the games cannot tell apart; empty: all can be."""
    _, hessian, _ = _solve(a, b, x, np.zeros(len(x)), models, steps=1)
    values, ways = np.linalg.eigh(hessian)
    free = ways[:, values < 1e-12 * values[-1]]
    moved = np.abs(free).max(axis=1, initial=0.0) > 1e-6
    if not moved.any():
        return ""
    both = [name for name, there in zip(names, moved[models:], strict=True) if there]
    if not both:
        return "the models fall into groups that never met: no one fit with style"
    *rest, last = [*both, "the model"] if moved[:models].any() else both
    return (
        f"{', '.join(rest)} and {last} go together in every game, so that none can be told from the others: no one fit"
    )


def _solve(
    a: np.ndarray, b: np.ndarray, x: np.ndarray, share: np.ndarray, models: int, steps: int = 50
) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
    """Parameters (models, then features), the curvature there with the mean strength held, and each game's slope."""
    size = models + x.shape[1]
    at = np.zeros(size)
    for _ in range(steps):
        p = 1 / (1 + np.exp(-(at[a] - at[b] + x @ at[models:])))
        score, w = share - p, p * (1 - p)
        gradient = np.concatenate([np.bincount(a, score, models) - np.bincount(b, score, models), x.T @ score])
        hessian = np.zeros((size, size))
        flat = np.bincount(np.concatenate([a * models + a, b * models + b]), np.tile(w, 2), models**2)
        flat -= np.bincount(np.concatenate([a * models + b, b * models + a]), np.tile(w, 2), models**2)
        hessian[:models, :models] = flat.reshape(models, models) + w.sum() / models**2
        for k in range(x.shape[1]):
            cross = np.bincount(a, w * x[:, k], models) - np.bincount(b, w * x[:, k], models)
            hessian[models + k, :models] = hessian[:models, models + k] = cross
        hessian[models:, models:] = x.T @ (w[:, None] * x)
        if w.max() < 1e-6 or np.linalg.cond(hessian) > 1e12:
            return None, hessian, score
        step = np.linalg.solve(hessian, gradient)
        at += step * min(1.0, 3 / max(np.abs(step).max(), 1e-300))
        if np.abs(at).max() > 30:
            return None, hessian, score
        if np.abs(step).max() < 1e-10:
            at[:models] -= at[:models].mean()
            return at, hessian, score
    return None, hessian, score
