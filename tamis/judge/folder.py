"""The folder of a sitting: what may be in it, and what a sitting that is over left there."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl

from tamis.data.disk import disk_errors
from tamis.errors import OutputError, RunError, UsageError

HALF = frozenset({"judgments.parquet", "panel.parquet", "probe.parquet", "rubric.yaml"})
WHOLE = HALF | {"run.json", "report.html", "MANIFEST.sha256"}

NAMES = {"rubric": "criteria", "asked": "parameters", "by": "judges", "inputs": "answers"}
"""What of run.json says what was asked, in words."""


@contextmanager
def taken(out: Path) -> Iterator[None]:
    """Hold the folder against other processes, made where it is not there. Raises UsageError, OutputError.

    The lock is on the folder itself: a file for it would be in the seal. A folder that stays empty is taken away again.
    """
    with disk_errors(out):
        if out.exists() and not out.is_dir():
            raise UsageError(f"{out} is a file; name a folder with -o")
        fresh = not out.exists()
        out.mkdir(parents=True, exist_ok=True)
        lock = os.open(out, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(f"another process is judging into {out}; wait for it, or stop it") from None
        yield
    finally:
        os.close(lock)
        if fresh:
            with suppress(OSError):  # something is in it
                out.rmdir()


def prepare(out: Path, again: bool = False) -> None:
    """Take an empty folder, or one that a sitting was broken off in; `again`: or is over. Raises UsageError, OutputError."""
    with disk_errors(out):
        left = [p for p in out.iterdir() if _is_half(p.name)]
        there = sorted(p.name for p in out.iterdir() if p not in left)
        if "run.json" in there and not again:
            raise UsageError(f"{out} holds a finished run; name another folder with -o, or remove it")
        if strange := set(there) - (WHOLE if again else HALF):
            raise UsageError(f"{out} holds {min(strange)}; name another folder with -o")
        for half in left:
            half.unlink(missing_ok=True)


def _is_half(name: str) -> bool:
    """Is it half of a file of ours, left by a process that was killed?"""
    return name.endswith(".tmp") and any(name.startswith(f".{own}.") for own in WHOLE)


def read_back(path: Path) -> pl.DataFrame:
    """Rows of JUDGMENT as they were written; money as it was. Raises RunError."""
    try:
        return pl.read_parquet(path, glob=False)
    except (OSError, pl.exceptions.PolarsError) as wrong:
        raise _damaged(path) from wrong


def earlier(out: Path, asks: Mapping[str, Any]) -> dict[str, Any] | None:
    """run.json of the sitting that ended in `out`; None: there was none.

    asks  what of run.json says what is asked, as the sitting that goes on has it

    Raises UsageError where that is another one, RunError where run.json is damaged.
    """
    if not (out / "run.json").exists():
        return None
    try:
        facts: dict[str, Any] = json.loads((out / "run.json").read_bytes())
        other = [NAMES[name] for name, value in asks.items() if facts[name] != value]
        facts["judgments"]["failed"], facts["judgments"]["skipped"], facts["varies"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as wrong:
        raise _damaged(out / "run.json") from wrong
    if other:
        raise UsageError(
            f"{out} holds a finished run that had other {' and '.join(other)}; name another folder with -o: what was bought "
            "costs nothing again"
        )
    return facts


def has_more(facts: Mapping[str, Any]) -> bool:
    """Are there requests that failed, or were not made, so that the sitting can go on?"""
    return bool(facts["judgments"]["failed"] or facts["judgments"]["skipped"])


def is_whole(out: Path) -> bool:
    """Did a sitting end in `out` with every request answered?"""
    before = earlier(out, {})
    return before is not None and not has_more(before)


def _damaged(path: Path) -> RunError:
    return RunError(f"{path} is damaged; remove {path.parent} and judge again: what was bought costs nothing again")
