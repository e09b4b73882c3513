"""A stage that finds near-duplicates as one would by hand: for tests of what is told of them."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pyarrow as pa

from tamis.kernels.hash import key128
from tamis.schemas import joined
from tamis.schemas.rows import RECORD_ID
from tamis.stage import RESOLUTION, Corpus, Rule


@dataclass(frozen=True)
class Alike(Corpus):
    """Drop what is at least `threshold` like the record before it; the first of each row of such records stays."""

    threshold: float = 0.5
    ngram: int = 1

    name = "own.alike"
    sketches = pa.schema([pa.field("key", RECORD_ID), pa.field("text", pa.string())])

    @property
    def rules(self) -> tuple[Rule, ...]:
        return (Rule("near_duplicate", "drop"),)

    def sketch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        key = key128(pa.array(["all meet"] * batch.num_rows, pa.string()))
        return pa.record_batch([key, joined(batch)], schema=self.sketches)

    def resolve(self, sketches: pa.Table) -> pa.Table:
        rows = sketches.to_pylist()
        sets = [set(row["text"].lower().split()) for row in rows]
        found, first = [], 0
        for k in range(1, len(rows)):
            if alike(sets[k - 1], sets[k]) < self.threshold:
                first = k
                continue
            evidence = {"shared": len(sets[first] & sets[k]), "total": len(sets[first] | sets[k])}
            if k - 1 != first:
                evidence |= {"via": rows[k - 1]["record_id"].hex(), "via_jaccard": alike(sets[k - 1], sets[k])}
            value = alike(sets[first], sets[k])
            found.append((rows[k]["ordinal"], "near_duplicate", value, rows[first]["record_id"], json.dumps(evidence)))
        schema = RESOLUTION.append(pa.field("evidence", pa.string()))
        return pa.table(
            [pa.array(c, f.type) for c, f in zip(zip(*found, strict=True), schema, strict=True)], schema=schema
        )


def alike(one: set[str], other: set[str]) -> float:
    """Jaccard similarity."""
    return len(one & other) / max(1, len(one | other))
