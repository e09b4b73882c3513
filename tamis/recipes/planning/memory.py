"""Memory at its largest: of each phase what its tasks hold at once.

A pass holds as much for the whole as for a sample that has a full task for every worker. A round of an exchange holds more: its
tasks are fuller, up to their share of memory, and more of them go on at once; so do those that write. What a phase holds is told
above what is held between the tasks, which is the least since the last pass over the rows.
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
    peak = max((held + grows for _, held, grows in _phases(large, alike, tasks, sizes)), default=0.0)
    peak = max(peak, *(t.facts["varies"].get("held_bytes", 0) for t in trials))
    base = min((value for value in trials[0].held.values() if value), default=0)
    value = base + (peak - base) * sizes.workers / sizes.tried + more
    return {"estimate": value, "least": value * 0.8, "most": value * 1.2 + more}


def _phases(large: Trial, alike: Likeness, tasks: Mapping[str, float], sizes: Sizes) -> list[tuple[str, float, float]]:
    """Each phase of the largest trial: what it held, and how much more it holds for the whole."""
    found = []
    floor = before = 0
    here = {name: int(group["tasks"]) for name, group in groups_of(large).items()}
    for name, value in large.held.items():
        floor = value if name.startswith(PASSES) else min(floor, value)
        own, grown = value - floor, 0.0
        of = alike.of_phase(name)
        if of and value > before:  # else it shows what the phase before it has not given back yet
            group = f"step{of[0]}-{of[1]}"
            few, many = here.get(group, 1), tasks.get(group, 1)
            each = alike.times(*of, large.share) * few / many
            grown = min(own * each / min(sizes.tried, few), sizes.share) * min(sizes.tried, many)
        elif name == "writing":
            grown = own * min(sizes.tried, tasks["out-data"]) / min(sizes.tried, here["out-data"])
        found.append((name, float(value), max(0.0, grown - own)))
        before = value
    return found
