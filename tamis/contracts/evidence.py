"""Rows named as evidence: which row of which file, by its ids, and what was seen there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from tamis.contracts.columns import named
from tamis.contracts.json_lines import read_json_lines
from tamis.contracts.model import Table
from tamis.contracts.result import Example
from tamis.contracts.rules import RowRule
from tamis.contracts.sources import Part

IDS = ("id", "record_id")

ROW = "tamis.row"
"""Column with the number of a row."""


def look_up(part: Part, rows: Sequence[int], columns: Sequence[str]) -> pl.DataFrame:
    """`columns` and the ids of `rows` (from 0, ascending) of `part`, with their number (from 1) as `tamis.row`.

    Only broken rules cost this second look, and it ends at the last of `rows`.
    """
    if part.lazy is None:
        return _json_row(part, rows)
    names = sorted({*columns, *(name for name in IDS if name in part.schema)})
    numbered = part.lazy.select([named(name) for name in names] or pl.first()).head(rows[-1] + 1).with_row_index(ROW)
    wanted = pl.col(ROW).cast(pl.Int64).is_in(pl.Series(rows, dtype=pl.Int64).implode())
    with part.readable():
        found = numbered.filter(wanted).collect(engine="streaming")
    return found.with_columns(pl.col(ROW).cast(pl.Int64) + 1).sort(ROW)


def _json_row(part: Part, rows: Sequence[int]) -> pl.DataFrame:
    assert part.path is not None
    found, first = [], 0
    for batch in read_json_lines(part.path, (), IDS):
        numbered = batch.frame.with_columns(pl.Series(ROW, batch.lines, pl.Int64))
        found.append(numbered[[row - first for row in rows if first <= row < first + numbered.height]])
        first += numbered.height
        if first > rows[-1]:
            break
    return pl.concat(found)


def examples_of(rule: RowRule, frame: pl.DataFrame, table: Table, file: str | None) -> list[Example]:
    """One Example for every row of `frame`, which broke `rule`; the column `tamis.row` has their numbers."""
    seen = frame.select(rule.seen).to_series().to_list() if rule.seen is not None else [None] * frame.height
    values = [None if v is None else f"{v:,} {rule.unit}" if rule.unit else short(v) for v in seen]
    return [example(frame, i, table, file, value) for i, value in enumerate(values)]


def example(frame: pl.DataFrame, i: int, table: Table, file: str | None, value: str | None) -> Example:
    """Row `i` of `frame` by what it has: its id, its record_id, its number."""
    id, record_id = (frame[name][i] if name in frame.columns else None for name in IDS)
    key = table.property("id")
    hidden = key is not None and not key.is_public
    return Example(
        row=frame[ROW][i],
        file=file,
        id=None if id is None or hidden else short(id, quote=False),
        record_id=record_id.hex() if isinstance(record_id, bytes) else None if record_id is None else str(record_id),
        value=value,
    )


def numbered(frame: pl.DataFrame, numbers: Sequence[int]) -> pl.DataFrame:
    """`frame` with `numbers` (from 1) as `tamis.row`."""
    return frame.with_columns(pl.Series(ROW, numbers, pl.Int64))


def short(value: Any, quote: bool = True) -> str:
    """At most 60 characters, all of them printable: a message may end on a terminal."""
    text = repr(value) if quote and isinstance(value, str) else str(value)
    text = text if text.isprintable() else repr(text)[1:-1]
    return text if len(text) <= 60 else text[:59] + "…"
