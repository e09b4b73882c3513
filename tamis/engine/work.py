"""The work folder of a run: intermediate Arrow files, and a completion record for every task that is done.

    .work/plan.json                 what this work belongs to; a resume under another plan is refused
    .work/0/000017.rows.arrow       rows that are left after segment 0 of fragment 17
    .work/0/000017.json             completion record: rows, and the size and xxh3 of each file; written last

A file without its record does not count: it is written again, to the same bytes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import xxhash

from tamis.data.disk import disk_errors

SMALL = 64 << 10
"""Bytes of an intermediate file up to which it is kept in memory, once read."""


@dataclass(frozen=True)
class Work:
    """A folder of intermediate files."""

    root: Path

    def path(self, group: object, index: int, part: str) -> Path:
        """Where `part` of task `index` of `group` lies."""
        return self.root / str(group) / f"{index:06d}.{part}"

    def done(self, group: object, index: int) -> dict[str, Any] | None:
        """The completion record of a task if every file it names is there, whole and unchanged."""
        try:
            record: dict[str, Any] = json.loads(self.path(group, index, "json").read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        for part, digest in record["files"].items():
            if _digest(self.path(group, index, part)) != digest:
                return None
        return record

    def finish(self, group: object, index: int, parts: Mapping[str, Path], facts: Mapping[str, Any]) -> dict[str, Any]:
        """Put the temporary files of a task in place, then its record."""
        files = {}
        for part, path in parts.items():
            files[part] = _digest(path)
            os.replace(path, self.path(group, index, part))
        record = {**facts, "files": files}
        record_path = self.path(group, index, "json")
        temporary = record_path.with_suffix(".json.tmp")
        with disk_errors(record_path):
            temporary.write_text(json.dumps(record))
            os.replace(temporary, record_path)
        return record

    def finish_tables(
        self, group: object, index: int, tables: Mapping[str, pa.Table], facts: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Write the tables of a task, then its record."""
        parts = {part: write_arrow(self.temporary(group, index, part), table) for part, table in tables.items()}
        self.temporary(group, index, "json")
        return self.finish(group, index, parts, facts)

    def temporary(self, group: object, index: int, part: str) -> Path:
        """Where a task writes `part` before it is finished."""
        path = self.path(group, index, part)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.with_name(path.name + ".tmp")

    def table(self, group: object, index: int, part: str) -> pa.Table:
        """A whole intermediate table, mapped: only what is touched is read. Small ones, which many ask for, are kept."""
        path = self.path(group, index, part)
        facts = path.stat()
        if facts.st_size <= SMALL:
            return _small(path, facts.st_ino, facts.st_mtime_ns)
        with pa.memory_map(str(path)) as source:
            return pa.ipc.open_file(source).read_all()

    def batches(self, group: object, index: int, part: str) -> Iterator[pa.RecordBatch]:
        """The batches of an intermediate table, one at a time, read into memory."""
        with pa.OSFile(str(self.path(group, index, part))) as source:
            reader = pa.ipc.open_file(source)
            for k in range(reader.num_record_batches):
                yield reader.get_batch(k)


@contextmanager
def arrow_file(path: Path, schema: pa.Schema) -> Iterator[pa.ipc.RecordBatchFileWriter]:
    """An uncompressed Arrow IPC file to append batches to. A full disk or unwritable place raises OutputError."""
    with disk_errors(path), pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        yield writer


def write_arrow(path: Path, table: pa.Table, batch: int | None = None) -> Path:
    """Write `table` as one batch, or in batches of so many rows; return `path`."""
    with arrow_file(path, table.schema) as writer:
        writer.write_table(table.combine_chunks(), batch)
    return path


@lru_cache(512)
def _small(path: Path, inode: int, modified: int) -> pa.Table:
    """A small table, read whole, for as long as the file is the same."""
    return pa.ipc.open_file(pa.py_buffer(path.read_bytes())).read_all()


def _digest(path: Path) -> list[Any] | None:
    digest = xxhash.xxh3_128()
    try:
        with path.open("rb") as f:
            while chunk := f.read(1 << 20):
                digest.update(chunk)
            return [f.tell(), digest.hexdigest()]
    except FileNotFoundError:
        return None
