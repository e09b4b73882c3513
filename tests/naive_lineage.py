"""Derivation in plain Python: the definitions that tracing is held against."""

from __future__ import annotations

from collections.abc import Iterable
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
