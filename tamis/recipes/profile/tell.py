"""From data to a profile: the walk, then all that is told of it."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa

from tamis.curate.semantic.place import place_of
from tamis.errors import UsageError
from tamis.recipes.profile.about import About, about
from tamis.recipes.profile.alike import alike
from tamis.recipes.profile.counted import counts, fields, languages, length, licences, profane, quality
from tamis.recipes.profile.odd import excerpt, oddest
from tamis.recipes.profile.private import Clean, Searched, search
from tamis.recipes.profile.sampled import drawn
from tamis.recipes.profile.to_read import to_read
from tamis.recipes.profile.walk import NEAR_BYTES, OnProgress, Walk, walk
from tamis.report.aside import first_rows
from tamis.report.facts import Aside, AsideRow
from tamis.report.measures import measured
from tamis.report.profile.facts import DAMAGED, Count, Missing, Profile
from tamis.report.wording import plural

SAMPLE = 5_000
"""Records whose texts are looked at closely: a share of them is known to 1.4 points or less."""


def profile(
    input: Any,
    scratch: Path | None = None,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
    *,
    sample: int = SAMPLE,
    model: str | None = None,
    raw: bool = False,
    near_bytes: int = NEAR_BYTES,
) -> Profile:
    """Look at `input` (what `tamis.run` takes); nothing in it is changed, and nothing is downloaded.

    scratch     folder for what is needed on the way; None: a temporary one
    sample      records whose texts are searched for private data, clustered and shown
    model       an embedding model on this machine to find topics by; None: the words of the texts
    raw         show texts as they are; else what `pii` finds in them is replaced by tags, where that extra is installed
    near_bytes  bytes of input from which on near-duplicates are looked for in a sample

    Raises what `run` raises.
    """
    if sample < 1:
        raise UsageError(f"a sample of {sample} records is none; name a number above 0")
    if model is not None:
        place_of(model, Path(), "profile")  # a model that is not there is told before the walk, not after it
    with tempfile.TemporaryDirectory(prefix="tamis-", dir=scratch) as folder:
        return _told(
            walk(input, Path(folder), sample, workers, near_bytes, on_progress), sample, model, raw, on_progress
        )


def _told(walked: Walk, sample: int, model: str | None, raw: bool, on_progress: OnProgress | None) -> Profile:
    facts = walked.run.facts
    rows_in, aside = facts["rows"]["in"], facts["steps"][0]["rows"]["quarantined"]
    readable, duplicates = rows_in - aside, walked.dropped("exact")
    missing = list(walked.missing)
    sampled = drawn(walked, sample, readable)
    searched = search(sampled.texts, readable, on_progress)
    if isinstance(searched, Missing):
        missing.append(searched)
    texts, clean = sampled.texts, lambda strings: strings
    if isinstance(searched, Searched) and not raw:
        texts, clean = searched.texts, searched.clean
        sampled = sampled.named(clean)
    topics = about(sampled, texts, model)
    if isinstance(topics, Missing):
        missing.append(topics)
    found = topics if isinstance(topics, About) else None
    told = quality(walked)
    long = length(walked)
    unreadable = [r for r in facts["steps"][0]["reasons"] if r["fate"] == "quarantined"]
    sources = Counter({s["source"]: s["in"] for s in facts["sources"]})
    return Profile(
        tamis=version("tamis"),
        name=facts["inputs"][0]["file"] if len(facts["inputs"]) == 1 else plural(len(facts["inputs"]), "file"),
        kind=facts["kind"],
        shapes=facts["shapes"],
        files=len(facts["inputs"]),
        bytes=sum(f["bytes"] for f in facts["inputs"]),
        rows={"in": rows_in, "readable": readable, "unreadable": aside, "duplicates": duplicates},
        unreadable=tuple(Count(r["rule"], r["rows"], r["rows"] / rows_in) for r in unreadable),
        aside=_aside(walked, unreadable, aside, clean),
        lengths=long.quantiles if long else None,
        length=long,
        fields=fields(walked, _fields(walked)),
        sources=_named(counts(sources, rows_in), clean),
        licences=licences(walked, readable),
        languages=languages(walked),
        near=alike(walked),
        measured=told.measured,
        passes=told.passes,
        families=told.families,
        measures=measured(walked.run).measures[walked.step_of["look"]],
        profanity=profane(walked),
        sample=sampled.facts(),
        private=searched.found if isinstance(searched, Searched) else None,
        topics=topics.topics if isinstance(topics, About) else None,
        oddest=oddest(walked, sampled, texts, found, clean),
        to_read=to_read(sampled, texts, found),
        scrubbed=isinstance(searched, Searched) and not raw,
        missing=tuple(missing),
        warnings=(
            *(f"{DAMAGED}{why}" for why in facts["damage"]),
            *_warnings(facts),
        ),
    )


def _warnings(facts: dict[str, Any]) -> list[str]:
    # The folder of the run is gone when they are read.
    return [warning.partition("; quarantine/ has file, line")[0] for warning in facts["warnings"]]


def _fields(walked: Walk) -> tuple[str, ...]:
    names: tuple[str, ...] = tuple(walked.run.steps[walked.step_of["look"]]["params"]["fields"])
    return names


def _aside(walked: Walk, unreadable: list[dict[str, Any]], whole: int, clean: Clean) -> tuple[Aside, ...]:
    """The first lines that could not be read, by reason, as they may be shown."""
    first = first_rows(walked.run)
    return tuple(
        Aside(
            0,
            "read@1",
            r["rule"],
            f"aside-{k}",
            r["rows"],
            r["rows"] / max(1, whole),
            tuple(_line(row, clean) for row in first.get((0, r["rule"]), ())),
        )
        for k, r in enumerate(unreadable)
    )


def _line(row: AsideRow, clean: Clean) -> AsideRow:
    content = None if row.content is None else _clean(row.content, clean)
    return AsideRow(row.where, _clean(row.message, clean), content)


def _clean(text: str, clean: Clean) -> str:
    # A line may hold bytes that are no text; they were named already.
    shown: str = excerpt(clean(pa.array([text.encode("utf-8", "backslashreplace").decode()])))[0].as_py()
    return shown


def _named(found: tuple[Count, ...], clean: Clean) -> tuple[Count, ...]:
    """Counts by names as they may be shown."""
    names = clean(pa.array([c.name for c in found], pa.string())).to_pylist()
    return tuple(replace(c, name=name) for c, name in zip(found, names, strict=True))
