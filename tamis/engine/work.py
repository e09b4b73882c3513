"""The work folder of a run: intermediate Arrow files, and a completion record for every task that is done.

    .work/plan.json                 what this work belongs to; a resume under another plan is refused
    .work/0/000017.rows.arrow       rows that are left after segment 0 of fragment 17
    .work/0/000017.json             completion record: rows, and the size and xxh3 of each file; written last

A file without its record does not count: it is written again, to the same bytes. A file is held against its record when a
process first reads it. tamis.engine.arrow says how tables lie in files.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import xxhash

from tamis.data.disk import disk_errors
from tamis.data.storage.address import Remote
from tamis.engine.arrow import Size, batches_of, between, size_of, table_of, write_arrow
from tamis.errors import RunError

SMALL = 64 << 10
"""Bytes of an intermediate file up to which it is kept in memory, once read."""


@dataclass(frozen=True)
class Work:
    """A folder of intermediate files."""

    root: Path

    def path(self, group: object, index: int, part: str) -> Path:
        """Where `part` of task `index` of `group` lies."""
        return self.root / str(group) / f"{index:06d}.{part}"

    @property
    def far(self) -> Remote | None:
        """Where files are put besides, for nodes that do not see this folder."""
        return None

    @property
    def begun(self) -> tuple[int, int]:
        """What tells this run from another one that was in the same folder before: whose plan lies there, and since when."""
        try:
            facts = (self.root / "plan.json").stat()
        except FileNotFoundError:  # of no run, or of a node that has a folder for this run alone
            return 0, 0
        return facts.st_ino, facts.st_mtime_ns

    def lies(self, group: object, index: int, part: str) -> Path | Remote:
        """Where any node may read `part` from."""
        return self.path(group, index, part)

    def done(self, group: object, index: int) -> dict[str, Any] | None:
        """The completion record of a task if every file it names is there, whole and unchanged."""
        try:
            record: dict[str, Any] = json.loads(self.path(group, index, "json").read_bytes())
        except (FileNotFoundError, ValueError, RecursionError):
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
        temporary = self.temporary(group, index, "json")
        with disk_errors(record_path):
            temporary.write_text(json.dumps(record))
            os.replace(temporary, record_path)
        return record

    def finish_tables(
        self, group: object, index: int, tables: Mapping[str, pa.Table], facts: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Write the tables of a task, then its record."""
        parts = {part: write_arrow(self.temporary(group, index, part), table) for part, table in tables.items()}
        return self.finish(group, index, parts, facts)

    def temporary(self, group: object, index: int, part: str) -> Path:
        """Where a task writes `part` before it is finished: a name of its own, for the task may be carried out twice at once.

        The folder of the work is not made anew: where it is gone, the run is over, and nobody waits for this task.
        """
        path = self.path(group, index, part)
        with disk_errors(path):
            path.parent.mkdir(exist_ok=True)
        return path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")

    def read(self, group: object, index: int, part: str) -> Path:
        """Where a finished file lies, to be read: held against its record once in each process. Raises RunError."""
        path = self.path(group, index, part)
        try:
            facts = path.stat()
        except FileNotFoundError:
            raise RunError(f"{path}: the file is gone, which a finished task wrote; {AGAIN}") from None
        # As numbers: a large run has a million of these.
        seen = hash((str(path), facts.st_ino, facts.st_mtime_ns))
        if seen not in _held:
            self._hold(group, index, part)
            _held.add(seen)
        return path

    def _hold(self, group: object, index: int, part: str) -> None:
        """Raise RunError where a file is not what its task wrote."""
        record, path = self.path(group, index, "json"), self.path(group, index, part)
        try:
            wanted = json.loads(record.read_bytes())["files"].get(part)
        except (FileNotFoundError, ValueError, RecursionError):
            raise RunError(f"{path}: the record of the task that wrote it, {record.name}, is gone; {AGAIN}") from None
        if (found := _digest(path)) != wanted:
            raise RunError(
                f"{path} is not what its task wrote: (bytes, xxh3) are {found}, and {wanted} by its record. Another program "
                f"or the disk has changed it; {AGAIN}"
            )

    def table(self, group: object, index: int, part: str, columns: Sequence[str] | None = None) -> pa.Table:
        """A whole intermediate table, or `columns` of it. Where it is not compressed, only what is touched is read."""
        return table_of(self._source(group, index, part), columns)

    def between(self, group: object, index: int, part: str, low: int, high: int, key: str = "key") -> pa.Table:
        """Rows of a table sorted by `key` whose keys begin with a number from `low` to `high`; little else is read."""
        return between(self._source(group, index, part), low, high, key)

    def size(self, group: object, index: int, part: str) -> Size:
        """Rows and bytes of a table in memory, without reading it."""
        return size_of(self._source(group, index, part))

    def batches(self, group: object, index: int, part: str) -> Iterator[pa.RecordBatch]:
        """The batches of an intermediate table, one at a time, read into memory."""
        with pa.OSFile(str(self.read(group, index, part))) as source:
            yield from batches_of(source)

    def _source(self, group: object, index: int, part: str) -> pa.Buffer | Path:
        """A file, or what is in it: small ones, which many ask for, are kept."""
        path = self.read(group, index, part)
        facts = path.stat()
        return _small(path, facts.st_ino, facts.st_mtime_ns) if facts.st_size <= SMALL else path


AGAIN = "run again with --resume, and that task is carried out again"
"""What to do about an intermediate file that is no good."""

_held: set[int] = set()
"""Files that this process has held against their records."""


@lru_cache(128)
def _small(path: Path, inode: int, modified: int) -> pa.Buffer:
    """A small file, for as long as it is the same."""
    return pa.py_buffer(path.read_bytes())


def _digest(path: Path) -> list[Any] | None:
    digest = xxhash.xxh3_128()
    try:
        with path.open("rb") as f:
            while chunk := f.read(1 << 20):
                digest.update(chunk)
            return [f.tell(), digest.hexdigest()]
    except FileNotFoundError:
        return None
