"""topics: what a corpus is about, as clusters of its embeddings with the words that set each apart.

    topics@1: {model: models/potion-base-8M}             twenty topics, their number in the column `topic`
    topics@1: {model: models/potion-base-8M, topics: 50}

Centres are found on an even sample of the records; every record then goes to the nearest. Topic 0 is the largest of the
sample. The terms of a topic are words that its records have and others have not; run.json has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from tamis.curate.learned import centres
from tamis.curate.semantic.embedded import Embedded, as_column, ordinals_of, places_in, rows_of, take
from tamis.curate.semantic.encoder import matrix
from tamis.curate.semantic.terms import COUNTED, counted, named
from tamis.desk import Desk, Tables
from tamis.errors import UsageError
from tamis.kernels.vectors import LENGTH, lengths, rounded
from tamis.schemas import joined
from tamis.schemas._field import field

READ = 200
"""Records of a topic whose words are counted, at most."""

BATCH = 8192
"""Vectors compared with the centres at a time."""


@dataclass(frozen=True)
class Topics(Embedded):
    """Write the topic of every record to the column `topic`.

    topics  how many; there are no more than different records in the sample
    terms   words that each is known by
    sample  records that the centres are found on
    seed    another seed, other centres
    """

    topics: int = 20
    terms: int = 8
    sample: int = 50_000
    seed: int = 0

    name: ClassVar[str] = "topics"
    writes: ClassVar[pa.Schema] = pa.schema(
        [field("topic", pa.int32(), "Number of its topic; null: it has no vector.")]
    )
    measured_by: ClassVar[frozenset[str]] = frozenset(("model", "on", "topics", "terms", "sample", "seed"))

    def __post_init__(self) -> None:
        super().__post_init__()
        bounds = {"topics": (1, 10_000), "terms": (0, 100), "sample": (1, 2**31), "seed": (0, 2**32 - 1)}
        for name, (low, high) in bounds.items():
            if not low <= getattr(self, name) <= high:
                raise UsageError(f"topics: {name} is {getattr(self, name)!r}; it must be from {low:,} to {high:,}")

    def settle(self, desk: Desk) -> None:
        """The centres; the topic of every record; the words of some of each; the terms."""
        desk.run("fitted", [None])
        fragments = range(len(desk.bases) - 1)
        desk.run("assigned", fragments)
        desk.run("read", fragments)
        desk.run("named", [None])

    def fitted(self, desk: Desk, number: int, item: None) -> Tables:
        """The centres on the grid, the largest cluster of the sample first."""
        ordinals = ordinals_of(desk)
        drawn = ordinals[
            np.unique(np.linspace(0, max(0, len(ordinals) - 1), min(self.sample, len(ordinals))).astype(np.int64))
        ]
        vectors = take(desk, drawn)
        different = np.unique(vectors, axis=0) if len(vectors) <= self.topics else vectors
        if len(different) <= self.topics:
            found = different
        else:
            found = rounded(centres(vectors.astype(np.float32) / np.float32(LENGTH), self.topics, self.seed))
        found = found[found.any(axis=1)] if len(found) else found
        sizes = (
            np.bincount(nearest_centre(vectors, found), minlength=len(found)) if len(found) else np.zeros(0, np.int64)
        )
        return {"fitted": pa.table({"centre": as_column(found[np.argsort(-sizes, kind="stable")])})}

    def assigned(self, desk: Desk, number: int, fragment: int) -> Tables:
        """Of the records of a fragment: `row` and `topic`."""
        rows, middle = rows_of(desk, fragment), matrix(desk.table("fitted", 0).column("centre"))
        topic = nearest_centre(take(desk, rows + int(desk.bases[fragment])), middle)
        return {"assigned": pa.table({"row": rows, "topic": topic})}

    def read(self, desk: Desk, number: int, fragment: int) -> Tables:
        """How many records of each topic have each word, among the first READ of a topic."""
        tables = [desk.table("assigned", f) for f in range(fragment + 1)]
        topic = np.concatenate([t.column("topic").to_numpy() for t in tables])
        own = len(topic) - len(tables[-1])
        order = np.argsort(topic, kind="stable")
        starts = np.searchsorted(topic[order], topic[order])
        first = np.sort(order[np.arange(len(order)) - starts < READ])
        chosen = first[first >= own]
        if not self.terms or not len(chosen):
            return {"read": COUNTED.empty_table()}
        rows, topics = tables[-1].column("row").to_numpy()[chosen - own], topic[chosen]
        parts = []
        for batch, places in desk.rows(fragment, rows):
            parts.append(counted(joined(batch, self.on), topics[np.searchsorted(rows, places)]))
        return {"read": pa.concat_tables(parts)}

    def named(self, desk: Desk, number: int, item: None) -> Tables:
        """The terms of every topic, and how many records it has."""
        sizes = np.zeros(len(desk.table("fitted", 0)), np.int64)
        for f in range(len(desk.bases) - 1):
            sizes += np.bincount(desk.table("assigned", f).column("topic").to_numpy(), minlength=len(sizes))
        words = pa.concat_tables([COUNTED.empty_table(), *(desk.table("read", k) for k in range(desk.count("read")))])
        terms = named(words, np.minimum(sizes, READ), self.terms)
        return {"named": pa.table({"records": sizes, "terms": pa.array(terms, pa.list_(pa.string()))})}

    def revisit(self, batch: pa.RecordBatch, ordinal: np.ndarray, desk: Desk) -> pa.RecordBatch:
        """The column `topic`."""
        topic = pa.nulls(len(ordinal), pa.int32())
        if len(ordinal):
            fragment = int(np.searchsorted(desk.bases, ordinal[0], "right")) - 1
            table = desk.table("assigned", fragment)
            at = places_in(table, int(desk.bases[fragment]), ordinal)
            topic = table.column("topic").combine_chunks().take(at).cast(pa.int32())
        return pa.record_batch([topic], schema=self.writes)

    def facts(self, desk: Desk) -> dict[str, Any]:
        """Of every topic its number, records and terms."""
        return {"topics": [{"topic": k, **row} for k, row in enumerate(desk.table("named", 0).to_pylist())]}


def nearest_centre(vectors: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """(n,) int64: the centre (k, d) int16 of the highest cosine with each of `vectors` (n, d) int16; the first of several."""
    length = np.empty(len(middle))
    lengths(middle, length)
    across = middle.astype(np.float32).T
    found = [np.zeros(0, np.int64)]
    for at in range(0, len(vectors), BATCH):
        # Whole numbers, exact: no bit depends on the batch.
        dots = vectors[at : at + BATCH].astype(np.float32) @ across
        found.append(np.argmax(dots.astype(np.float64) / length, axis=1))
    return np.concatenate(found)
