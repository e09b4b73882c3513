"""A file of JSON Lines that only grows: a line is on disk before anyone is told that it was saved."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any

from tamis.data.disk import disk_errors
from tamis.errors import OutputError


class Log:
    """`with Log(path) as log: log.append(row)`; one process at a time. Half a line, left by a crash, stays for readers to tell."""

    def __init__(self, path: Path) -> None:
        """Raises OutputError where it cannot be written, or another process writes to it."""
        self.path = path
        with disk_errors(path):
            self._file = open(path, "ab", buffering=0)  # noqa: SIM115
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as taken:
            self._file.close()
            raise OutputError(
                f"{path} is being written to by another process; end that one, or name another file"
            ) from taken
        with disk_errors(path):
            self._end_the_last_line()

    def append(self, row: dict[str, Any]) -> None:
        """Write `row` and have it on disk. Raises OutputError, and then nothing of it is there to be mistaken for a line."""
        line = json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        size = os.fstat(self._file.fileno()).st_size
        try:
            with disk_errors(self.path):
                written = self._file.write(line)
                if written != len(line):
                    raise OSError(28, "No space left on device")
                os.fsync(self._file.fileno())
        except OutputError:
            os.ftruncate(self._file.fileno(), size)
            raise

    def _end_the_last_line(self) -> None:
        with open(self.path, "rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                return
            file.seek(-1, os.SEEK_END)
            torn = file.read(1) != b"\n"
        if torn:
            self._file.write(b"\n")
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let others write."""
        self._file.close()

    def __enter__(self) -> Log:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def refuse_others(path: Path) -> None:
    """Raises OutputError where `path` is a pipe, or its first line is none of a rater: it may be a file of tasks or answers."""
    if not path.exists():
        return
    if not path.is_file():
        raise OutputError(f"{path} is no file that lines can be added to; name another one")
    with open(path, "rb") as file:
        line = file.readline().strip()
    try:
        row = json.loads(line or b'{"rater": ""}')
        own = isinstance(row, dict) and "rater" in row
    except (ValueError, RecursionError):
        own = line.startswith((b'{"task"', b'{"export"'))  # half a line, left by a crash
    if not own:
        raise OutputError(f"{path} holds something else than what raters said; name another file")
