"""The oddest rows, and why: extremes of all records, and of the sample those far from every topic or in rare characters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamis.errors import InputError
from tamis.recipes.profile.about import About
from tamis.recipes.profile.counted import scores
from tamis.recipes.profile.private import Clean
from tamis.recipes.profile.sampled import Drawn
from tamis.recipes.profile.walk import Walk
from tamis.report.profile.facts import Shown
from tamis.report.wording import count, percent
from tamis.runs.again import Again
from tamis.schemas import joined

EACH = 2
"""Records shown for a reason."""

EXCERPT = 600
"""Characters of a text that are shown."""

LEAST, LEAST_WORDS = 20, 50
"""Characters and words under which a share says nothing."""


class Extreme(NamedTuple):
    """A reason for all records: what is compared, nan where it is not, and what to say of the highest."""

    value: Callable[[dict[str, np.ndarray]], np.ndarray]
    says: Callable[[float], str]


EXTREMES = (
    Extreme(lambda c: c["chars"], lambda v: f"longest: {count(int(v))} characters"),
    Extreme(lambda c: -c["chars"], lambda v: f"shortest: {count(int(-v))} character{'s' * (v != -1)}"),
    Extreme(
        lambda c: np.where(c["chars"] >= LEAST, 1 - c["word_chars"] / np.maximum(1, c["chars"]), np.nan),
        lambda v: f"most that is neither letter nor digit: {percent(v)} of its characters",
    ),
    Extreme(
        lambda c: np.where(c["chars"] >= LEAST, c["word_chars"] / np.maximum(1, c["words"]), np.nan),
        lambda v: f"longest words: {v:,.1f} characters on average",
    ),
    Extreme(
        lambda c: np.where(c["words"] >= LEAST_WORDS, c["dup_10gram_chars"] / np.maximum(1, c["word_chars"]), np.nan),
        lambda v: f"says the most again: {percent(v)} of its words stand in ten words that were there before",
    ),
)


def oddest(walk: Walk, drawn: Drawn, texts: pa.StringArray, found: About | None, clean: Clean) -> tuple[Shown, ...]:
    """A handful of records, each with all reasons it is here for. texts: of the sample, as they may be shown."""
    shown = [*_extreme(walk, clean), *_of_the_sample(drawn, texts, found)]
    merged: dict[str, Shown] = {}
    for one in shown:
        first = merged.get(one.record_id)
        merged[one.record_id] = one if first is None else replace(first, why=(*first.why, *one.why))
    return tuple(merged.values())


def _extreme(walk: Walk, clean: Clean) -> Iterator[Shown]:
    """The highest of all records by each of EXTREMES; their texts are read again from the input."""
    best = _highest(walk)
    ids = _ids(walk, sorted({place for of in best for _, place in of}))
    again = Again(walk.run)
    for extreme, of in zip(EXTREMES, best, strict=True):
        for value, place in of:
            try:
                row: Any = again.record(place, ids[place]).row
            except InputError:
                row = None
            yield _shown(row, ids[place], extreme.says(value), clean)


def _highest(walk: Walk) -> list[list[tuple[float, int]]]:
    """For each of EXTREMES the highest values and the places of their records."""
    names, first = ["chars", "words", "word_chars", "dup_10gram_chars"], 0
    best: list[list[tuple[float, int]]] = [[] for _ in EXTREMES]
    for table in scores(walk, "look", names):
        columns = {n: table.column(n).to_numpy().astype(np.float64) for n in names}
        for k, extreme in enumerate(EXTREMES):
            value = extreme.value(columns)
            known = np.flatnonzero(~np.isnan(value))
            top = known[np.argsort(-value[known], kind="stable")[:EACH]]
            best[k] = sorted([*best[k], *zip(value[top].tolist(), (top + first).tolist(), strict=True)], key=_order)[
                :EACH
            ]
        first += table.num_rows
    return [[(value, place) for value, place in of if value != 0] for of in best]


def _order(one: tuple[float, int]) -> tuple[float, int]:
    return -one[0], one[1]


def _ids(walk: Walk, places: list[int]) -> dict[int, bytes]:
    """record_id of the records at `places` of the input."""
    found, first = {}, 0
    for batch in pq.ParquetFile(walk.run.path / "fates.parquet").iter_batches(1 << 20, columns=["record_id"]):
        for place in places:
            if first <= place < first + batch.num_rows:
                found[place] = batch.column(0)[place - first].as_py()
        first += batch.num_rows
    return found


def _shown(row: pa.RecordBatch | None, record_id: bytes, why: str, clean: Clean) -> Shown:
    if row is None:
        return Shown(record_id.hex(), None, "", 0, None, (why,))
    text = joined(row)
    own = None if row.column("id").null_count else clean(row.column("id"))[0].as_py()
    source = clean(row.column("source"))[0].as_py()
    chars = pc.utf8_length(text)[0].as_py()
    return Shown(record_id.hex(), own, source, chars, excerpt(clean(head(text)))[0].as_py(), (why,))


def head(texts: pa.StringArray) -> pa.StringArray:
    """The beginning of each, long enough that nothing private which reaches into what is shown is cut in two."""
    return pc.utf8_slice_codeunits(texts, 0, 4 * EXCERPT)


def excerpt(texts: pa.StringArray) -> pa.StringArray:
    """What is shown of each; … where it goes on."""
    cut = pc.utf8_slice_codeunits(texts, 0, EXCERPT)
    return pc.if_else(pc.greater(pc.utf8_length(texts), EXCERPT), pc.binary_join_element_wise(cut, "…", ""), cut)


def _of_the_sample(drawn: Drawn, texts: pa.StringArray, found: About | None) -> Iterator[Shown]:
    bits, usual = _bits(drawn.texts)
    bits[drawn.numbers("chars") < LEAST] = np.nan
    reasons: list[tuple[np.ndarray, Callable[[float], str]]] = [
        (bits, lambda v: f"rarest characters: {v:.1f} bits each, {usual:.1f} in the sample as a whole")
    ]
    if found is not None:
        far = np.where(drawn.numbers("words") >= LEAST_WORDS, -found.closeness, np.nan)
        reasons.append((far, lambda v: f"far from every topic: cosine {-v:.2f} to the nearest"))
    for value, says in reasons:
        known = np.flatnonzero(~np.isnan(value))
        for row in known[np.argsort(-value[known], kind="stable")[: EACH + 1]].tolist():
            yield of_sample(drawn, texts, row, (says(float(value[row])),), found)


def of_sample(drawn: Drawn, texts: pa.StringArray, row: int, why: tuple[str, ...], found: About | None) -> Shown:
    """A record of the sample."""
    at = drawn.rows.slice(row, 1)
    topic = int(found.topic[row]) + 1 if found is not None and found.topic[row] >= 0 else None
    return Shown(
        at.column("drawn_record_id")[0].as_py().hex(),
        at.column("drawn_id")[0].as_py(),
        at.column("drawn_source")[0].as_py(),
        at.column("chars")[0].as_py(),
        excerpt(texts.slice(row, 1))[0].as_py(),
        why,
        drawn.language[row].as_py(),
        topic,
    )


def _bits(texts: pa.StringArray) -> tuple[np.ndarray, float]:
    """How rare the characters of each text are in all of them: mean of -log2 of their shares, and that of all together."""
    seen = np.zeros(0x110000, np.int64)
    codes = [np.frombuffer(text.encode("utf-32-le"), np.uint32) for text in texts.to_pylist()]
    for code in codes:
        characters, times = np.unique(code, return_counts=True)
        seen[characters] += times
    share = seen / max(1, seen.sum())
    bits = -np.log2(np.maximum(share, 1e-12))
    return np.array([bits[code].mean() if len(code) else np.nan for code in codes]), float(np.sum(share * bits))
