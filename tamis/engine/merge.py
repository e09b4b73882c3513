"""The level between the fragments and the ranges of an exchange, where there are many of both.

Each range of keys is read from every fragment. Beyond MOST_READS such pieces, bundles of fragments are merged first, each in
a few spans of keys, and a range is read from the merged files: with F fragments and P ranges about 2 F √P pieces in place of
F P. What a range holds, and in which order, is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.desk import KeyRange, equal_ranges
from tamis.engine.exchange import in_order, placed
from tamis.engine.work import Work

MOST_READS = 1 << 17
"""Pieces of files that an exchange reads at one level: each costs 0.2 ms, as merging 10,000 records does."""

PART = "merged"


class Merged(NamedTuple):
    """What was merged: tables of `group`, by bundle and then by span; there are `spans`, a power of two, of each bundle."""

    group: str
    bundles: int
    spans: int

    def tables(self, work: Work, keys: KeyRange) -> Iterator[pa.Table]:
        """Entries of a key range, one table for each bundle, with their ordinals."""
        span = keys.low * self.spans >> 64
        return (work.between(self.group, k * self.spans + span, PART, *keys) for k in range(self.bundles))


class MergeTask(NamedTuple):
    """One span of keys of a bundle of fragments: `places` (group and number of a task) and `bases`, their first ordinals."""

    work: Work
    group: str
    number: int
    part: str
    places: tuple[tuple[object, int], ...]
    bases: np.ndarray
    keys: KeyRange

    @property
    def processes(self) -> bool:
        """Threads will do."""
        return False


def run_merge(task: MergeTask) -> dict[str, Any]:
    """Merge one span of a bundle, unless that is done; return the completion record."""
    if (done := task.work.done(task.group, task.number)) is not None:
        return done
    tables = (task.work.between(group, number, task.part, *task.keys) for group, number in task.places)
    merged = in_order(placed(tables, task.bases), "key")
    return task.work.finish_tables(task.group, task.number, {PART: merged}, {})


def wanted(fragments: int, ranges: int) -> bool:
    """Whether an exchange of so many fragments and ranges needs a level between."""
    return ranges > 1 and fragments * ranges > MOST_READS


def merging(
    work: Work, group: str, part: str, places: Sequence[tuple[object, int]], bases: np.ndarray, ranges: int
) -> tuple[Merged, list[MergeTask]]:
    """The tasks that merge `part` for an exchange of so many ranges, a power of two, and what they leave.

    As many fragments are in a bundle as there are spans, so that a task holds about as much as one fragment has.
    """
    spans = 1 << (ranges.bit_length() // 2)
    starts = range(0, len(places), spans)
    keys = equal_ranges(spans)
    tasks = [
        MergeTask(
            work, group, b * spans + s, part, tuple(places[start : start + spans]), bases[start : start + spans], span
        )
        for b, start in enumerate(starts)
        for s, span in enumerate(keys)
    ]
    return Merged(group, len(starts), spans), tasks
