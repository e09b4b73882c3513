"""How tables lie in intermediate files: Arrow IPC, compressed where that saves more than it costs, with an index of batches.

Text and verdicts shrink to half by lz4, at 350 MB/s and read at 2 GB/s; hashes, which are most of an exchange, do not shrink
at all and are left as they are, to be mapped. What a piece of the table says decides. A table sorted by a key lies in
batches of about BLOCK bytes, with the first key of each in the schema: a key range is read without the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tamis.data.disk import disk_errors
from tamis.schemas.ids import sort_keys

BLOCK = 256 << 10
"""Bytes of a batch of a table that is sorted by a key."""

PIECE, WORTH = 1 << 12, 0.8
"""Rows that are compressed to see what it saves, and the share of the bytes that may be left."""

PLAIN = 64 << 10
"""Bytes of a table that is not worth compressing."""

CODEC = "lz4"

_ROWS, _BYTES, _FIRST = b"tamis.rows", b"tamis.bytes", b"tamis.first"
"""In the metadata of the schema of a file: rows and bytes of the table, and the first key of each batch, uint64."""


class Size(NamedTuple):
    """Of a table in memory."""

    rows: int
    bytes: int


@contextmanager
def arrow_file(path: Path, schema: pa.Schema, packed: bool = False) -> Iterator[pa.ipc.RecordBatchFileWriter]:
    """An Arrow IPC file to append batches to. A full disk or unwritable place raises OutputError."""
    with (
        disk_errors(path),
        pa.OSFile(str(path), "wb") as sink,
        pa.ipc.new_file(sink, schema, options=_how(packed)) as file,
    ):
        yield file


def write_arrow(path: Path, table: pa.Table, batch: int | None = None, key: str = "key") -> Path:
    """Write `table` as one batch, in batches of so many rows or, if it is sorted by `key`, with an index; return `path`."""
    table = table.combine_chunks()
    told = {_ROWS: b"%d" % table.num_rows, _BYTES: b"%d" % table.nbytes}
    keys = _ascending(table, key) if batch is None else None
    if keys is not None:
        batch = max(1, BLOCK * table.num_rows // max(table.nbytes, 1))
        told[_FIRST] = keys[::batch].tobytes()
    schema = table.schema.with_metadata({**(table.schema.metadata or {}), **told})
    with arrow_file(path, schema, _shrinks(table)) as writer:
        writer.write_table(table, batch)
    return path


def table_of(source: pa.Buffer | Path, columns: Sequence[str] | None = None) -> pa.Table:
    """A whole table, or `columns` of it."""
    with _opened(source) as file:
        reader = pa.ipc.open_file(file, options=_read(None))
        schema = reader.schema
        if columns is not None:
            reader = pa.ipc.open_file(file, options=_read([schema.get_field_index(name) for name in columns]))
            schema = pa.schema([schema.field(name) for name in columns], schema.metadata)
        table = reader.read_all().replace_schema_metadata(_bare(schema).metadata)
        return table.select(columns) if columns is not None else table


def between(source: pa.Buffer | Path, low: int, high: int, key: str) -> pa.Table:
    """Rows of a table sorted by `key` whose keys begin with a number from `low` to `high`, both included."""
    with _opened(source) as file:
        reader = pa.ipc.open_file(file, options=_read(None))
        schema = _bare(reader.schema)
        index = (reader.schema.metadata or {}).get(_FIRST)
        if index is None:
            return within(reader.read_all().replace_schema_metadata(schema.metadata), low, high, key)
        first = np.frombuffer(index, np.uint64)
        # Rows of one key may begin in the batch before the first that begins with it.
        begin = max(int(np.searchsorted(first, np.uint64(low), "left")) - 1, 0)
        end = int(np.searchsorted(first, np.uint64(high), "right"))
        batches = [reader.get_batch(k) for k in range(begin, end)]
        return within(pa.Table.from_batches(batches, schema=schema), low, high, key)


def within(table: pa.Table, low: int, high: int, key: str = "key") -> pa.Table:
    """Rows of a table sorted by `key` whose keys begin with a number from `low` to `high`, both included."""
    keys = sort_keys(table.column(key))
    begin, end = np.searchsorted(keys, np.uint64(low), "left"), np.searchsorted(keys, np.uint64(high), "right")
    return table.slice(begin, end - begin)


def size_of(source: pa.Buffer | Path) -> Size:
    """Rows and bytes of a table, which `write_arrow` wrote, without reading it."""
    with _opened(source) as file:
        told = pa.ipc.open_file(file).schema.metadata
        return Size(int(told[_ROWS]), int(told[_BYTES]))


def batches_of(file: pa.NativeFile) -> Iterator[pa.RecordBatch]:
    """The batches of a table, one at a time."""
    reader = pa.ipc.open_file(file, options=_read(None))
    metadata = _bare(reader.schema).metadata
    for k in range(reader.num_record_batches):
        yield reader.get_batch(k).replace_schema_metadata(metadata)


@contextmanager
def _opened(source: pa.Buffer | Path) -> Iterator[pa.NativeFile]:
    with pa.memory_map(str(source)) if isinstance(source, Path) else pa.BufferReader(source) as file:
        yield file


def _bare(schema: pa.Schema) -> pa.Schema:
    """`schema` without what was written for the file."""
    kept = {k: v for k, v in (schema.metadata or {}).items() if k not in (_ROWS, _BYTES, _FIRST)}
    return schema.with_metadata(kept or None)


def _ascending(table: pa.Table, key: str) -> np.ndarray | None:
    """The keys of `table`, (n,) uint64, if it has a column of keys and is sorted by it."""
    at = table.schema.get_field_index(key)
    if at < 0 or table.schema.field(at).type not in (pa.uint64(), pa.binary(16)):
        return None
    keys = sort_keys(table.column(at))
    return keys if bool((keys[1:] >= keys[:-1]).all()) else None


def _shrinks(table: pa.Table) -> bool:
    """Whether compression saves more than it costs, by rows from the middle."""
    if table.nbytes <= PLAIN:
        return False
    piece = table.slice(max(0, table.num_rows // 2 - PIECE // 2), PIECE)
    sizes: list[int] = []
    for packed in (True, False):
        sink = pa.MockOutputStream()
        with pa.ipc.new_stream(sink, piece.schema, options=_how(packed)) as stream:
            stream.write_table(piece)
        sizes.append(sink.size())
    return sizes[0] <= WORTH * sizes[1]


def _how(packed: bool) -> pa.ipc.IpcWriteOptions:
    # One thread: as many tasks as there are processors write at the same time.
    return pa.ipc.IpcWriteOptions(compression=CODEC if packed else None, use_threads=False)


def _read(columns: list[int] | None) -> pa.ipc.IpcReadOptions:
    return pa.ipc.IpcReadOptions(use_threads=False, included_fields=columns)
