"""Data files, cut at places that the records decide, so that versions which share records share files.

A record ends a part where the hash of its id is below its share of TARGET bytes: a part has about that many, whatever comes
before it. One record more or less changes the part that it is in, and with luck no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.data.writer import LEVEL, write_parquet
from tamis.errors import UsageError
from tamis.kernels.hash import xxh64
from tamis.snapshot.names import split_order

TARGET, LEAST, MOST = 32 << 20, 8 << 20, 96 << 20
"""Bytes of a part, as canonical bytes of its records: on average beyond the least, at least, and from which it ends."""

GROUP = 16 << 20
"""Bytes of a row group, by the same measure."""

WRITER = {"part_bytes": [LEAST, TARGET, MOST], "group_bytes": GROUP, "compression": f"zstd-{LEVEL}"}
"""What else the bytes of a part depend on, for snapshot.json."""

ONLY = "train"
"""The split of data that has none."""


class Part(NamedTuple):
    """A data file: its place in the snapshot, and what was written."""

    path: str
    rows: int
    bytes: int
    sha256: str


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

    def add(self, batch: pa.RecordBatch, sizes: np.ndarray) -> None:
        """Take rows in order. sizes (n,) int64: canonical bytes of each."""
        rows = pa.Table.from_batches([batch])
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
        for end in cuts(rows.column("record_id").combine_chunks(), sizes, split.bytes).tolist():
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
        split.written.append(write_parquet(path, _groups(rows, sizes), self.schema))
        split.rows, split.sizes, split.bytes = [], [], 0


def cuts(ids: pa.Array, sizes: np.ndarray, before: int) -> np.ndarray:
    """Rows after which a part ends, counted from 1: (k,) int64. `before`: bytes in the part so far."""
    chance = (xxh64(ids.cast(pa.binary())) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    wanted = chance < sizes / TARGET
    found, total = [], before
    for row, (size, ends) in enumerate(zip(sizes.tolist(), wanted.tolist(), strict=True), 1):
        total += size
        if (ends and total >= LEAST) or total >= MOST:
            found.append(row)
            total = 0
    return np.array(found, np.int64)


def _groups(rows: pa.Table, sizes: np.ndarray) -> Iterator[pa.Table]:
    """`rows` in row groups: a new one begins where the bytes before it pass a multiple of GROUP."""
    number = (np.cumsum(sizes) - sizes) // GROUP
    starts = np.flatnonzero(np.diff(number, prepend=-1)).tolist()
    for start, end in zip(starts, [*starts, len(sizes)][1:], strict=True):
        yield rows.slice(start, end - start)


def _checked(name: str) -> str:
    if not name or not all(c.isalnum() or c in "._" for c in name) or not name.isascii() or name[0] == ".":
        raise UsageError(
            f"{name!r} in the column 'split' cannot name files; take letters, digits, '_' and '.', as train or test"
        )
    return name
