"""How many tasks each group of work has for the whole.

A pass has one for each fragment. Data that are kept go to files of a size (data/cuts.py), one a task. A round of an exchange has
one for each range of keys or stretch of pairs that fits in a share of memory; a sample that fits in one share tells nothing of how
many the whole needs. So one trial is cut as the whole would be: with a share that is as much smaller as the sample is.
"""

from __future__ import annotations

from tamis.data.cuts import LEAST, TARGET
from tamis.recipes.planning.sizes import Likeness, groups_of
from tamis.recipes.planning.trial import Trial

MOST_CUTS = 64
"""Times that a share is made smaller for a trial, at most: each task costs some milliseconds."""


def cuts(share: float) -> int:
    """Times by which the share of memory is smaller in a trial of `share` of the input."""
    return max(1, min(MOST_CUTS, round(1 / share)))


def tasks(cut: Trial | None, large: Trial, alike: Likeness, fragments: int, kept: float) -> dict[str, float]:
    """Tasks of each group for the whole, of which `kept` bytes stay.

    cut  the trial whose exchanges were cut as those of the whole; None: the whole was tried
    """
    here = {name: int(group["tasks"]) for name, group in groups_of(large).items()}
    if cut is None:
        return dict(here)
    there = {name: int(group["tasks"]) for name, group in groups_of(cut).items()}
    found = {name: _of(name, cut, there, here, alike, fragments) for name in {**there, **here}}
    return {**found, "out-data": max(1, kept / (TARGET + LEAST))}


def _of(name: str, cut: Trial, there: dict[str, int], here: dict[str, int], alike: Likeness, fragments: int) -> float:
    few, more = there.get(name, 0), here.get(name, 0)
    # Where the sample is one fragment, one task tells nothing of whether there is one for each.
    if name.isdigit() or (few == there["0"] and more == here["0"] > 1):
        return fragments
    if name.startswith("out-") or few <= 1:
        return max(few, more)
    step, _, part = name.removeprefix("step").partition("-")
    times = alike.times(int(step), part, cut.share) if step.isdigit() else 1 / cut.share
    return 1 + (few - 1) * times / cuts(cut.share)
