"""Wilson's interval as its definition has it: all shares that a normal test on the counts does not rule out."""

from __future__ import annotations

from math import sqrt


def naive_wilson(hits: int, seen: int, population: int | None, z: float = 1.959963984540054) -> tuple[float, float]:
    """Ends of {p: |hits/seen - p| <= z * sqrt(f * p * (1 - p) / seen)}, by halving."""
    rest = 1.0 if population is None else (population - seen) / max(population - 1, 1)

    def inside(p: float) -> bool:
        return abs(hits / seen - p) <= z * sqrt(rest * p * (1 - p) / seen)

    def edge(outer: float) -> float:
        inner = hits / seen
        if inside(outer):
            return outer
        for _ in range(100):
            middle = (inner + outer) / 2
            inner, outer = (middle, outer) if inside(middle) else (inner, middle)
        return inner

    return edge(0.0), edge(1.0)
