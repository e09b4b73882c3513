"""A score by the length of what was read: how much of it is left where the context is long.

A length is what the data says of an item (`fields: {length: COLUMN}`), or else the tokens of its prompt. A prompt whose tokens
nobody told, or whose beginning was cut off, counts with what its characters come to: what fails is mostly what is long, and must
not fall out of the curve.
"""

from __future__ import annotations

from math import isfinite, sqrt
from typing import Any, Literal, NamedTuple

import numpy as np
import polars as pl

from tamis.evaluate.scored import Scored
from tamis.statistics import Estimate, Means, around

Unit = Literal["told", "tokens", "characters"]

LONG = {"tokens": 1024, "characters": 4096}
"""What the longest prompt has, where a report draws a curve that nobody asked for."""

APART = 12
"""So many lengths that the data tells stand each for itself; more are put together by powers of two."""


class Lengths(NamedTuple):
    """Lengths of the items of a task, in the order of their ids.

    sizes  (n,) int64; -1: the data tells none for it
    """

    unit: Unit
    sizes: np.ndarray


def lengths(samples: pl.DataFrame) -> Lengths | None:
    """Of the rows of SAMPLE of one task, sorted; None: there is nothing to draw a curve of."""
    first = samples.unique("item_id", keep="first", maintain_order=True)
    if first["length"].null_count() < first.height:
        return Lengths("told", first["length"].fill_null(-1).cast(pl.Int64).to_numpy())
    found = _of_prompts(first)
    return found if found.sizes.max(initial=0) >= LONG[found.unit] else None


def facts(own: Scored, found: Lengths, confidence: float = 0.95) -> dict[str, Any] | None:
    """Scores by length, and what the longest have less than the shortest; None where all are of one length."""
    codes = _codes(found)
    bins = np.unique(codes[codes >= 0]).tolist()
    if len(bins) < 2:
        return None
    rows = []
    for code in bins:
        at = codes == code
        ends = {"from": code, "to": code} if _apart(found) else {"from": code, "to": max(2 * code - 1, 0)}
        rows.append({**ends, "rows": int(at.sum()), **own.only(at).estimate(confidence).facts()})
    change = _change(own, codes == bins[0], codes == bins[-1], confidence)
    return {"unit": found.unit, "unknown": int((codes < 0).sum()), "bins": rows, "change": change.facts()}


def _of_prompts(first: pl.DataFrame) -> Lengths:
    """Tokens of prompts; of choices, those of one of them with its prompt."""
    size = first["prompt"].str.len_chars().to_numpy().astype(np.float64)
    many = first["loglikelihoods"].list.len().fill_null(1).clip(lower_bound=1)
    told = (first["tokens_in"] / many).fill_null(0.0).to_numpy()
    known, cut = told > 0, first["truncated"].to_numpy()
    if not known.any():
        return Lengths("characters", size.astype(np.int64))
    whole = known & ~cut if (known & ~cut).any() else known
    rate = float(np.median(told[whole] / np.maximum(size[whole], 1.0)))
    guessed = np.where(known & ~cut, told, np.maximum(told, rate * size))
    return Lengths("tokens", np.rint(guessed).astype(np.int64))


def _apart(found: Lengths) -> bool:
    return found.unit == "told" and np.unique(found.sizes[found.sizes >= 0]).size <= APART


def _codes(found: Lengths) -> np.ndarray:
    """(n,) int64: the least length of each item's bin; -1: its length is not known."""
    if _apart(found):
        return found.sizes
    return np.array([1 << int(s).bit_length() - 1 if s > 0 else int(s) for s in found.sizes.tolist()], np.int64)


def _change(own: Scored, short: np.ndarray, long: np.ndarray, confidence: float) -> Estimate:
    """The score on the items `long` less that on `short`; one cluster may have items in both, and the interval knows it."""
    if own.kind.total != "mean":
        return Estimate(None, note=f"{own.metric} is no mean of items")
    if own.lacking:
        return Estimate(None, note=f"{own.lacking:,} of {len(own.ids):,} items have no score")
    ends = [own.only(at).number() for at in (short, long)]
    if not all(map(isfinite, ends)):
        return Estimate(None, note="a score is no number")
    parts = [np.where(at, own.values - end, 0.0) / at.sum() for at, end in zip((short, long), ends, strict=True)]
    either = short | long
    sums = np.bincount(own.clusters[either], weights=(parts[1] - parts[0])[either])
    items = int((np.bincount(own.clusters[either]) > 0).sum())
    if items < 2:
        return Estimate(ends[1] - ends[0], items=items, note="one item alone has no interval")
    error = sqrt(float(sums @ sums) * items / (items - 1))
    if error == 0:
        return Estimate(ends[1] - ends[0], items=items, note="at either length every item scores the same")
    return around(Means(ends[1] - ends[0], error, items), confidence)
