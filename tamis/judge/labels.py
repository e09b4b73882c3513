"""Labels that several raters gave to items, as arrays: what every statistic of agreement is computed from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import polars as pl

from tamis.errors import InputError

MANY = 20_000
"""Ways in which items were labelled, up to which those labelled alike are drawn together."""


class Counted(NamedTuple):
    """Items by how often each label was given to them; items that were labelled alike are one, with their number.

    times   (g,) int64      how many items are like this
    starts  (g + 1,) int64  where the labels of each begin
    codes   (k,) int32      labels, rising within an item
    counts  (k,) int64      how often
    """

    times: np.ndarray
    starts: np.ndarray
    codes: np.ndarray
    counts: np.ndarray

    @property
    def given(self) -> np.ndarray:
        """(g,) int64: labels of each item."""
        return np.add.reduceat(self.counts, self.starts[:-1]) if self.codes.size else np.zeros(0, np.int64)

    def dense(self, labels: int) -> np.ndarray:
        """(g, labels) float64: how often each label was given."""
        table = np.zeros((self.starts.size - 1, labels))
        table[np.repeat(np.arange(self.starts.size - 1), np.diff(self.starts)), self.codes] = self.counts
        return table

    def take(self, items: np.ndarray) -> Counted:
        """The items at the positions `items`, in that order."""
        sizes = np.diff(self.starts)[items]
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        at = np.arange(starts[-1]) + np.repeat(self.starts[items] - starts[:-1], sizes)
        return Counted(self.times[items], starts, self.codes[at], self.counts[at])


class Labels:
    """Who said what of which item.

    scale   the labels there may be, in their order: as given, else those found, sorted
    points  (c,) float64  where they lie: their own values where all are numbers, else 0, 1, 2, …
    twice   labels of an item that its rater had labelled before
    """

    def __init__(self, rows: pl.DataFrame, scale: Sequence[str | float] | None = None) -> None:
        """`rows` has columns item, rater, label; a null or nan label is a missing one.

        Raises InputError where a label is not on `scale`, or `scale` has one twice.
        """
        rows = rows.select("item", "rater", "label")
        if rows["label"].dtype.is_float():
            rows = rows.with_columns(pl.col("label").fill_nan(None))
        rows = rows.drop_nulls()
        numbers = rows["label"].dtype.is_numeric() or rows["label"].dtype == pl.Boolean
        found = rows["label"].unique().sort()
        self.scale: list[str | float] = list(scale) if scale is not None else found.to_list()
        if len(set(self.scale)) < len(self.scale):
            raise InputError(f"the scale {self.scale} has a label twice; each stands on it once")
        known = pl.Series(self.scale, dtype=pl.Float64 if numbers else pl.String, strict=False)
        label = rows["label"].cast(known.dtype)
        foreign = found.filter(~found.cast(known.dtype).is_in(known.to_list()))
        if foreign.len():
            raise InputError(f"label {foreign[0]!r} is not on the scale {self.scale}; give a scale that has it")
        self.points = np.sort(known.to_numpy()) if numbers else np.arange(len(self.scale), dtype=np.float64)
        if numbers:
            self.scale = [float(v) for v in self.points]
            self.code = np.searchsorted(self.points, label.to_numpy()).astype(np.int32)
        else:
            places = dict(zip(self.scale, range(len(self.scale)), strict=True))
            encoded = label.to_arrow().dictionary_encode()
            place = np.array([places[name] for name in encoded.dictionary.to_pylist()], np.int32)
            self.code = place[encoded.indices.to_numpy(zero_copy_only=False)]
        self.item, self.items = _coded(rows["item"])
        self.rater, self.raters = _coded(rows["rater"])
        self.twice = rows.height - rows.select(pl.struct("item", "rater").n_unique()).item()

    @cached_property
    def counted(self) -> Counted:
        """Labels of each item, items that were labelled alike merged."""
        from tamis.kernels.coincide import by_item

        starts = np.zeros(len(self.items) + 1, np.int64)
        codes, counts = np.empty_like(self.code), np.empty(self.code.size, np.int64)
        used = by_item(self.item, self.code, starts, codes, counts)
        codes, counts = codes[:used], counts[:used]
        return _merged(starts, codes, counts)

    @cached_property
    def side_by_side(self) -> tuple[np.ndarray, np.ndarray]:
        """Codes of the first and the second rater, for the items that both labelled; for two raters."""
        own = np.full((2, len(self.items)), -1, np.int32)
        own[self.rater, self.item] = self.code
        both = (own >= 0).all(axis=0)
        return own[0, both], own[1, both]


def _coded(names: pl.Series) -> tuple[np.ndarray, list[str]]:
    """(n,) int64 position of every name among the sorted names, and those."""
    encoded = names.to_arrow().dictionary_encode()
    found = pl.Series(encoded.dictionary)
    order = found.arg_sort().to_numpy()
    place = np.empty(order.size, np.int64)
    place[order] = np.arange(order.size)
    return place[encoded.indices.to_numpy(zero_copy_only=False)], found.gather(order).cast(pl.String).to_list()


def _merged(starts: np.ndarray, codes: np.ndarray, counts: np.ndarray) -> Counted:
    from tamis.kernels.coincide import all_alike, patterns

    size = starts.size - 1
    number = np.empty(size, np.uint64)
    patterns(starts, codes, counts, number)
    _, first, group, times = np.unique(number, return_index=True, return_inverse=True, return_counts=True)
    each = Counted(np.ones(size, np.int64), starts, codes, counts)
    if first.size > MANY or not all_alike(starts, codes, counts, first[group]):  # two patterns of one number
        return each
    return each.take(first)._replace(times=times)  # in the order of the numbers: that of the rows changes nothing
