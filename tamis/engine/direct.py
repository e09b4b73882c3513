"""A stage applied to a table in memory: what `Stage.__call__` does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from tamis.data.frames import batches, restore
from tamis.engine.segment import Notes, Rows, advance
from tamis.ledger import DRAFT, Step, draft, verdicts
from tamis.schemas.rows import RECORD_ID
from tamis.stage import Corpus, Stage

BATCH = 8192


def apply(stage: Stage, data: Any) -> tuple[Any, pa.Table]:
    """Sieve `data` with `stage`: what is kept, in the type of `data`, and the VERDICT rows in input order.

    Rows without a `record_id` are known to the verdicts by their position: 16 bytes, big-endian, from 0.
    Raises ColumnMissing where `data` has no text fields.
    """
    table = pa.Table.from_batches(list(batches(data)))
    own_ids = "record_id" in table.schema.names
    work = table if own_ids else table.append_column("record_id", _positions(table.num_rows))
    notes, parts, alive = Notes(), [], np.ones(table.num_rows, bool)
    sketches, start = [], 0
    for batch in _batches(work):
        row = np.arange(start, start + batch.num_rows, dtype=np.uint32)
        rows = Rows(batch, row, np.ones(batch.num_rows, bool))
        if isinstance(stage, Corpus):
            sketches.append(stage.sketch(rows.seen_by(stage)))
        else:
            advance(rows, 1, stage, notes)
            alive[row] = False
            alive[rows.row] = rows.alive
        parts.append(rows.batch.filter(pa.array(rows.alive)))
        start += batch.num_rows
    kept = pa.Table.from_batches(parts) if parts else work
    if isinstance(stage, Corpus) and sketches:
        found = _resolve(stage, work, sketches, notes)
        alive[found] = False
        kept = kept.filter(pa.array(alive))
    drafts = pa.Table.from_batches(notes.verdicts, schema=DRAFT)
    kept = kept if own_ids else kept.drop_columns("record_id")
    return restore(kept, data), verdicts(drafts, {1: Step.of(stage)})


def _batches(table: pa.Table) -> list[pa.RecordBatch]:
    """At least one batch, so that an empty table gives an empty table with the stage's columns."""
    return table.combine_chunks().to_batches(max_chunksize=BATCH) or [
        pa.record_batch([pa.nulls(0, f.type) for f in table.schema], schema=table.schema)
    ]


def _positions(n: int) -> pa.Array:
    data = np.zeros((n, 2), ">u8")
    data[:, 1] = np.arange(n)
    return pa.FixedSizeBinaryArray.from_buffers(RECORD_ID, n, [None, pa.py_buffer(data)])


def _resolve(stage: Corpus, table: pa.Table, sketches: list[pa.RecordBatch], notes: Notes) -> np.ndarray:
    ids = table.column("record_id").combine_chunks()
    met = pa.Table.from_batches(sketches)
    met = met.add_column(0, "record_id", ids).add_column(0, "ordinal", pa.array(np.arange(len(ids), dtype=np.uint64)))
    met = met.filter(met.column("key").is_valid()).combine_chunks()
    found = stage.resolve(met).combine_chunks()
    rows: np.ndarray = found.column("ordinal").to_numpy().astype(np.int64)
    actions = {rule.id: rule.action for rule in stage.rules}
    rule = found.column("rule").cast(pa.string()).combine_chunks()
    columns = {
        "rule": rule,
        "value": found.column("value").combine_chunks(),
        "peer_id": found.column("peer_id").combine_chunks(),
    }
    action = [actions.get(name, "drop") for name in rule.to_pylist()]
    notes.verdicts.append(draft(rows, ids.take(pa.array(rows)), 1, action, **columns))
    return rows
