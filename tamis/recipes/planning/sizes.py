"""What a plan is made for and with: bytes, workers, and how the work of each round grows from a sample to the whole."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from tamis.curate.near.alike import BUCKET
from tamis.recipes.job import Job
from tamis.recipes.planning.growth import Groups
from tamis.recipes.planning.trial import Trial

ALIKE = frozenset(("sets", "arcs", "stars", "components", "placed", "groups", "distances", "resolved"))
PAIRS = frozenset(("verify", "spokes", "hubs"))
"""Rounds whose work grows with the records that are like another, and with the pairs of those."""


class Sizes(NamedTuple):
    """Bytes planned for, workers planned for and tried with, bytes of a task, bytes that a task of an exchange may hold."""

    whole: int
    workers: int
    tried: int
    partition: int
    share: int


class Likeness(NamedTuple):
    """By step, of stages that look for likeness.

    names   of the stages
    groups  that the sample tells of
    pairs   that it looked at
    common  share of its sets of n-grams, 0-1, that is of records which are not alike, but have a passage in common
    """

    names: Mapping[int, str]
    groups: Mapping[int, Groups]
    pairs: Mapping[int, int] = MappingProxyType({})
    common: Mapping[int, float] = MappingProxyType({})

    def times(self, step: int, part: str, share: float) -> float:
        """How many times as much round `part` of `step` has to do for the whole as for a sample of `share`."""
        if step not in self.groups or part not in ALIKE | PAIRS:
            return 1 / share
        found = self.groups[step]
        records: float = found.alike(1) / found.alike(share)
        if part == "sets":
            common = self.common.get(step, 0.0)
            return common / share + (1 - common) * records
        if part in ALIKE:
            return records
        own = found.pairs(share)
        # Pairs that were looked at beyond those of groups have passages in common, of which a record meets so many at most.
        others = max(0.0, self.pairs.get(step, 0) - own)
        return min((found.pairs(1) + others / share) / (own + others), records * BUCKET)

    def more(self, step: int, large: Trial) -> float:
        """Share of the records that is alike in the whole and was not in the sample, 0-1."""
        if step not in self.groups:
            return 0.0
        found, rows = self.groups[step], max(1, int(large.facts["rows"]["in"]))
        return max(0.0, min(1.0, (found.alike(1) * large.share - found.alike(large.share)) / rows))

    def of_phase(self, phase: str) -> tuple[int, str] | None:
        """Step and round of a phase, as "near: verify"; None: it is a pass over the rows, or what is done once."""
        name, _, part = phase.partition(": ")
        step = next((step for step, known in self.names.items() if known == name), None)
        return None if step is None or not part else (step, part)


def fragments(job: Job, sizes: Sizes, unpacked: int) -> int:
    """Tasks of a pass over the whole. `unpacked`: bytes of the input that is there, of which it may be a multiple."""
    if any(file.compression for file in job.files):
        return max(len(job.fragments), math.ceil(sizes.whole / sizes.partition))
    # Files that are less than a task, all together, say nothing of how large those of more data are.
    return max(1, math.ceil(len(job.fragments) * sizes.whole / max(unpacked, min(sizes.whole, sizes.partition))))


def common(found: Groups, half: Trial, large: Trial, group: str) -> float:
    """Share of the bytes of `group` in `large` that grows with the input, where the rest grows as what is alike.

    The two trials tell: from one to the other, these grow differently.
    """
    few, many = (int(groups_of(trial).get(group, {"bytes": 0})["bytes"]) for trial in (half, large))
    alike = found.alike(large.share) / found.alike(half.share)
    plain = large.share / half.share
    if not few or not many or alike <= plain:
        return 0.0
    return min(1.0, max(0.0, (few * alike - many) / (alike - plain) * plain / many))


def groups_of(trial: Trial) -> dict[str, dict[str, Any]]:
    """Tasks and bytes of each group of intermediate files."""
    found: dict[str, dict[str, Any]] = trial.facts["varies"]["work"]["groups"]
    return found
