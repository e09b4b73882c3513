"""Tables and datasets of other libraries: in as files of Arrow rows, out in the caller's own type.

    pyarrow Table, RecordBatch, RecordBatchReader      polars DataFrame, LazyFrame
    datasets Dataset, IterableDataset                  a list of dicts

Nothing here imports a library that the caller has not: an object is told by the module of its type.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.data.block import Block
from tamis.data.canonical import Origin
from tamis.data.disk import disk_errors
from tamis.data.inputs import InputFile, copied
from tamis.data.reading import Reading, kind_of_batch
from tamis.data.shapes import names_for
from tamis.data.tables import json_lines, rows_of
from tamis.data.writer import replacing
from tamis.errors import InputError

ROWS = 8192


def batches(data: Any) -> Iterator[pa.RecordBatch]:
    """The rows of `data` as Arrow batches of at most ROWS rows. Raises InputError for what is no table."""
    for table in _tables(data):
        for start in range(0, table.num_rows, ROWS):
            # A shuffled Dataset has a chunk for every row: put together, they are read at once.
            yield from table.slice(start, ROWS).combine_chunks().to_batches()


def whole(data: Any) -> pa.Table:
    """The rows of `data` as one table; without rows it still has the columns. Raises InputError for what is no table."""
    tables = list(_tables(data))
    if tables:
        return pa.concat_tables(tables)
    schema = data.schema if isinstance(data, pa.RecordBatchReader) else getattr(data.features, "arrow_schema", None)
    return (schema or pa.schema([])).empty_table()


def read_frame(data: Any, reading: Reading | None = None, name: str = "table") -> Iterator[Block]:
    """The rows of `data` as blocks, as `read` gives those of a file called `name`; None: of the kind they look like."""
    first = 0
    for batch in batches(data):
        reading = reading or Reading(kind_of_batch(batch, name))
        origin = Origin(name, reading.source, reading.license)
        place = np.arange(first, first + batch.num_rows)
        yield rows_of(batch, reading.kind, names_for(reading.fields), origin, place, 0)
        first += batch.num_rows


def spool(data: Any, scratch: Path, name: str = "table") -> list[InputFile]:
    """The rows of `data` as a file in `scratch`, which is then read like any other."""
    with disk_errors(scratch):
        scratch.mkdir(parents=True, exist_ok=True)
    rows = batches(data)
    first = next(rows, None)
    if first is None:
        first = pa.RecordBatch.from_pylist([], schema=pa.schema([]))
    parquet = _fits_parquet(first.schema)
    path = scratch / name
    with replacing(path) as file:
        if parquet:
            _write_parquet(file, first, rows)
        else:
            for batch in (first, *rows):
                file.write(json_lines(batch))
    return [copied(path, name)]


def restore(table: pa.Table, like: Any) -> Any:
    """`table` in the type of `like`; as an Arrow table where that has none of its own."""
    library, name = _type(like)
    if library == "polars":
        frame = sys.modules["polars"].from_arrow(table)
        return frame.lazy() if name == "LazyFrame" else frame
    if library == "datasets":
        dataset = sys.modules["datasets"].Dataset(table)
        return dataset.to_iterable_dataset() if name == "IterableDataset" else dataset
    return table.to_pylist() if isinstance(like, list) else table


def _tables(data: Any) -> Iterator[Any]:
    library, name = _type(data)
    if isinstance(data, (pa.Table, pa.RecordBatchReader)):
        yield from [data] if isinstance(data, pa.Table) else map(_table, data)
    elif isinstance(data, pa.RecordBatch):
        yield _table(data)
    elif library == "polars" and name == "DataFrame":
        yield data.to_arrow()
    elif library == "polars" and name == "LazyFrame":
        # Not collect_batches: with maintain_order it gave the rows of 44 of 300 runs in another order (Polars 2.1).
        yield data.collect(engine="streaming").to_arrow()
    elif library == "datasets" and name in ("Dataset", "IterableDataset"):
        yield from data.with_format("arrow").iter(batch_size=ROWS)
    elif isinstance(data, list) and all(isinstance(row, dict) for row in data):
        try:
            yield pa.Table.from_pylist(data)
        except pa.ArrowException as error:
            raise InputError(f"the dicts do not make a table: {error}") from error
    else:
        raise InputError(_no_table(data, library, name))


def _type(data: Any) -> tuple[str, str]:
    """The library and the name of the type of `data`."""
    return type(data).__module__.partition(".")[0], type(data).__name__


def _table(batch: pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([batch])


def _no_table(data: Any, library: str, name: str) -> str:
    if library == "datasets" and name.endswith("Dict"):
        return f"a {name} holds several datasets: choose one, as in data[{next(iter(data), 'train')!r}]"
    advice = "; convert it with polars.from_pandas or pyarrow.Table.from_pandas" if library == "pandas" else ""
    return (
        f"cannot read rows from a {library}.{name}; wanted paths, an Arrow table, a Polars frame or a Dataset{advice}"
    )


def _fits_parquet(schema: pa.Schema) -> bool:
    """Whether Parquet can hold `schema`; otherwise JSON Lines do."""
    if not len(schema):
        return False
    try:
        with pq.ParquetWriter(pa.BufferOutputStream(), schema, compression="zstd") as writer:
            writer.write_table(schema.empty_table())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid, pa.ArrowTypeError):
        return False
    return True


def _write_parquet(file: Any, first: pa.RecordBatch, rows: Iterator[pa.RecordBatch]) -> None:
    with pq.ParquetWriter(
        file, first.schema, compression="zstd", compression_level=1, write_statistics=False
    ) as writer:
        for batch in (first, *rows):
            writer.write_batch(batch.cast(first.schema) if batch.schema != first.schema else batch)
