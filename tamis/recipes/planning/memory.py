"""Memory at its largest: of each phase what its tasks hold at once.

A pass holds as much for the whole as for a sample that has a full task for every worker. A round of an exchange holds more: its
tasks are fuller, up to their share of memory, and more of them go on at once; so do those that write. What they hold is what the
phase rises by, above the most that was held since the last pass: what is free again is used again before there is more. What the
tiny sample rises by there, too, is code and models, of which more data need no more.
"""

from __future__ import annotations

from collections.abc import Mapping

from tamis.recipes.planning.sizes import Likeness, Sizes, groups_of
from tamis.recipes.planning.trial import Trial

RECORD_BYTES = 32
"""Memory that a record takes, whatever the budget: its place, its fate, who it is like (measured: 11 to 35)."""

PASSES = ("start", "reading", "sieving")


def held(
    trials: list[Trial], alike: Likeness, tasks: Mapping[str, float], rows: float, sizes: Sizes
) -> dict[str, float]:
    """Bytes of the whole, of `rows` records. trials  the tiny one first, the largest last"""
    large = trials[-1]
    more = RECORD_BYTES * max(0.0, rows - large.facts["rows"]["in"])
    grown = growth(trials[0], large, alike, tasks, sizes)
    peak = max((large.held[name] + more for name, more in grown.items()), default=0.0)
    peak = max(peak, *(t.facts["varies"].get("held_bytes", 0) for t in trials))
    base = min((value for value in trials[0].held.values() if value), default=0)
    value = base + (peak - base) * sizes.workers / sizes.tried + more
    return {"estimate": value, "least": value * 0.8, "most": value * 1.2 + more}


def growth(tiny: Trial, large: Trial, alike: Likeness, tasks: Mapping[str, float], sizes: Sizes) -> dict[str, float]:
    """Bytes that each phase of the largest trial holds more of for the whole."""
    here = {name: int(group["tasks"]) for name, group in groups_of(large).items()}
    fixed, found = rises(tiny), dict.fromkeys(large.held, 0.0)
    for name, rise in rises(large).items():
        own = max(0, rise - fixed.get(name, 0))
        of = alike.of_phase(name)
        if of:
            group = f"step{of[0]}-{of[1]}"
            few, many = here.get(group, 1), tasks.get(group, 1)
            each = alike.times(*of, large.share) * few / many
            at_once = min(own * each / min(sizes.tried, few), sizes.share) * min(sizes.tried, many)
        elif name == "writing":
            at_once = own * min(sizes.tried, tasks["out-data"]) / min(sizes.tried, here["out-data"])
        else:
            continue
        found[name] = max(0.0, at_once - own)
    return found


def rises(trial: Trial) -> dict[str, int]:
    """By phase, bytes above the most that was held since the last pass; of a pass, above what was held before it."""
    found, top = {}, 0
    for name, value in trial.held.items():
        found[name] = max(0, value - top)
        top = value if name.startswith(PASSES) else max(top, value)
    return found
