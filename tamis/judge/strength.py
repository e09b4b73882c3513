"""Strengths of models by Bradley and Terry's model, with ties, and intervals of drawing whole items."""

from __future__ import annotations

from math import log
from typing import Literal, NamedTuple

import numpy as np
import polars as pl

from tamis.judge.graph import Pieces, pieces
from tamis.kernels.strength import DAVIDSON, HALF, RAO_KUPPER, curvature, refit, slope, totals
from tamis.statistics.estimate import Estimate
from tamis.statistics.resample import DRAWS, drawn, interval

Ties = Literal["half", "davidson", "rao-kupper"]

MOST = 3000
"""Models that one fit takes: its curvature is a table of all pairs."""

FAR = 12.0
"""Log-odds from the middle past which a strength is as good as without end: one loss in 160,000."""

ELO = 400 / log(10)
"""Elo points in one unit of log-odds."""

_TIES = {"half": HALF, "davidson": DAVIDSON, "rao-kupper": RAO_KUPPER}

_HOLD = 1e-4
"""Curvature added in fits of draws where somebody wins nothing, so that they end; it keeps strengths within about 15."""

_EQUAL = 1e-9
"""Log-odds; models that are nearer in a draw stand equal in it, and neither is above."""

FEW = 30
"""Items under which intervals of drawing items anew are too short, and what they tell apart may be one by chance."""

_ROUGH = 1e-3
"""Step of a fit that is at its end, but for what rounding does to thousands of models."""

_THIN = 1e-6
"""Least t of Rao and Kupper's model: there are next to no ties at it."""


_LOOSE = "its strength and how often games are tied rise together: no finite strength fits"

_ENDLESS = "the fit comes to no end: no finite strength fits"


class Rating(NamedTuple):
    """A model's strength: `strength` in log-odds, of mean 0 over the models rated together, and as Elo points around 1000."""

    model: str
    strength: Estimate
    elo: Estimate
    games: int


class Ratings(NamedTuple):
    """What a fit found.

    ratings       strongest first; those that cannot be rated last, with a note
    tie           log of Davidson's nu, or of Rao and Kupper's theta
    separability  share of pairs of models whose intervals do not overlap (Li et al. 2024)
    distinct      share of pairs whose difference has an interval without 0: more, as models meet on the same items
    notes         what a reader must know: models that never met, or that nobody beat
    """

    ratings: list[Rating]
    tie: Estimate
    separability: Estimate
    distinct: Estimate
    notes: list[str]


class Field(NamedTuple):
    """Games as arrays: see tamis.kernels.strength.totals; `first` < `second`, positions in `models`."""

    models: list[str]
    items: int
    item: np.ndarray
    pair: np.ndarray
    shares: np.ndarray
    first: np.ndarray
    second: np.ndarray


def field(rows: pl.DataFrame) -> Field:
    """Games (columns item_id, model_a, model_b, share) as arrays; a share within 0 and 1 is a win by chances, not a tie."""
    models = pl.concat([rows["model_a"], rows["model_b"]]).unique().sort()
    places = {name: k for k, name in enumerate(models)}
    a, b = (rows[side].replace_strict(places, return_dtype=pl.Int64).to_numpy() for side in ("model_a", "model_b"))
    items = rows["item_id"].unique().sort()
    item = rows["item_id"].cast(pl.Enum(items)).to_physical().to_numpy().astype(np.int64)
    share = rows["share"].to_numpy()
    share = np.where(a < b, share, 1 - share)
    tied = (share == 0.5).astype(np.float64)
    keys, pair = np.unique(np.minimum(a, b) * len(places) + np.maximum(a, b), return_inverse=True)
    shares = np.column_stack([share - tied / 2, 1 - share - tied / 2, tied])
    order = np.lexsort((pair, item))  # sums of the same games in the same order, whatever that of the rows
    first, second = np.divmod(keys, len(places))
    return Field(models.to_list(), items.len(), item[order], pair[order].astype(np.int64), shares[order], first, second)


