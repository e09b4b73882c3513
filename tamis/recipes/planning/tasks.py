"""How many tasks each group of work has for the whole.

A pass has one for each fragment. A round of an exchange has one for each range of keys or stretch of pairs that fits in a share of
memory; a sample that fits in one share tells nothing of how many the whole needs. So one trial is cut as the whole would be: with a
share that is as much smaller as the sample is.
"""

from __future__ import annotations

from tamis.recipes.planning.sizes import Likeness, groups_of
from tamis.recipes.planning.trial import Trial

MOST_CUTS = 64
"""Times that a share is made smaller for a trial, at most: each task costs some milliseconds."""


def cuts(share: float) -> int:
    """Times by which the share of memory is smaller in a trial of `share` of the input."""
    return max(1, min(MOST_CUTS, round(1 / share)))


def tasks(cut: Trial | None, large: Trial, alike: Likeness, fragments: int) -> dict[str, float]:
    """Tasks of each group for the whole.

    cut  the trial whose exchanges were cut as those of the whole; None: the whole was tried
    """
    here = {name: int(group["tasks"]) for name, group in groups_of(large).items()}
    if cut is None:
        return dict(here)
    there = {name: int(group["tasks"]) for name, group in groups_of(cut).items()}
    return {name: _of(name, cut, large, there, here, alike, fragments) for name in {**there, **here}}


def _of(
    name: str, cut: Trial, large: Trial, there: dict[str, int], here: dict[str, int], alike: Likeness, fragments: int
) -> float:
    few, more = there.get(name, 0), here.get(name, 0)
    if name.isdigit() or (few == there["0"] and more == here["0"]):
        return fragments
    if name == "out-data":
        return max(1, more / large.share)
    if name.startswith("out-") or few <= 1:
        return max(few, more)
    step, _, part = name.removeprefix("step").partition("-")
    times = alike.times(int(step), part, cut.share) if step.isdigit() else 1 / cut.share
    return 1 + (few - 1) * times / cuts(cut.share)
