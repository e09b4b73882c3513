"""Strings searched as they stand and, where something in them is read as something else, as they are read."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa

from tamis.curate.pii.disguise import GATE, TOUCHING, as_read, is_unspaced, windows
from tamis.curate.pii.scrub import Finds, Span, union


def find_twice(find: Finds, strings: pa.StringArray) -> tuple[list[tuple[int, Span]], list[tuple[int, str]]]:
    """What `find` finds in `strings` either way, in places of the strings as they stand; of what overlaps, the union."""
    found, failed = find(strings)
    spans, failures = list(found), list(failed)
    rows = disguised(strings)
    if not rows:
        return spans, failures
    texts = zip(rows, strings.take(pa.array(rows)).to_pylist(), strict=True)
    cut = [
        (row, start, as_read(text[start:stop], apart))
        for row, text in texts
        for apart in (is_unspaced(text),)
        for start, stop in windows(text, apart)
    ]
    found, failed = find(pa.array([read.text for _, _, read in cut], strings.type))
    news: dict[int, list[Span]] = {}
    for place, span in found:
        row, first, read = cut[place]
        start, stop = read.back(span.start, span.stop)
        # What stands as it is read, with what is beside it, was found there, or is found only because the window ends.
        if not read.is_plain(start - 1, stop + 1):
            news.setdefault(row, []).append(span._replace(start=first + start, stop=first + stop))
    for row, span in spans:
        if row in news:
            news[row].append(span)
    both = [one for one in spans if one[0] not in news] + [(row, s) for row, new in news.items() for s in union(new)]
    return sorted(both, key=lambda one: one[0]), failures + [(cut[place][0], why) for place, why in failed]


def disguised(strings: pa.StringArray) -> list[int]:
    """Places of the strings in which something may be read as something else than it is."""
    text = pl.Series("text", strings)
    passes = pl.any_horizontal(pl.col("text").str.contains(gate) for gate in GATE)
    found = np.flatnonzero(pl.DataFrame({"text": text}).select(passes).to_series().to_numpy())
    beyond = np.flatnonzero(text.str.len_bytes() != text.str.len_chars())
    if len(beyond):
        found = np.union1d(found, beyond[text.gather(beyond).str.contains(TOUCHING).to_numpy()])
    listed: list[int] = found.tolist()
    return listed
