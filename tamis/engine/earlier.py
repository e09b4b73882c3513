"""Earlier corpora: rows that a corpus stage compares with and that never go themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.data import Fragment, Reading, find, fragments, read, recognise
from tamis.data.storage.address import beside
from tamis.engine.isolate import index
from tamis.engine.left import picked
from tamis.engine.passes import no_sketch, sketched
from tamis.engine.segment import Rows
from tamis.engine.work import Work
from tamis.schemas.rows import RECORD_ID
from tamis.stage import Corpus

PART = 16 << 20
"""Bytes of an earlier corpus that one task takes."""


@dataclass(frozen=True)
class Earlier:
    """Part of an earlier corpus."""

    fragment: Fragment
    reading: Reading


def earlier_corpora(stage: Corpus, scratch: Path | None = None, size: int = PART) -> tuple[Earlier, ...]:
    """The earlier corpora of `stage` in parts, in the order in which it names them. Raises InputError for one not there."""
    parts: list[Earlier] = []
    for path in stage.earlier:
        files = find([beside(stage.base, path)], scratch or stage.base)
        reading = Reading(kind=recognise(files).kind)
        parts += [Earlier(fragment, reading) for file in files for fragment in fragments(file, size)]
    return tuple(parts)


class Sketches(NamedTuple):
    """What is known of a part of an earlier corpus. `unread`: rows that could not be read."""

    table: pa.Table
    ids: pa.Array
    unread: int


def sketch_earlier(stage: Corpus, earlier: Earlier) -> Sketches:
    """Sketches of all rows of a part that can be read, which alone are counted."""
    sketches, ids, total, unread = [no_sketch(stage)], [pa.nulls(0, RECORD_ID)], 0, 0
    for block in read(earlier.fragment, earlier.reading):
        n = block.rows.num_rows
        row = np.arange(total, total + n, dtype=np.uint32)
        sketches.append(sketched(Rows(block.rows, row, np.ones(n, bool)), stage))
        ids.append(block.rows.column("record_id"))
        total, unread = total + n, unread + block.bad.num_rows
    return Sketches(pa.concat_tables(sketches), pa.concat_arrays(ids), unread)


def rows_of_earlier(earlier: Earlier, wanted: np.ndarray) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
    """The rows at the places `wanted` (k,) int64 among those that can be read: batches, each with its places."""
    return picked((block.rows for block in read(earlier.fragment, earlier.reading)), wanted)


class EarlierTask(NamedTuple):
    """Sketches of a part of an earlier corpus."""

    work: Work
    group: str
    number: int
    corpus: Corpus
    earlier: Earlier


def run_earlier(task: EarlierTask) -> dict[str, Any]:
    """Sketch one part, unless that is done; return its completion record."""
    if (done := task.work.done(task.group, task.number)) is not None:
        return done
    table, ids, unread = sketch_earlier(task.corpus, task.earlier)
    tables = {**index(task.corpus, table), "ids": pa.table({"record_id": ids})}
    return task.work.finish_tables(task.group, task.number, tables, {"total": len(ids), "unread": unread})
