"""Scores by length as a line with bars: where its points lie, in a picture of WIDTH by HEIGHT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

WIDTH, HEIGHT = 640, 210
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 12, 184

MOST = 16
"""Labels below the line; of more points every other, or every third, has one."""

UNITS = {"told": "length", "tokens": "tokens of the prompt", "characters": "characters of the prompt"}


def curve(bins: Sequence[Mapping[str, Any]], low: float, high: float) -> dict[str, Any]:
    """The line, its points with the ends of their bars, and what stands beside the axes; scores go from `low` to `high`."""
    wide, every = (WIDTH - LEFT - RIGHT) / len(bins), -(-len(bins) // MOST)

    def y(value: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * min(max((value - low) / (high - low), 0.0), 1.0), 1)

    points = [
        {
            "x": round(LEFT + wide * (k + 0.5), 1),
            "y": None if b["value"] is None else y(b["value"]),
            "bar": None if b["low"] is None else (y(b["low"]), y(b["high"])),
            "text": short(b["from"]) + ("" if b["to"] == b["from"] else "–" + short(b["to"] + 1)),
            "told": k % every == 0,
        }
        for k, b in enumerate(bins)
    ]
    line = "L".join(f"{p['x']} {p['y']}" for p in points if p["y"] is not None)
    rules = [{"y": y(v), "text": f"{v:.2g}"} for v in (low + (high - low) * k / 4 for k in range(5))]
    return {"line": f"M{line}" if line else "", "points": points, "rules": rules}


def short(length: int) -> str:
    """`2k` of 2048, as lengths of contexts are told."""
    for size, letter in ((1 << 20, "M"), (1 << 10, "k")):
        if length >= size and length % size == 0:
            return f"{length // size}{letter}"
    return f"{length:,}"
