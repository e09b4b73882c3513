"""A few records to read, from everywhere: of every large source a short, a usual and a long one."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa

from tamis.recipes.profile.about import About
from tamis.recipes.profile.odd import of_sample
from tamis.recipes.profile.sampled import Drawn
from tamis.report.profile.facts import Shown
from tamis.report.wording import count

SOURCES = 8
"""Sources by name; the others together are one more."""

BANDS = ("short", "usual", "long")


def to_read(drawn: Drawn, texts: pa.StringArray, found: About | None) -> tuple[Shown, ...]:
    """One of each source and length, where there is any: the one of the lowest draw. texts: as they may be shown."""
    if not drawn.n:
        return ()
    sources, chars = drawn.strings("source"), drawn.numbers("chars")
    low, high = np.quantile(chars, [1 / 3, 2 / 3], method="nearest")
    says = (f"up to {count(int(low))}", f"up to {count(int(high))}", f"over {count(int(high))}")
    band = np.where(chars <= low, 0, np.where(chars <= high, 1, 2))
    ordered = sorted(Counter(sources).items(), key=lambda item: (-item[1], item[0]))
    named = {name: k for k, (name, _) in enumerate(ordered[:SOURCES])}
    first: dict[tuple[int, int], int] = {}
    for row, source in enumerate(sources):
        first.setdefault((named.get(source, SOURCES), int(band[row])), row)
    return tuple(
        of_sample(drawn, texts, row, (f"{BANDS[which]}: {says[which]} characters",), found)
        for (_, which), row in sorted(first.items())
    )
