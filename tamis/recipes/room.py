"""Room on the disk, looked for before a row moves: what a run will write, by the size of its input and its plan.

Measured on 10 GB of web text, for each byte of JSON Lines: 0.45 for every pass that changes rows (lz4), 0.06 beside them for each
pass, 0.11 for sets of n-grams, 0.28 for the data of the run (zstd). What the filters of a recipe let go is not known ahead.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tamis.data import InputFile
from tamis.engine.left import stores_rows
from tamis.engine.plan import Plan
from tamis.errors import OutputError

ROWS, BESIDE, CORPUS, OUT = 0.45, 0.06, 0.15, 0.28
"""Bytes written for each byte of JSON Lines: by a pass that changes rows, by any, by a stage that sees all, by the run."""

PACKED = 3.5
"""Bytes of JSON Lines in a byte of compressed input or Parquet."""


def needed(plan: Plan, files: tuple[InputFile, ...]) -> int:
    """Bytes on the disk that a run takes while it goes on, about."""
    packed = [file for file in files if file.compression is not None]
    size = sum(file.bytes * (PACKED if file in packed or file.format == "parquet" else 1) for file in files)
    unpacked = sum(file.bytes * PACKED for file in packed)
    each = sum(ROWS * stores_rows(s) + BESIDE + CORPUS * (s.corpus is not None) for s in plan.segments)
    return int(size * (each + OUT) + unpacked)


def check(plan: Plan, files: tuple[InputFile, ...], folder: Path) -> None:
    """Raise OutputError where the disk of `folder` has less room than that."""
    wanted, free = needed(plan, files), shutil.disk_usage(folder).free
    if wanted > free:
        raise OutputError(
            f"the run will take about {_said(wanted)} of disk while it goes on, and {_said(free)} are free where {folder} lies; "
            "free some, choose another place with -o, or try all the same with --resume: what is done when the disk is full "
            "is not lost"
        )


def _said(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 10**9 else f"{size / 1e6:,.1f} MB"
