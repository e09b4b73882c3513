"""What a stage says of how it went (`facts` of a step in run.json), in words."""

from __future__ import annotations

from typing import Any

from tamis.report.wording import clip, count, figure

MOST = 12
"""Entries of a list or mapping that are told."""

MEANS = {
    "bands": "hash tables in which two records may meet",
    "rows_per_band": "MinHash values that must all be the same for that",
    "recall_at_threshold": "chance at which a pair just at the threshold is looked at; more alike ones have a higher",
    "pairs_verified": "candidates, whose n-grams were compared one by one",
    "pairs_alike": "of these, at the threshold or above",
    "records_with_the_same_words": "in the same order as an earlier record, so that nothing had to be looked for",
    "skewed_buckets": "places where so many records met that each was compared with the likeliest only",
    "pairs_left_out": "pairs in those places that were not looked at",
    "groups": "sets of records that are alike, directly or through others; one of each stays",
    "largest_group": "records in the largest of them",
    "languages": "records in each that came into the stage",
    "found": "findings of each entity in all the records that came into the stage",
    "records_with_findings": "records in which there was any",
    "structured": "how judgements were asked for: by a JSON schema, or in words",
    "generations": "rows that passed, their length and how much they repeat each other; generation 0 are the seeds",
    "kept_by_language": "of these, records that the whole run kept",
}
"""What a fact means, by its name. A stage of one's own is told without."""


def in_words(name: str) -> str:
    """A name as words: `pairs_left_out` is "pairs left out"."""
    return clip(name.replace("_", " "))


def meaning(name: str) -> str:
    """What a fact means; "" where that is not known."""
    return MEANS.get(name, "")


def fact(value: Any) -> str:
    """A value of JSON as one reads it."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "—"}[value]
    if isinstance(value, int):
        return count(value)
    if isinstance(value, float):
        return figure(value)
    if isinstance(value, dict):
        return _few([f"{in_words(str(name))} {fact(inner)}" for name, inner in value.items()])
    if isinstance(value, list):
        return _few([fact(inner) for inner in value])
    return clip(str(value), 300)


def _few(parts: list[str]) -> str:
    more = f", and {len(parts) - MOST:,} more" if len(parts) > MOST else ""
    return ", ".join(parts[:MOST]) + more
