"""What licences permit, in plain Python: expressions as nested tuples, lineage as dictionaries."""

from __future__ import annotations

from itertools import product
from typing import Any

ONE: dict[str, tuple[int, bool, frozenset[str], bool, int]] = {
    "CC0-1.0": (0, False, frozenset(), True, 0),
    "MIT": (0, True, frozenset(), True, 0),
    "CC-BY-SA-3.0": (0, True, frozenset({"CC-BY-SA-3.0"}), True, 0),
    "CC-BY-SA-4.0": (0, True, frozenset({"CC-BY-SA-4.0"}), True, 0),
    "GPL-2.0-only": (0, True, frozenset({"GPL-2.0-only"}), True, 0),
    "BUSL-1.1": (1, True, frozenset(), True, 1),
    "CC-BY-NC-4.0": (2, True, frozenset(), True, 1),
    "CC-BY-NC-SA-4.0": (2, True, frozenset({"CC-BY-NC-SA-4.0"}), True, 1),
    "CC-BY-ND-4.0": (0, True, frozenset(), False, 1),
    "LicenseRef-mine": (4, True, frozenset(), False, 1),
}
"""use (0 any … 4 unknown), attribution, share-alike, derivatives, training (0 yes, 1 unclear, 2 no)."""


def ways(tree: Any) -> list[frozenset[str]]:
    """Every way to take an expression."""
    if isinstance(tree, str):
        return [frozenset([tree])]
    one, other = ways(tree[1]), ways(tree[2])
    return one + other if tree[0] == "OR" else [a | b for a, b in product(one, other)]


def together(parts: list[Any]) -> tuple[Any, ...]:
    """All of `parts` kept at once."""
    return (
        max([0, *(p[0] for p in parts)]),
        any(p[1] for p in parts),
        frozenset(family for p in parts for family in p[2]),
        all(p[3] for p in parts),
        max([0, *(p[4] for p in parts)]),
    )


def ancestors(parents: dict[int, list[int]], record: int) -> set[int]:
    """The record and all it was made of, in however many steps."""
    found, ahead = {record}, [record]
    while ahead:
        for parent in parents.get(ahead.pop(), []):
            if parent not in found:
                found.add(parent)
                ahead.append(parent)
    return found
