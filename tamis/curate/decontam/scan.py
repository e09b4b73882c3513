"""Training data held against evaluation sets, without a run: nothing is changed, nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from tamis.curate.decontam.stage import Decontam
from tamis.data import Fragment, Reading, find, fragments, read, recognise


@dataclass
class Scan:
    """What `scan` found.

    table     CONTAMINATION rows, one for each item
    records   records read
    touched   those that hold an item by the rules; flagged: those that hold no more than a short item
    names     record_id -> `source:id` of those
    refused   lines that could not be read: of the training data
    refused_items  and of each evaluation set; unread_items: the first of those, by file and place
    damage    files of the training data of which a part could not be read, each with why
    """

    table: pa.Table
    records: int = 0
    touched: int = 0
    flagged: int = 0
    refused: int = 0
    names: dict[bytes, str] = field(default_factory=dict)
    refused_items: Mapping[str, int] = field(default_factory=dict)
    unread_items: tuple[str, ...] = ()
    damage: list[str] = field(default_factory=list)


class Measured(NamedTuple):
    """A block: `record_id`, `kept` and the scores of its records; what was decided; lines that could not be read; damage."""

    scores: pa.RecordBatch
    rules: list[str]
    names: dict[bytes, str]
    refused: int
    damage: str | None


def scan(
    train: Sequence[str | Path],
    stage: Decontam,
    threads: int = 2,
    fields: Mapping[str, str | None] | None = None,
    on_progress: Callable[[int], Any] | None = None,
) -> Scan:
    """Hold the records of the files, folders and globs `train` against the items of `stage`.

    fields: our name of a field -> its name in `train`. on_progress is told how many records were read so far.
    """
    files = find(train)
    reading = Reading(recognise(files, None, fields).kind, fields)
    items = stage.index.items
    done = Scan(pa.table({}), refused_items=items.refused, unread_items=items.unread)

    def scores() -> Iterator[pa.RecordBatch]:
        parts = [fragment for file in files for fragment in fragments(file)]
        with ThreadPoolExecutor(threads) as pool:
            for blocks in _in_order(pool, threads, lambda part: list(_measured(part, reading, stage)), parts):
                for block in blocks:
                    _count(done, block)
                    yield block.scores
                if on_progress:
                    on_progress(done.records)

    done.table = stage.leave(stage.leaves[0], scores())
    return done


def _count(done: Scan, block: Measured) -> None:
    flagged = block.rules.count("short_generic")
    done.records += block.scores.num_rows
    done.flagged += flagged
    done.touched += len(block.rules) - flagged
    done.refused += block.refused
    done.names |= block.names
    if block.damage:
        done.damage.append(block.damage)


def _measured(fragment: Fragment, reading: Reading, stage: Decontam) -> Iterator[Measured]:
    for block in read(fragment, reading):
        rows = block.rows
        measured = stage.measure(rows).select(stage.scores.names)
        decided = stage.decide(measured)
        kept = pa.repeat(pa.scalar(True), rows.num_rows)
        columns = [rows.column("record_id"), kept, *measured.columns]
        yield Measured(
            pa.record_batch(columns, ["record_id", "kept", *measured.schema.names]),
            decided.column("rule").to_pylist(),
            _names(rows.take(decided.column("row"))),
            block.bad.num_rows,
            block.damage and f"{fragment.file.name}: {block.damage}",
        )


def _names(rows: pa.RecordBatch) -> dict[bytes, str]:
    """Ids of records, and what people call them."""
    ids, sources, own = (rows.column(name).to_pylist() for name in ("record_id", "source", "id"))
    return {i: f"{source}:{name or i.hex()}" for i, source, name in zip(ids, sources, own, strict=True)}


def _in_order(pool: ThreadPoolExecutor, ahead: int, work: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
    """`work` of each item, in order, done a few items ahead of what is asked for."""
    waiting = [pool.submit(work, item) for item in items[: 2 * ahead]]
    for k in range(len(items)):
        yield waiting.pop(0).result()
        if k + 2 * ahead < len(items):
            waiting.append(pool.submit(work, items[k + 2 * ahead]))
