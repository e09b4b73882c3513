"""What a sample reads of its rows: the stratum each is in, and its tokens."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.errors import UsageError
from tamis.kernels.hash import bytes_of
from tamis.kernels.unicode import table
from tamis.kernels.words import count_words
from tamis.schemas import joined
from tamis.schemas.constant import constant


def words(batch: pa.RecordBatch) -> pa.Array:
    """Words of all texts of each row, int64."""
    strings = joined(batch)
    rows = np.zeros(len(strings) + 1, np.int64)
    count_words(*bytes_of(strings), *table(), rows)
    return pa.array(rows[1:])


def as_counts(name: str, column: pa.Array) -> pa.Array:
    """The column `name` as int64. Raises UsageError where it is no whole number, null or below 0."""
    try:
        found = column.cast(pa.int64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as odd:
        raise UsageError(f"sample: tokens_by is {name!r}, which is not a whole number everywhere: {odd}") from odd
    if found.null_count or pc.any(pc.less(found, constant(0))).as_py():
        raise UsageError(f"sample: tokens_by is {name!r}, which is null or below 0 somewhere; fill it, or count words")
    return found


def as_strata(name: str, column: pa.Array) -> pa.Array:
    """The column `name` as text; a null is empty. Raises UsageError where it cannot be text."""
    try:
        return pc.fill_null(column.cast(pa.string()), constant(""))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as odd:
        raise UsageError(f"sample: by is {name!r}, which is {column.type}; it can be text or a number") from odd
