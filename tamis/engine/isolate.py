"""Find the record that breaks a stage, set it aside, and let the others through."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tamis.errors import TamisError
from tamis.stage import Stage


class Measured(NamedTuple):
    """What a stage measured of the rows that did not break it. `broke` pairs a row with what was raised."""

    columns: pa.RecordBatch | None
    broke: list[tuple[int, str]]


def measure(stage: Stage, batch: pa.RecordBatch) -> Measured:
    """`stage.measure(batch)`; where it raises, halves are tried until the rows that make it raise stand alone.

    Any exception counts, because the stage may be the user's own; a TamisError is ours to the caller and goes up.
    """
    try:
        return Measured(_measure(stage, batch), [])
    except TamisError:
        raise
    except Exception as error:
        if batch.num_rows <= 1:
            return Measured(None, [(0, f"{stage.label} raised {type(error).__name__}: {error}")] * batch.num_rows)
    half = batch.num_rows // 2
    first, second = measure(stage, batch.slice(0, half)), measure(stage, batch.slice(half))
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


def without(rows: np.ndarray, total: int) -> np.ndarray:
    """(total,) bool: False at `rows`."""
    mask = np.ones(total, bool)
    mask[rows] = False
    return mask
