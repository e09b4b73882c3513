"""Parquet files a row group at a time, with what is damaged in them told apart from what is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from tamis.data.storage.address import Remote

ROWS, BYTES = 8192, 2 << 20
"""A batch has at most so many rows, and as many bytes unless its rows are uneven."""

UNREADABLE = (pa.ArrowException, OSError, UnicodeDecodeError)
"""What pyarrow raises over a damaged file: nothing else, nor a crash, came of 1,800 copies damaged at random."""


class Group(NamedTuple):
    """A row group: its rows, and the bytes of its columns unpacked."""

    rows: int
    bytes: int


@dataclass(frozen=True)
class Damage:
    """Rows, from row `first` of the file on, that could not be read."""

    first: int
    message: str


def open_file(path: Path | Remote, coded: Sequence[str] = ()) -> pq.ParquetFile:
    """`path`, to be read in little memory and with its checksums checked. Raises one of UNREADABLE.

    coded  columns of text that come as dictionaries
    """
    buffer = 4 << 20 if isinstance(path, Remote) else 1 << 20  # a round trip is 10–100 ms
    return pq.ParquetFile(
        source(path), pre_buffer=False, buffer_size=buffer, page_checksum_verification=True, read_dictionary=[*coded]
    )


def read_table(path: Path | Remote, columns: Sequence[str] | None = None) -> pa.Table:
    """All rows of `path`, its columns in the order asked for. Raises one of UNREADABLE.

    pyarrow.parquet.read_table would import pyarrow.dataset, and with it pandas where that is installed: half a second.
    """
    with pq.ParquetFile(source(path), pre_buffer=False) as file:
        table = file.read(columns=None if columns is None else [*columns])
    if columns is None:
        return table
    if missing := [name for name in columns if name not in table.column_names]:
        raise pa.ArrowInvalid(f"column {missing[0]} is not there")
    return table.select([*columns])


def source(path: Path | Remote) -> Any:
    """`path` as Arrow opens it. Raises OSError, or InputError where object storage refuses."""
    return path.native() if isinstance(path, Remote) else plain(path)


def plain(path: Path) -> Path:
    """`path`, before it is opened: a FIFO would wait for ever, and hear no signal meanwhile. Raises OSError."""
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is no plain file")
    return path


def groups(path: Path | Remote) -> list[Group]:
    """The row groups of `path`. Raises one of UNREADABLE."""
    with open_file(path) as file:
        metadata = file.metadata
        found = [metadata.row_group(k) for k in range(metadata.num_row_groups)]
        file.schema_arrow  # noqa: B018  a schema Arrow cannot hold is found here, not at the first row
        return [Group(max(g.num_rows, 0), max(g.total_byte_size, 0)) for g in found]


def batches(path: Path | Remote, lo: int, hi: int, first: int) -> Iterator[tuple[int, pa.RecordBatch] | Damage]:
    """Batches of row groups `lo` up to `hi`, each with the place of its first row; `first` is that of the first group.

    A group that breaks off is followed by Damage, and by the next group.
    """
    try:
        file = open_file(path)
    except UNREADABLE as error:
        yield Damage(first, f"the Parquet file cannot be opened: {one_line(error)}")
        return
    with file:
        for k in range(lo, hi):
            group = file.metadata.row_group(k)
            declared, at = group.num_rows, first
            size = min(ROWS, max(1, BYTES * group.num_rows // max(group.total_byte_size, 1)))
            read = file.iter_batches(batch_size=size, row_groups=[k], use_threads=False)
            try:
                while (batch := next(read, None)) is not None:
                    yield at, batch
                    at += batch.num_rows
            except UNREADABLE as error:
                yield Damage(at, f"row group {k} breaks off after {at - first} of {declared} rows: {one_line(error)}")
            else:
                if at - first < declared:
                    yield Damage(at, f"row group {k} holds {at - first} of the {declared} rows it declares")
            first += declared


def one_line(error: BaseException) -> str:
    """The first line of what an error says."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
