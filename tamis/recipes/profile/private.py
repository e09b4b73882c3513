"""Private data in the sample: how much there is of each entity, and the texts without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tamis.curate.pii import ENTITIES, Pii
from tamis.curate.pii.operators import Operators
from tamis.curate.pii.scrub import scrub
from tamis.engine.drive import Progress
from tamis.errors import ExtraMissing
from tamis.kernels.words import words
from tamis.recipes.profile.intervals import density, share
from tamis.report.profile.facts import Entity, Missing, Private

CHUNK = 500
"""Texts that are searched at a time."""

MILLION = 1e6

Clean = Callable[[pa.StringArray], pa.StringArray]
"""Takes private data out of texts: of n, without nulls, to n."""


class Searched(NamedTuple):
    """What was found, the texts with tags in its place, and what takes private data out of other texts."""

    found: Private
    texts: pa.StringArray
    clean: Clean


def search(texts: pa.StringArray, of: int, on_progress: Callable[[Progress], None] | None) -> Searched | Missing:
    """Search `texts`, drawn from `of`. Missing where the extra is."""
    pii, tags = Pii(), Operators()
    try:
        pii.stands_on  # noqa: B018  asks whether it is installed
    except ExtraMissing as absent:
        return Missing("private data", str(absent))
    n, found = len(texts), {entity: np.zeros(len(texts)) for entity in ENTITIES}
    edited, failed = [pa.array([], pa.string())], set[int]()
    for at in range(0, n, CHUNK):
        done = scrub(texts.slice(at, CHUNK), pii.find, tags.replace)
        edited.append(done.strings)
        failed |= {at + row for row, _ in done.failures}
        for row, spans in done.spans.items():
            for span in spans:
                found.setdefault(span.entity, np.zeros(n))[at + row] += 1
        if on_progress:
            on_progress(Progress("private data", min(n, at + CHUNK), n, 0))
    size = np.diff(words(texts).rows).astype(np.float64) if n else np.zeros(0)
    entities = tuple(
        Entity(name, int(each.sum()), density(each, size, MILLION, of), share(int((each > 0).sum()), n, of))
        for name, each in found.items()
    )
    with_any = int(np.any([each > 0 for each in found.values()], axis=0).sum())
    told = Private(
        tuple(sorted(entities, key=lambda e: (-e.findings, e.name))),
        share(with_any, n, of),
        int(size.sum()),
        len(failed),
    )
    return Searched(told, pa.concat_arrays(edited), lambda others: scrub(others, pii.find, tags.replace).strings)
