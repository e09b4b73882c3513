"""Data files, cut at places that the records decide (tamis/data/cuts.py), so that versions which share records share files."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.data.cuts import file_ends, in_file_groups
from tamis.data.disk import disk_errors
from tamis.data.groups import row_bytes
from tamis.data.writer import write_parquet
from tamis.errors import InputError, UsageError
from tamis.snapshot.folder import BATCH, reading
from tamis.snapshot.names import split_order

ONLY = "train"
"""The split of data that has none."""


class Part(NamedTuple):
    """A data file: its place in the snapshot, and what was written."""

    path: str
    rows: int
    bytes: int
    sha256: str


def taken(folder: Path, files: Mapping[Path, str], written: list[Part]) -> Iterator[pa.RecordBatch]:
    """The rows of `files`, whose copies become the data of one split, in their order: each is added to `written` first.

    Copies, as a run's own files may be written over. files: the sha256 of each. Raises InputError where that of a copy differs.
    """
    with disk_errors(folder):
        (folder / "data").mkdir()
    for k, file in enumerate(files):
        path = f"data/{ONLY}-{k:05d}-of-{len(files):05d}.parquet"
        with disk_errors(folder / path):
            digest, size = _copied(file, folder / path), (folder / path).stat().st_size
        if digest != files[file]:
            raise InputError(f"{file} was written anew while it was read, and nothing was frozen; freeze again")
        with reading(folder / path), pq.ParquetFile(folder / path, pre_buffer=False, memory_map=True) as copy:
            written.append(Part(path, copy.metadata.num_rows, size, digest))
            yield from copy.iter_batches(BATCH, use_threads=False)


def _copied(file: Path, target: Path) -> str:
    """Copy `file` to `target`, flushed to disk; the sha256 of the copy, read again.

    By `shutil`, which leaves the copying to the kernel: 0.5 CPU seconds for 470 MB, digest included. Hashed on their way, in
    pieces of 256 KiB, the same took 1.2: such pieces get new, large pages.
    """
    shutil.copyfile(file, target)
    with open(target, "rb") as copy:
        os.fsync(copy.fileno())
        return hashlib.file_digest(copy, "sha256").hexdigest()


@dataclass
class _Split:
    """What of a split is not written yet, and what is."""

    rows: list[pa.Table] = field(default_factory=list)
    sizes: list[np.ndarray] = field(default_factory=list)
    bytes: int = 0
    written: list[Any] = field(default_factory=list)


@dataclass
class Parts:
    """Data files below `folder`, written as rows come."""

    folder: Path
    schema: pa.Schema
    splits: dict[str, _Split] = field(default_factory=dict)

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows in order."""
        rows, sizes = pa.Table.from_batches([batch]), row_bytes(batch)
        if "split" not in batch.schema.names:
            self._take(ONLY, rows, sizes)
            return
        names = batch.column("split").cast(pa.string()).fill_null("").dictionary_encode()
        codes = names.indices.to_numpy()
        for code, name in enumerate(names.dictionary.to_pylist()):
            here = np.flatnonzero(codes == code)
            whole = len(here) == batch.num_rows
            self._take(_checked(name), rows if whole else rows.take(pa.array(here)), sizes[here])

    def finish(self) -> tuple[list[Part], dict[str, int]]:
        """Write what is left, name the files by how many there are; they, and the rows of each split."""
        if not self.splits:
            self._take(ONLY, self.schema.empty_table(), np.empty(0, np.int64))
        parts, rows = [], {}
        for name in sorted(self.splits, key=split_order):
            split = self.splits[name]
            if split.rows or not split.written:
                self._write(name, split)
            for k, file in enumerate(split.written):
                path = f"data/{name}-{k:05d}-of-{len(split.written):05d}.parquet"
                file.path.rename(self.folder / path)
                parts.append(Part(path, file.rows, file.bytes, file.sha256))
            rows[name] = sum(file.rows for file in split.written)
        return parts, rows

    def _take(self, name: str, rows: pa.Table, sizes: np.ndarray) -> None:
        split = self.splits.setdefault(name, _Split())
        start = 0
        for end in file_ends(rows.column("record_id").combine_chunks(), sizes, split.bytes).tolist():
            split.rows.append(rows.slice(start, end - start))
            split.sizes.append(sizes[start:end])
            self._write(name, split)
            start = end
        if start < len(sizes):
            split.rows.append(rows.slice(start))
            split.sizes.append(sizes[start:])
            split.bytes += int(sizes[start:].sum())

    def _write(self, name: str, split: _Split) -> None:
        rows = pa.concat_tables(split.rows or [self.schema.empty_table()])
        sizes = np.concatenate(split.sizes or [np.empty(0, np.int64)])
        (self.folder / "data").mkdir(exist_ok=True)
        path = self.folder / "data" / f"{name}-{len(split.written):05d}.parquet"
        split.written.append(write_parquet(path, in_file_groups(rows, sizes), self.schema))
        split.rows, split.sizes, split.bytes = [], [], 0


def _checked(name: str) -> str:
    if not name or not all(c.isalnum() or c in "._" for c in name) or not name.isascii() or name[0] == ".":
        raise UsageError(
            f"{name!r} in the column 'split' cannot name files; take letters, digits, '_' and '.', as train or test"
        )
    return name