def strengths(
    rows: pl.DataFrame, ties: Ties = "davidson", draws: int = DRAWS, seed: int = 0, confidence: float = 0.95
) -> Ratings:
    """Fit by Newton's method, and again for every draw of items, from where the first fit ended.

    rows  games: columns item_id, model_a, model_b, share
    """
    if not rows.height:
        none = Estimate(None, note="there are no games")
        return Ratings([], none, none, none, ["there are no games"])
    whole = field(rows)
    if len(whole.models) > MOST:
        counts = pl.concat([rows["model_a"], rows["model_b"]]).value_counts(name="games")
        many = [Rating(model, Estimate(None), Estimate(None), n) for model, n in counts.sort("model_a").iter_rows()]
        none = Estimate(
            None, note=f"{len(many):,} models are more than the {MOST:,} of one fit: no strengths; rate fewer for those"
        )
        return Ratings(many, none, none, none, [none.note])
    games = _totals(whole, np.ones(whole.items, np.int64))
    found = pieces(len(whole.models), whole.first, whole.second, games, free=ties != "half")
    names, sizes = np.unique(found.rated, return_counts=True)
    inside = found.rated == names[sizes.argmax()]
    played = np.bincount(np.concatenate([whole.first, whole.second]), np.tile(games.sum(axis=1), 2), len(inside))
    if inside.sum() < 2:
        return _alone(whole.models, played, found.loose, _LOOSE)
    notes, out = _outside(whole.models, found, inside)
    without = [Rating(whole.models[k], e, e, int(played[k])) for k, e in out.items()]
    own = _within(whole, inside)
    way = _TIES[ties] if 0 < own.shares[:, 2].sum() < len(own.shares) else HALF
    try:
        start = fit(own.first, own.second, _totals(own, np.ones(own.items, np.int64)), len(own.models), way)
        replicates = redrawn(own, way, start, draws, seed)
    except np.linalg.LinAlgError:  # a chance of next to nothing is all that somebody won
        return _alone(whole.models, played, inside, _ENDLESS)
    rated = [
        _rating(name, float(start[k]), replicates[:, k], own, int(played[inside][k]), confidence)
        for k, name in enumerate(own.models)
    ]
    tie = Estimate(None, note=_no_parameter(ties, bool(own.shares[:, 2].any())))
    if way != HALF:
        tie = interval(float(start[-1]), replicates[:, -1], own.items, confidence)
    apart, distinct = _separated(rated, replicates[:, :-1], own.items, confidence)
    rated.sort(key=lambda r: (-(r.strength.value or 0.0), r.model))
    return Ratings(rated + without, tie, apart, distinct, notes)


def fit(
    first: np.ndarray, second: np.ndarray, games: np.ndarray, models: int, way: int, hold: float = 0.0
) -> np.ndarray:
    """(models + 1,) float64: the strengths, of mean 0, and the parameter of ties, that make `games` likeliest.

    Newton's method; no step moves anybody by more than 2. Raises LinAlgError where it comes to no end without `hold`.
    """
    at = np.zeros(models + 1)
    at[-1] = 0.5 if way == RAO_KUPPER else 0.0
    gradient, hessian = np.empty(models + 1), np.empty((models + 1, models + 1))
    for _ in range(100):
        slope(first, second, games, at[:-1], at[-1], way, gradient)
        curvature(first, second, games, at[:-1], at[-1], way, hessian)
        _held(hessian, gradient, at, way, hold)
        step = np.linalg.solve(hessian, gradient)
        largest = np.abs(step).max()
        step *= min(1.0, 2 / largest) if largest else 1.0
        if way == RAO_KUPPER and at[-1] + step[-1] <= 0:
            step *= 0.5 * at[-1] / -step[-1]
        at += step
        if way == RAO_KUPPER:
            at[-1] = max(at[-1], _THIN)
        if largest < 1e-11:
            break
    if not (hold or largest < _ROUGH):
        raise np.linalg.LinAlgError("no end in 100 steps")
    at[:-1] -= at[:-1].mean()
    return at


def _no_parameter(ties: Ties, any_tie: bool) -> str:
    if ties == "half":
        return "a tie is half a win of each"
    return "every game is a tie" if any_tie else "there are no ties"


def _held(hessian: np.ndarray, gradient: np.ndarray, at: np.ndarray, way: int, hold: float) -> None:
    """The mean strength stays at 0, an unused parameter of ties where it is; `hold` draws all strengths to 0 a little."""
    size = len(at) - 1
    hessian[:-1, :-1] += np.trace(hessian[:-1, :-1]) / size**2 + 1e-12
    if hold:
        hessian[np.diag_indices(size + 1)] += hold
        gradient -= hold * at
    if way == HALF:
        hessian[-1, -1] = 1.0


def _totals(own: Field, weights: np.ndarray) -> np.ndarray:
    out = np.empty((own.first.size, 3))
    totals(weights, own.item, own.pair, own.shares, out)
    return out


def _within(whole: Field, inside: np.ndarray) -> Field:
    """The games between the models of `inside`, (m,) bool."""
    place = np.cumsum(inside) - 1
    pairs = inside[whole.first] & inside[whole.second]
    keep = pairs[whole.pair]
    items, item = np.unique(whole.item[keep], return_inverse=True)
    return Field(
        [name for name, there in zip(whole.models, inside, strict=True) if there],
        items.size,
        item,
        (np.cumsum(pairs) - 1)[whole.pair[keep]],
        whole.shares[keep],
        place[whole.first[pairs]],
        place[whole.second[pairs]],
    )


