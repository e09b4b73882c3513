"""Bytes of intermediate files and of the output."""

from __future__ import annotations

from tamis.recipes.planning.growth import MOST
from tamis.recipes.planning.sizes import ALIKE, PAIRS, Likeness, groups_of
from tamis.recipes.planning.trial import Trial


def work(large: Trial, alike: Likeness, what: str) -> dict[str, float]:
    """Bytes of intermediate files: those of rounds on what is alike grow with it, all others with the input.

    what  "bytes": of all; "exchanged": of those that meet others. The least is as much alike as in the sample, the most pairs alone
    """
    value = least = most = large.facts["varies"]["work"][what] / large.share
    for name, group in groups_of(large).items():
        step, _, part = name.removeprefix("step").partition("-")
        if step.isdigit() and part in ALIKE | PAIRS:
            more = group["bytes"] * (alike.times(int(step), part, large.share) - 1 / large.share)
            value += more
            most += max(more, group["bytes"] * (1 / max(large.share, 1 / MOST) - 1) / large.share)
    return {"estimate": value, "least": min(value, least) * 0.9, "most": most * 1.1}


def output(large: Trial, kept: float) -> dict[str, float]:
    """Bytes of the run's folder: data by the records that are `kept`, all else (verdicts, fates, scores) by the input."""
    data = sum(int(file["bytes"]) for file in large.facts["files"] if str(file["path"]).startswith("data/"))
    value = data * kept / max(1, large.facts["rows"]["kept"]) + (large.disk - data) / large.share
    return {"estimate": value, "least": value * 0.9, "most": value * 1.1}
