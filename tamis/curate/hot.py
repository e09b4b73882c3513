"""Keys that more records share than one task can hold: looked for ahead, and resolved a window of the input at a time.

No range of keys is smaller than one key. Where a range has far more entries than its share, each window of the input first
says which record of each key is its best; then those that lose are told window by window. So a text that is there ten million
times is one row a window on its way, and no task holds more of its copies than those of a window.

    spread  how many entries of each range every fragment has
    best    of each key in a range, the best record of a window
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tamis.desk import Desk, KeyRange
from tamis.schemas.ids import sort_keys

HOT = 2
"""Times its share that a range of keys may take before it is cut."""


class Cut(NamedTuple):
    """A range of keys in the fragments from `first` up to, but not including, `end`; tables of the round `best` for the range."""

    keys: KeyRange
    first: int
    end: int
    best: tuple[int, ...]


def cut(desk: Desk, ranges: Sequence[KeyRange], entry_bytes: int) -> list[KeyRange | Cut]:
    """`ranges`, those that are too full cut into windows: the rounds `spread` and `best`, where they are needed."""
    fragments = len(desk.bases) - 1
    if fragments == 1 or int(desk.bases[-1]) * entry_bytes <= HOT * desk.share:
        return list(ranges)
    desk.run("spread", [tuple(ranges)] * fragments)
    counts = np.stack([desk.table("spread", k).column("entries").to_numpy() for k in range(fragments)])
    most, windows, items = desk.share // entry_bytes, list[Cut](), list[KeyRange | Cut]()
    for k, keys in enumerate(ranges):
        if counts[:, k].sum() <= HOT * most:
            items.append(keys)
            continue
        cuts = _windows(counts[:, k], most)
        best = tuple(range(len(windows), len(windows) + len(cuts)))
        windows += [Cut(keys, first, end, best) for first, end in cuts]
        items += windows[best[0] :]
    if windows:
        desk.run("best", windows)
    return items


def entries_of(ranges: Sequence[KeyRange], sketch: pa.Table) -> pa.Table:
    """`entries`: rows of `sketch`, which is sorted by `key`, in each of `ranges`, which follow one another."""
    lows = np.array([keys.low for keys in ranges], np.uint64)
    at = np.searchsorted(sort_keys(sketch.column("key")), lows)
    return pa.table({"entries": np.diff(np.append(at, sketch.num_rows))})


def _windows(entries: np.ndarray, most: int) -> list[tuple[int, int]]:
    """Fragments that follow one another, (first, end), with about `most` of `entries` (fragments,) in each window."""
    window = np.cumsum(entries) // max(1, most)
    firsts = [0, *(np.flatnonzero(np.diff(window)) + 1).tolist()]
    return list(zip(firsts, [*firsts[1:], len(entries)], strict=True))
