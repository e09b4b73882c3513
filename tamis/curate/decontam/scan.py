"""Training data held against evaluation sets, without a run: nothing is changed, nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from tamis.curate.decontam.stage import Decontam
from tamis.data import Fragment, Reading, find, fragments, read, recognise

THREADS = 2
"""Used where none is named."""


@dataclass
class Scan:
    """What `scan` found.

    table    CONTAMINATION rows, one for each item
    records  records read; touched: those that hold an item by the rules
    bytes    of their texts' rows, as read
    refused  lines that could not be read, of the training data; of the evaluation sets, by name
    """

    table: pa.Table
    records: int
    touched: int
    bytes: int
    refused: int
    refused_items: dict[str, int]


def scan(
    train: Sequence[str | Path],
    stage: Decontam,
    threads: int = THREADS,
    fields: dict[str, str | None] | None = None,
    on_progress: Callable[[int], Any] | None = None,
) -> Scan:
    """Hold the records of the files, folders and globs `train` against the items of `stage`.

    fields: our name of a field -> its name in `train`. on_progress is told the records read so far.
    """
    files = find(train)
    reading = Reading(recognise(files, None, fields).kind, fields)
    done = Scan(pa.table({}), 0, 0, 0, 0, stage.index.items.refused)

    def scores() -> Iterator[pa.RecordBatch]:
        parts = [fragment for file in files for fragment in fragments(file)]
        with ThreadPoolExecutor(threads) as pool:
            for measured in _in_order(pool, threads, lambda part: list(_measured(part, reading, stage)), parts):
                for batch, touched, size, bad in measured:
                    done.records, done.refused = done.records + batch.num_rows, done.refused + bad
                    done.touched, done.bytes = done.touched + touched, done.bytes + size
                    yield batch
                if on_progress:
                    on_progress(done.records)

    done.table = stage.leave(stage.leaves[0], scores())
    return done


def _measured(fragment: Fragment, reading: Reading, stage: Decontam) -> Iterator[tuple[pa.RecordBatch, int, int, int]]:
    """For each block: record_id, kept and scores; records that hold an item; bytes; lines that could not be read."""
    acting = {rule.id for rule in stage.rules if rule.id != "short_generic"}
    for block in read(fragment, reading):
        rows = block.rows
        if not rows.num_rows:
            yield pa.record_batch({"record_id": rows.column("record_id")}).slice(0, 0), 0, 0, block.bad.num_rows
            continue
        measured = stage.measure(rows).select(stage.scores.names)
        decided = stage.decide(measured).column("rule").to_pylist()
        kept = pa.repeat(pa.scalar(True), rows.num_rows)
        batch = pa.record_batch([rows.column("record_id"), kept, *measured.columns], ["record_id", "kept", *measured.schema.names])
        yield batch, sum(rule in acting for rule in decided), rows.nbytes, block.bad.num_rows


def _in_order(pool: ThreadPoolExecutor, ahead: int, work: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
    """`work` of each item, in order, a few items ahead of what is asked for."""
    waiting = [pool.submit(work, item) for item in items[: 2 * ahead]]
    for k in range(len(items)):
        if k + 2 * ahead < len(items):
            waiting.append(pool.submit(work, items[k + 2 * ahead]))
        yield waiting[k].result()
        waiting[k] = None  # type: ignore[call-overload]