def redrawn(own: Field, way: int, start: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """(draws, m + 1) float64: the fit of every draw of items."""
    times = drawn(np.ones(own.items, np.int64), draws, seed)
    weights = times.times[1:][:, times.block] if own.items > times.times.shape[1] else times.times[1:]
    hessian = np.empty((start.size, start.size))
    curvature(own.first, own.second, _totals(own, np.ones(own.items, np.int64)), start[:-1], start[-1], way, hessian)
    _held(hessian, np.zeros_like(start), start, way, 0.0)
    out, done = np.empty((draws, start.size)), np.empty(draws, np.bool_)
    parts = (own.item, own.pair, own.shares, own.first, own.second)
    refit(np.ascontiguousarray(weights), *parts, way, start, np.linalg.inv(hessian), 60, 1e-7, out, done)
    for k in np.flatnonzero(~done):
        out[k] = fit(own.first, own.second, _totals(own, weights[k]), len(own.models), way, _HOLD)
    return out


def _rating(name: str, value: float, replicates: np.ndarray, own: Field, games: int, confidence: float) -> Rating:
    strength = interval(value, replicates, own.items, confidence)
    if strength.low is not None and strength.high is not None and max(-strength.low, strength.high) > FAR:
        end = "wins" if strength.low < -FAR else "loses"
        note = f"in some draws of items it {end} nothing, so its strength has no {'lower' if end == 'wins' else 'upper'} end"
        low, high = (None if strength.low < -FAR else strength.low), (None if strength.high > FAR else strength.high)
        strength = strength._replace(low=low, high=high, note=note)
    points = [None if v is None else 1000 + ELO * v for v in strength[:3]]
    return Rating(name, strength, Estimate(points[0], points[1], points[2], strength.items, strength.note), games)


def _separated(rated: list[Rating], replicates: np.ndarray, items: int, confidence: float) -> tuple[Estimate, Estimate]:
    """Share of pairs whose intervals do not overlap, and share of pairs whose difference has an interval without 0."""
    low = np.array([-np.inf if r.strength.low is None else r.strength.low for r in rated])
    high = np.array([np.inf if r.strength.high is None else r.strength.high for r in rated])
    above = np.triu_indices(len(rated), 1)
    apart = ((low[:, None] > high[None]) | (high[:, None] < low[None]))[above]
    if len(replicates) < 2 or items < 2:
        none = Estimate(None, note="no draws were asked for" if items > 1 else "one item alone has no interval")
        return none, none
    tail = (1 - confidence) / 2
    higher = np.zeros((len(rated), len(rated)))
    for row in replicates:
        apart_by = row[:, None] - row[None]
        higher += np.where(np.abs(apart_by) < _EQUAL, 0.5, apart_by > 0)
    share = (higher / len(replicates))[above]
    differ = (share < tail) | (share > 1 - tail)
    few = f"{items} items are few: intervals of drawing them anew are too short" if items < FEW else ""
    return Estimate(float(apart.mean()), items=items, note=few), Estimate(float(differ.mean()), items=items, note=few)


def _alone(models: list[str], played: np.ndarray, loose: np.ndarray, why: str) -> Ratings:
    """Ratings where nobody can be rated; those that are `loose`, (m,) bool, for the reason `why`."""
    lost = "it won, or lost, all that ties it to any other: no finite strength fits"
    note = why if loose.any() else "no two models have each won against the other, directly or by way of others"
    if note == _LOOSE:
        note = "no circle of games has more wins than ties; take a tie as half a win of each (--ties half)"
    none = Estimate(None, note=note)
    each = [Estimate(None, note=why if there else lost) for there in loose]
    ratings = [Rating(name, e, e, int(n)) for name, e, n in zip(models, each, played, strict=True)]
    return Ratings(ratings, none, none, none, [note])


def _outside(models: list[str], found: Pieces, inside: np.ndarray) -> tuple[list[str], dict[int, Estimate]]:
    """Notes, and for every model that cannot be rated with the others, why."""
    out: dict[int, Estimate] = {}
    main = int(np.flatnonzero(inside)[0])
    for k in np.flatnonzero(~inside).tolist():
        if found.met[k] != found.met[main]:
            out[k] = Estimate(None, note="it never met the models that are rated, directly or by way of others")
        else:
            out[k] = Estimate(
                None, note="it won, or lost, all that ties it to the rated models: no finite strength fits"
            )
    apart = int(np.unique(found.met).size)
    notes = [f"the models fall into {apart} groups that never met: strengths compare within one"] if apart > 1 else []
    if any(found.met[k] == found.met[main] for k in out):
        names = [models[k] for k in out if found.met[k] == found.met[main]]
        notes.append(
            f"{', '.join(names[:5])}{' …' if len(names) > 5 else ''}: won or lost all against the others; not rated"
        )
    return notes, out
