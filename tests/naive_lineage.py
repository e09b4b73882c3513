"""Derivation in plain Python: the definitions that tracing is held against."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any


def distances(edges: Iterable[tuple[Any, Any]], seeds: Iterable[Any]) -> dict[Any, int]:
    """Edges from the nearest seed to everything that can be reached."""
    edges, level = list(edges), set(seeds)
    found: dict[Any, int] = {}
    steps = 0
    while level:
        found.update(dict.fromkeys(level, steps))
        level = {end for start, end in edges if start in level} - found.keys()
        steps += 1
    return found


def remains(folder: Path, value: bytes) -> list[str]:
    """Files below `folder` that hold `value`, as they stand or as their tables read: what grep would find."""
    import pyarrow.parquet as pq

    found = []
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            if data[:4] == b"PAR1":
                data += repr(pq.read_table(path).to_pylist()).encode()
            if value in data:
                found.append(str(path))
    return found
