"""SQL rules, asked in a process of their own: one that takes too long or too much memory is stopped, and says so."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import Any, NamedTuple

SECONDS = 60.0
"""A query may take this long."""

START = 60.0
"""The process that asks may take this long until it is ready; the time of a query begins then."""

MEMORY = 4 << 30
"""Bytes a query may hold."""

THREADS = 2
"""Of the process that asks."""

BACKSTOP = 4
"""Times MEMORY of addresses are what the system itself lets the process have, should nobody be left to watch it."""

_LOOK = 0.05


class Answer(NamedTuple):
    """What a query gave: a number, or why there is none. `rows` (from 0, ascending) are the first it counted."""

    value: float | int | None
    rows: list[int]
    error: str | None = None


def ask(
    table: str,
    tables: Mapping[str, Sequence[Path]],
    columns: Mapping[str, Sequence[str]],
    queries: Sequence[tuple[str, str | None]],
    show: int,
    seconds: float = SECONDS,
    memory: int = MEMORY,
) -> Iterator[Answer]:
    """An answer for each of `queries` (query, condition whose rows are named) over Parquet files, `table` the one asked about.

    columns  those of each table that a query can name: what is not in the contract cannot be asked for
    """
    waiting = list(queries)
    while waiting:
        job = {
            "table": table,
            "tables": {name: [str(p) for p in paths] for name, paths in tables.items()},
            "columns": {name: list(columns[name]) for name in tables},
            "queries": waiting,
            "show": show,
            "bytes": BACKSTOP * memory,
            "seconds": math.ceil(min(THREADS * seconds * len(waiting), 1e6)) + 60,
        }
        process = _start(job)
        try:
            ready = _line(process, START, memory)
            if isinstance(ready, Answer):
                waiting.pop(0)
                yield ready
                continue
            while waiting:
                said = _line(process, seconds, memory)
                waiting.pop(0)
                if isinstance(said, Answer):
                    yield said
                    break  # the process is gone: the others get a new one
                yield Answer(said.get("value"), said.get("rows", []), _error(said))
        finally:
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()


def _start(job: dict[str, Any]) -> subprocess.Popen[bytes]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "POLARS_MAX_THREADS": str(THREADS)}
    process = subprocess.Popen(
        [sys.executable, "-m", "tamis.contracts.ask"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=env,
    )
    assert process.stdin
    try:
        process.stdin.write(json.dumps(job).encode() + b"\n")
        process.stdin.close()
    except BrokenPipeError:
        pass  # it is gone already; its silence is told below
    return process


def _line(process: subprocess.Popen[bytes], seconds: float, memory: int) -> dict[str, Any] | Answer:
    """The next line `process` says, or why there is none; it is watched while it works."""
    assert process.stdout
    deadline = time.monotonic() + seconds
    with DefaultSelector() as selector:
        selector.register(process.stdout, EVENT_READ)
        while not selector.select(_LOOK):
            if time.monotonic() > deadline:
                return Answer(None, [], f"stopped after {seconds:g} seconds")
            if _held(process.pid) > memory:
                return Answer(None, [], f"stopped at {memory >> 20:,} MiB of memory")
    line = process.stdout.readline()
    if not line:
        return Answer(None, [], "the process that asked it died")
    found: dict[str, Any] = json.loads(line)
    return found


def _held(pid: int) -> int:
    """Bytes of memory the process holds; 0 where the system does not tell."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0


def _error(said: dict[str, Any]) -> str | None:
    if "error" in said:
        return str(said["error"])
    if said["value"] is None:
        return "it gives null; wanted a number"
    if isinstance(said["value"], str) or not math.isfinite(said["value"]):
        return f"it gives {said['value']}; wanted a number"
    return None
