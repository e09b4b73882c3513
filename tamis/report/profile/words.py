"""What a profile says, in words."""

from __future__ import annotations

from collections.abc import Sequence

from tamis.report.profile.facts import Count, Estimate, Profile
from tamis.report.wording import percent, plural, size

SHOWN = 12
"""Rows of a table of counts; the others are one more."""


def lead(profile: Profile) -> str:
    """The dataset in two or three sentences."""
    rows = profile.rows
    if not rows["readable"]:
        return f"{plural(rows['in'], 'line')}, and none of them is a record that can be read."
    parts = [f"{plural(rows['in'], 'record')} in {plural(profile.files, 'file')} ({size(profile.bytes)})."]
    twice = percent(rows["duplicates"] / rows["readable"])
    near = f"{'about ' if profile.near.share.low is not None else ''}{percent(profile.near.share.value)}"
    parts.append(f"{twice} are exact duplicates, and {near} of the rest say almost the same as another.")
    if profile.languages and profile.languages.counts:
        first = profile.languages.counts[0]
        parts.append(f"The main language is {first.name} ({percent(first.share)}).")
    if profile.measured:
        parts.append(f"The quality rules would keep {percent(profile.passes / profile.measured)}.")
    return " ".join(parts)


def top(counts: Sequence[Count], most: int = SHOWN) -> tuple[Count, ...]:
    """The most frequent, then the others as one."""
    if len(counts) <= most + 1:
        return tuple(counts)
    rest = counts[most:]
    others = Count(plural(len(rest), "other"), sum(c.rows for c in rest), sum(c.share for c in rest))
    return (*counts[:most], others)


def share(estimate: Estimate) -> str:
    """A share, to a tenth of a percent."""
    return percent(estimate.value)


def density(estimate: Estimate) -> str:
    """A number in a million, to two digits or as a whole number."""
    return _number(estimate.value)


def interval(estimate: Estimate, per: float = 100.0) -> str:
    """From where to where it lies, 95 times in 100; "" where it was counted. per: 100 for a share, 1 for a density."""
    if estimate.low is None or estimate.high is None:
        return ""
    if per == 100:
        return f"{_percent(estimate.low)}–{_percent(estimate.high)}%"
    return f"{_number(per * estimate.low)}–{_number(per * estimate.high)}"


def accuracy(profile: Profile) -> str:
    """What figures of the sample stand on."""
    sample = profile.sample
    if sample.is_all:
        return f"all {plural(sample.n, 'record')}"
    return f"{sample.n:,} of {plural(sample.of, 'record')}, drawn by their ids"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}" if share >= 0.0005 or not share else f"{100 * share:.1g}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or not value else f"{value:.2g}"
