"""CPU seconds: of each phase what it costs whatever the size, and what it costs for more.

What is fixed: imports, a process pool, models and indexes that are loaded, caches that fill. A pass of many tasks tells it by
itself: the first task of each worker pays, those after it do not. Of other phases a tiny sample tells. What grows, grows with the
bytes; rounds on what is alike with that (sizes.py). The sets of n-grams of records that are alike are made by reading all again
and doing for these records what sketching did for all.
"""

from __future__ import annotations

from collections.abc import Sequence

from tamis.recipes.planning.sizes import Likeness
from tamis.recipes.planning.trial import START, Trial

NOISE = 0.2
"""Share by which CPU seconds of one machine differ from run to run while it does other things, too."""

TASKS = 2
"""Tasks for each worker from which a pass tells by itself what is fixed."""


def cpu(tiny: Trial, large: Trial, alike: Likeness, tried: int) -> dict[str, float]:
    """CPU seconds of the whole. tried  workers of the trials"""
    if large.share == 1:
        return {"estimate": large.cpu, "least": large.cpu * (1 - NOISE), "most": large.cpu * (1 + NOISE)}
    total = {"estimate": 0.0, "least": 0.0, "most": 0.0}
    pass_grows = 0.0
    plain = 1 / large.share
    for name, took in large.phases.items():
        start = took if name == START else 0.0
        fixed, grows = split(tiny.phases.get(name, 0.0), took, tiny.share / large.share, start)
        of = alike.of_phase(name)
        done = large.steps.get(name, [])
        # What is written last is of other kinds than the data: its tasks are no measure of each other. Nor are those of a sample
        # of many small files, which has no more tasks than the tiny one: of them, most is what each costs whatever its size.
        alone = of is None and name != "writing" and len(done) >= 2 * len(tiny.steps.get(name, []))
        if alone and (marginal := by_itself(done, took, tried)) is not None:
            fixed, grows = took - marginal, marginal
        if name.startswith(("reading", "sieving")):
            pass_grows = grows
        least, most = (grows * plain, grows * plain)
        if of is None:
            value = grows * plain
        elif of[1] == "sets":
            value = most = (grows + pass_grows * alike.more(of[0], large)) * plain
        else:
            value = grows * alike.times(*of, large.share)
            least, most = min(least, value), max(most, value)
        total["estimate"] += fixed + value
        total["least"] += fixed + least
        total["most"] += fixed + most
    return {"estimate": total["estimate"], "least": total["least"] * (1 - NOISE), "most": total["most"] * (1 + NOISE)}


def split(small: float, large: float, share: float, start: float = 0.0) -> tuple[float, float]:
    """Of `large`, what is fixed and what grows, where `share` of the latter and what is fixed took `small`. Neither below 0.

    start  what of `large` went by before anything was read: fixed, where the small sample is the large one and tells nothing
    """
    if share >= 1:
        return start, large - start
    grows = min(large, max(0.0, (large - small) / (1 - share)))
    return large - grows, grows


def by_itself(spent: Sequence[float], took: float, workers: int) -> float | None:
    """CPU seconds of a phase that grow, told by its tasks after the first of each worker; None: it has too few.

    spent  CPU seconds so far when each task was done
    """
    if len(spent) < TASKS * workers:
        return None
    first = spent[workers - 1]
    # Workers that were done before that one have begun a second task: all spend alike.
    begun = sum(first - before for before in spent[: workers - 1]) / workers
    grows = (took - first + begun) * len(spent) / (len(spent) - workers)
    return min(took, max(0.0, grows))
