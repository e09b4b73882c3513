"""How tables lie in intermediate files: Arrow IPC, compressed where that saves more than it costs, with an index of batches.

Text and verdicts shrink to half by lz4, at 350 MB/s and read at 2 GB/s; hashes, which are most of an exchange, do not shrink
at all and are left as they are, to be mapped. What a piece of the table says decides. A compressed table that is sorted by a
key lies in batches of about BLOCK bytes, with the first key of each in the schema: a key range is read without the rest. In
one that is not compressed it is looked up where it lies.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tamis.data.disk import disk_errors
from tamis.schemas.ids import sort_keys

BLOCK = 256 << 10
"""Bytes of a batch of a compressed table that is sorted by a key."""

KEYS = ("key", "record_id", "ordinal", "left", "record")
"""Columns by which a table may be sorted: of those it has, the first that ascends."""

PIECE, WORTH = 1 << 12, 0.8
"""Rows that are compressed to see what it saves, and the share of the bytes that may be left."""

PLAIN = 64 << 10
"""Bytes of a table that is not worth compressing."""

CODEC = "lz4"

_ROWS, _BYTES, _KEY, _FIRST = b"tamis.rows", b"tamis.bytes", b"tamis.key", b"tamis.first"
"""In the metadata of the schema of a file: rows and bytes of the table, its key, and the first key of each batch, uint64."""


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


def write_arrow(path: Path, table: pa.Table, batch: int | None = None) -> Path:
    """Write `table` as one batch, or in batches of so many rows; return `path`."""
    table = table.combine_chunks()
    told = {_ROWS: b"%d" % table.num_rows, _BYTES: b"%d" % table.nbytes}
    packed = _shrinks(table)
    key = _key_of(table) if packed and batch is None else None
    if key is not None:
        batch = max(1, BLOCK * table.num_rows // max(table.nbytes, 1))
        told |= {_KEY: key.encode(), _FIRST: sort_keys(table.column(key))[::batch].tobytes()}
    schema = table.schema.with_metadata({**(table.schema.metadata or {}), **told})
    with arrow_file(path, schema, packed) as writer:
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
        told = reader.schema.metadata or {}
        if high < low:
            return schema.empty_table()
        if told.get(_KEY) != key.encode():
            return within(reader.read_all().replace_schema_metadata(schema.metadata), low, high, key)
        first = np.frombuffer(told[_FIRST], np.uint64)
        # Rows of one key may begin in the batch before the first that begins with it.
        begin = max(int(np.searchsorted(first, np.uint64(low))) - 1, 0)
        end = int(np.searchsorted(first, np.uint64(high), "right"))
        batches = [reader.get_batch(k) for k in range(begin, end)]
        return within(pa.Table.from_batches(batches, schema=schema), low, high, key)


def within(table: pa.Table, low: int, high: int, key: str = "key") -> pa.Table:
    """Rows of a table sorted by `key` whose keys begin with a number from `low` to `high`, both included."""
    keys = table.column(key)
    if high < low:
        return table.slice(0, 0)
    if keys.type == pa.binary(16) and keys.num_chunks == 1:
        # Looked up where they lie: as numbers, all of them would be read.
        at = range(len(keys))
        begin = bisect_left(at, low, key=lambda k: int.from_bytes(keys[k].as_py()[:8], "big"))
        end = bisect_right(at, high, key=lambda k: int.from_bytes(keys[k].as_py()[:8], "big"))
    else:
        numbers = sort_keys(keys)
        begin = int(np.searchsorted(numbers, np.uint64(low)))
        end = int(np.searchsorted(numbers, np.uint64(high), "right"))
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
    kept = {k: v for k, v in (schema.metadata or {}).items() if k not in (_ROWS, _BYTES, _KEY, _FIRST)}
    return schema.with_metadata(kept or None)


def _key_of(table: pa.Table) -> str | None:
    """The column of KEYS that `table` is sorted by."""
    for f in table.schema:
        if (
            f.name in KEYS
            and f.type in (pa.uint64(), pa.int64(), pa.binary(16))
            and not table.column(f.name).null_count
        ):
            keys = sort_keys(table.column(f.name))
            if bool((keys[1:] >= keys[:-1]).all()):
                return str(f.name)
    return None


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
