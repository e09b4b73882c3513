"""Earlier corpora: rows that a corpus stage compares with and that never go themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.data import Fragment, InputFile, Reading, find, fragments, read, recognise
from tamis.data.storage.address import beside
from tamis.data.unread import SHOWN, Unread, damaged
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
    """What is known of a part of an earlier corpus. `unread`: rows that could not be read; `damage`: where it breaks off."""

    table: pa.Table
    ids: pa.Array
    unread: Unread
    damage: str | None


def sketch_earlier(stage: Corpus, earlier: Earlier) -> Sketches:
    """Sketches of all rows of a part that can be read, which alone are counted."""
    sketches, ids, total, unread, damage = [no_sketch(stage)], [pa.nulls(0, RECORD_ID)], 0, Unread(), None
    for block in read(earlier.fragment, earlier.reading):
        n = block.rows.num_rows
        row = np.arange(total, total + n, dtype=np.uint32)
        sketches.append(sketched(Rows(block.rows, row, np.ones(n, bool)), stage))
        ids.append(block.rows.column("record_id"))
        total, unread, damage = total + n, unread.and_of(block, earlier.fragment), damage or block.damage
    return Sketches(pa.concat_tables(sketches), pa.concat_arrays(ids), unread, damage)


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
    found = sketch_earlier(task.corpus, task.earlier)
    tables = {**index(task.corpus, found.table), "ids": pa.table({"record_id": found.ids})}
    facts = {"total": len(found.ids), "unread": found.unread, "damage": found.damage}
    return task.work.finish_tables(task.group, task.number, tables, facts)


def see_whole(before: Sequence[Earlier], records: Sequence[Mapping[str, Any]]) -> None:
    """Raises DamagedError where a part of an earlier corpus breaks off. records: `total` and `damage` of each part."""
    read: dict[str, int] = {}
    for part, record in zip(before, records, strict=True):
        name = str(part.fragment.file.path)
        read[name] = read.get(name, 0) + record["total"]
        if record["damage"]:
            raise damaged(part.fragment, record["damage"], read[name], "an earlier corpus")


def of_earlier(before: Sequence[Earlier], records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How much of the earlier corpora the records were held against, and the first rows that could not be read."""
    read, unread = sum(record["total"] for record in records), dict[InputFile, Unread]()
    for part, record in zip(before, records, strict=True):
        file, (rows, first, lines) = part.fragment.file, record["unread"]
        of_part = Unread(rows, tuple((line, rule) for line, rule in first), lines)
        unread[file] = unread.get(file, Unread()).then(of_part)
    named = [place for file, bad in unread.items() for place in bad.named(file)][:SHOWN]
    facts = {"earlier_records": read, "earlier_unread": sum(bad.rows for bad in unread.values())}
    return {**facts, "earlier_unread_first": named} if named else facts
