"""Rows of JSON Lines or Parquet out of bytes, each with its place in the file.

The bytes are read once by whoever holds them: what is verified is what is read.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tamis.data.inputs import find
from tamis.data.parquet import UNREADABLE, one_line
from tamis.errors import InputError


def file_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every row of a file, or of all files of a folder, with its place. Raises InputError at the first that is none."""
    for file in find([path]):
        try:
            data = file.path.read_bytes()
        except OSError as gone:
            raise InputError(f"{file.path} cannot be read: {gone.strerror or gone}") from None
        yield from each_row(data, file.name)


def each_row(data: bytes, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every row of `data`, a file called `name`. Raises InputError at the first that is none."""
    try:
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        elif data[:4] == b"\x28\xb5\x2f\xfd":
            data = pa.input_stream(pa.BufferReader(data), compression="zstd").read()
        if data[:4] == b"PAR1":
            for k, row in enumerate(read_table(data).to_pylist(), 1):
                yield f"{name}:{k}", row
            return
    except (*UNREADABLE, EOFError, zlib.error) as wrong:
        raise InputError(f"{name} cannot be read: {one_line(wrong)}") from None
    data, number, before = data.removeprefix(b"\xef\xbb\xbf"), 1, 0
    for found in re.finditer(rb"[^\n]+", data):  # a quarter of a gigabyte of empty lines is 1 MB of gzip
        number, before = number + data.count(b"\n", before, found.start()), found.start()
        if found[0].strip():
            yield f"{name}:{number}", _parsed(found[0], f"{name}:{number}")


def read_table(data: bytes) -> pa.Table:
    """The Parquet file that `data` is, read without threads: a process that ends at once would end under them."""
    with pq.ParquetFile(pa.BufferReader(data), pre_buffer=False, page_checksum_verification=True) as file:
        return file.read(use_threads=False)


def _parsed(line: bytes, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
        if b"\\ud" in line.lower():
            json.dumps(row, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except (ValueError, RecursionError) as wrong:
        raise InputError(f"{place}: not JSON, or not text: {one_line(wrong)}; mend the line") from None
    if not isinstance(row, dict):
        raise InputError(f"{place}: a {type(row).__name__}; an object was wanted")
    return row
