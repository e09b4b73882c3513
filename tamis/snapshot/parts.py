"""Data files, cut at places that the records decide (tamis/data/cuts.py), so that versions which share records share files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
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
from tamis.errors import UsageError
from tamis.runs.manifest import sha256
from tamis.snapshot.names import split_order

ONLY = "train"
"""The split of data that has none."""


class Part(NamedTuple):
    """A data file: its place in the snapshot, and what was written."""

    path: str
    rows: int
    bytes: int
    sha256: str


def taken(folder: Path, files: Sequence[Path]) -> list[Part]:
    """Copies of `files` as the data of one split, in their order. Copies, as a run's own files may be written over."""
    with disk_errors(folder):
        (folder / "data").mkdir()
    parts = []
    for k, file in enumerate(files):
        path = f"data/{ONLY}-{k:05d}-of-{len(files):05d}.parquet"
        with disk_errors(folder / path):
            shutil.copyfile(file, folder / path)
            with open(folder / path, "rb") as copy:
                os.fsync(copy.fileno())
        rows = pq.read_metadata(folder / path).num_rows
        parts.append(Part(path, rows, (folder / path).stat().st_size, sha256(folder / path)))
    return parts


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
