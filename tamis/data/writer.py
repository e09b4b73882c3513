"""Files that are there whole or not at all, with the same bytes every time.

    write_parquet(run / "data/part-00000.parquet", tables, kind("document").schema)

A file is written beside its place under a hidden name, flushed to disk and renamed over it.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.data.disk import disk_errors

# zstd on 40 MB of web text, one core, CPU: level 1 409 MB/s and 2.49x smaller, 2 302 MB/s and 2.70x, 3 235 MB/s and
# 2.85x. Page size, page version and DELTA_LENGTH_BYTE_ARRAY changed neither by more than 3 %.
LEVEL = 1

REPEATS = frozenset({"source", "license", "collected_at", "role", "file", "label"})
"""Strings that repeat from row to row: a dictionary pays for them, and only for them."""

SHOWN = frozenset({"record_id", "source", "license"})
"""Strings whose smallest and largest value may stand in the file's footer; those of text might be private."""


class FileDigest(NamedTuple):
    """A file as it was written: `rows` is None where it has none."""

    path: Path
    rows: int | None
    bytes: int
    sha256: str


def write_parquet(
    path: Path | str, groups: Iterable[pa.Table | pa.RecordBatch], schema: pa.Schema, level: int = LEVEL
) -> FileDigest:
    """Write each table of `groups` as one row group; bytes depend on rows, schema, `level` and pyarrow version only.

    Columns are taken by name and cast to `schema`. Raises OutputError where the file cannot be written.
    """
    rows = 0
    with replacing(path) as file:
        writer = pq.ParquetWriter(file, schema, **_options(schema, level))
        try:
            for group in groups:
                table = _whole(group, schema)
                if table.num_rows:
                    writer.write_table(table, row_group_size=table.num_rows)
                rows += table.num_rows
            writer.close()
        except BaseException:
            # Closed here: left to the collector, it would write its footer into a file that is gone.
            with suppress(pa.ArrowException, OSError, ValueError):
                writer.close()
            raise
    return FileDigest(Path(path), rows, file.size, file.sha256)


def write_bytes(path: Path | str, data: bytes) -> FileDigest:
    """Write `data` to `path`. Raises OutputError."""
    with replacing(path) as file:
        file.write(data)
    return FileDigest(Path(path), None, file.size, file.sha256)


def write_json(path: Path | str, value: Any) -> FileDigest:
    """Write `value` as indented JSON, keys in the order given. Raises OutputError."""
    return write_bytes(path, (json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode())


@contextmanager
def replacing(path: Path | str) -> Iterator[HashedFile]:
    """A file that takes the place of `path` when the block ends well, and leaves no trace when it does not."""
    path = Path(path)
    # A number of the process would do on one machine: two nodes may have processes of the same number.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with disk_errors(path):
            with open(temporary, "wb", buffering=0) as raw:
                file = HashedFile(raw)
                yield file
                os.fsync(raw.fileno())
            os.replace(temporary, path)
            _sync_folder(path.parent)
    finally:
        with suppress(OSError):
            temporary.unlink()


class HashedFile:
    """A file open for writing that knows the size and sha256 of what went through it."""

    closed = False

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw, self._hash, self.size = raw, hashlib.sha256(), 0

    @property
    def sha256(self) -> str:
        """Hexadecimal digest of all bytes so far."""
        return self._hash.hexdigest()

    def write(self, data: Any) -> int:
        """Write all of `data`, bytes or a buffer of them."""
        view = memoryview(data).cast("B")
        self._hash.update(view)
        self.size += len(view)
        while view:  # an unbuffered file may take part of it
            view = view[self._raw.write(view) :]
        return 0

    def tell(self) -> int:
        """Bytes so far."""
        return self.size

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Closed by whoever opened it."""

    def readable(self) -> bool:
        """Never."""
        return False

    def writable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Never."""
        return False


def _whole(group: pa.Table | pa.RecordBatch, schema: pa.Schema) -> pa.Table:
    """`group` as a table of one chunk a column: pages are cut at chunk borders, so chunking would show in the bytes."""
    table = pa.Table.from_batches([group]) if isinstance(group, pa.RecordBatch) else group
    table = table.select(schema.names)
    if not table.schema.equals(schema, check_metadata=True):
        table = table.cast(schema)
    table = table.unify_dictionaries().combine_chunks()
    for k, field in enumerate(schema):
        if pa.types.is_dictionary(field.type) and table.num_rows:
            table = table.set_column(k, field, _first_come(table.column(k).chunk(0)))
    return table


def _first_come(column: pa.DictionaryArray) -> pa.DictionaryArray:
    """`column` with a dictionary of just its values, in the order in which they appear: it is written as it stands."""
    codes = column.indices.drop_null().to_numpy()
    present, first = np.unique(codes, return_index=True)
    present = present[np.argsort(first)]
    place = np.zeros(len(column.dictionary) + 1, column.indices.type.to_pandas_dtype())
    place[present] = np.arange(len(present))
    at = place[column.indices.fill_null(len(column.dictionary)).to_numpy()]
    mask = column.indices.is_null().to_numpy(zero_copy_only=False) if column.null_count else None
    return pa.DictionaryArray.from_arrays(pa.array(at, mask=mask), column.dictionary.take(pa.array(present)))


def _options(schema: pa.Schema, level: int) -> dict[str, Any]:
    leaves = [leaf for f in schema for leaf in _leaves(f, f.name)]
    return {
        "compression": "zstd",
        "compression_level": level,
        "use_dictionary": [path for path, f in leaves if _repeats(f)] or False,
        "write_statistics": [path for path, f in leaves if _shown(f)] or False,
    }


def _leaves(field: pa.Field, path: str) -> Iterator[tuple[str, pa.Field]]:
    """The columns Parquet makes of `field`: their paths and Arrow fields."""
    if pa.types.is_struct(field.type):
        for k in range(field.type.num_fields):
            yield from _leaves(field.type.field(k), f"{path}.{field.type.field(k).name}")
    elif pa.types.is_list(field.type) or pa.types.is_large_list(field.type):
        yield from _leaves(field.type.value_field, f"{path}.list.element")
    else:
        yield path, field


def _repeats(field: pa.Field) -> bool:
    small = pa.types.is_integer(field.type) and field.type.bit_width <= 16
    return small or pa.types.is_dictionary(field.type) or field.name in REPEATS


def _shown(field: pa.Field) -> bool:
    return field.name in SHOWN or pa.types.is_dictionary(field.type) or pa.types.is_primitive(field.type)


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` outlast a power cut, where the file system knows how."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(handle)
