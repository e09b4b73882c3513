"""Find the record that breaks a stage, set it aside, and let the others through."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pyarrow as pa

from tamis.errors import TamisError
from tamis.stage import Stage


class Measured(NamedTuple):
    """What a stage measured of the rows that did not break it. `broke` pairs a row with what was raised."""

    columns: pa.RecordBatch | None
    broke: list[tuple[int, str]]


def measure(stage: Stage, batch: pa.RecordBatch, beat: Callable[[int], None] | None = None) -> Measured:
    """`stage.measure(batch)`; where it raises, halves are tried until the rows that make it raise stand alone.

    With `beat`, rows go one by one and each is announced first, so that a crash leaves behind which row it was.
    Any exception counts, because the stage may be the user's own; a TamisError is ours to the caller and goes up.
    """
    if batch.num_rows == 0 or (beat is None or batch.num_rows == 1):
        if beat is not None and batch.num_rows:
            beat(0)
        try:
            return Measured(_measure(stage, batch), [])
        except TamisError:
            raise
        except Exception as error:
            if batch.num_rows <= 1:
                return Measured(None, [(0, f"{stage.label} raised {type(error).__name__}: {error}")] * batch.num_rows)
    half = batch.num_rows // 2
    first = measure(stage, batch.slice(0, half), beat)
    second = measure(stage, batch.slice(half), beat and (lambda row: beat(row + half)))
    columns = [m.columns for m in (first, second) if m.columns is not None]
    whole = pa.Table.from_batches(columns).combine_chunks().to_batches() if columns else [None]
    return Measured(whole[0] if whole else columns[0], first.broke + [(row + half, why) for row, why in second.broke])


def _measure(stage: Stage, batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = stage.measure(batch)
    if columns.num_rows != batch.num_rows and columns.num_columns:
        raise ValueError(f"it returned {columns.num_rows} rows for {batch.num_rows}")
    for wanted in (*stage.writes, *stage.scores):
        found = columns.schema.field(wanted.name).type if wanted.name in columns.schema.names else None
        if found is None or not found.equals(wanted.type):
            raise ValueError(f"its column {wanted.name!r} is {found}; it declares {wanted.type}")
    return columns
