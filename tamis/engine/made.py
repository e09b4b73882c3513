"""Rows that a deriving stage makes: their columns, which of them stay, and what that means for the seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.bench import Bench
from tamis.engine.exchange import SEEDS
from tamis.engine.isolate import blamed, decide
from tamis.engine.segment import Notes, Rows, note, nullable
from tamis.errors import RunError
from tamis.ledger import DROPPED, KEPT, QUARANTINED
from tamis.schemas import Kind
from tamis.schemas.derived import USED
from tamis.stage import Derive, Made

Source = Callable[[Iterator[pa.RecordBatch], Bench], Iterator[Made]]
"""What makes rows of seeds: `derive` of a stage, or what stands in its place."""


def made_by(stage: Derive, source: Source, seeds: Iterator[pa.RecordBatch], bench: Bench) -> Iterator[Made]:
    """What `source` makes. Where it raises, the run stops, and can go on."""
    try:
        with blamed(stage, "derive"):
            yield from source(seeds, bench)
    except RunError as error:
        raise RunError(f"{error}. Nothing that was paid for is lost: go on with --resume") from error


def columns_made(stage: Derive, made: Kind) -> tuple[pa.Schema, pa.Schema]:
    """Columns of the rows that `stage` makes, and those with its scores."""
    rows = pa.schema([*made.schema, *(f for f in stage.writes if f.name not in made.schema.names)])
    return rows, pa.schema([*rows, *nullable(stage.scores)])


def decided(stage: Derive, step: int, made: pa.RecordBatch, batch: pa.RecordBatch, notes: Notes) -> Rows:
    """Rows made, those that break a rule of the stage marked and noted. `made` has the scores of the rows of `batch`."""
    row = np.arange(batch.num_rows, dtype=np.uint32)
    rows = Rows(batch, row, np.ones(len(row), bool))
    if stage.scores:
        scores = pa.record_batch([made.column(n) for n in stage.scores.names], schema=nullable(stage.scores))
        notes.scores[step] = [(row, scores)]
        found = decide(stage, scores)
        if found.num_rows:
            note(rows, rows.batch, step, {rule.id: rule.action for rule in stage.rules}, found, notes, stage.hides)
    return rows


def fates_of_seeds(ordinals: np.ndarray, outcomes: pa.Table, kept: bool) -> pa.Table:
    """SEEDS rows: a seed that is not kept is dropped where it was used or refused, and set aside where nothing came of it."""
    status = outcomes.column("status").combine_chunks().dictionary_encode()
    names = status.dictionary.to_pylist()
    code = status.indices.to_numpy()
    fate_of = {"ok": DROPPED, "rejected": DROPPED, "failed": QUARANTINED, "skipped": QUARANTINED}
    action_of = {"ok": "derive", "rejected": "drop", "failed": "quarantine", "skipped": "quarantine"}
    fates = np.array([KEPT if kept else fate_of[name] for name in names], np.uint8)
    actions = pa.array(["derive" if kept else action_of[name] for name in names], pa.string())
    why = pc.fill_null(outcomes.column("rule"), pa.scalar("budget"))
    rule = pc.binary_join_element_wise(outcomes.column("status"), why, ".")
    columns = [
        pa.array(ordinals, pa.uint64()),
        outcomes.column("record_id"),
        pa.array(fates[code] if names else np.zeros(0, np.uint8)),
        actions.take(status.indices) if names else pa.nulls(0, pa.string()),
        pc.if_else(pc.equal(outcomes.column("status"), pa.scalar("ok")), pa.scalar(USED), rule),
        outcomes.column("value"),
        outcomes.column("evidence"),
    ]
    return pa.table(columns, schema=SEEDS)


def joined(arrays: Sequence[pa.Array]) -> pa.Array:
    """Record ids, one array after the other."""
    return pa.concat_arrays([pa.nulls(0, pa.binary(16)), *arrays])
