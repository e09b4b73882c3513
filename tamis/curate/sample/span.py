"""Spans of positions: the order of a mix, cut into pieces that fit into memory.

Each task of the round before leaves its records sorted by position, with the running sum of their costs. A span is read from
all of them; how many records and costs lie below it follows from where it begins in each.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tamis.desk import Desk

DRAWN = 16
"""Positions looked at, of each task, for every span: enough that spans are within a few in a hundred of each other."""


class Span(NamedTuple):
    """Positions from `low` up to, not including, `high`: records and costs below it."""

    low: float
    high: float
    records: int
    costs: int


def spans(desk: Desk, name: str) -> list[Span]:
    """As many spans as round `name` had tasks, of about equal numbers of records. Equal positions are in one span."""
    n = desk.count(name)
    tables = [desk.table(name, k) for k in range(n)]
    at = [table.column("position").to_numpy() for table in tables]
    spent = [table.column("spent").to_numpy() for table in tables]
    drawn = np.sort(np.concatenate([one[:: max(1, len(one) // (DRAWN * n))] for one in at]))
    cuts = drawn[np.arange(1, n) * len(drawn) // n] if len(drawn) else np.zeros(n - 1)
    borders = [-np.inf, *cuts.tolist(), np.inf]
    found = []
    for low, high in pairwise(borders):
        ends = [int(np.searchsorted(one, low)) for one in at]
        costs = sum(int(one[end - 1]) for one, end in zip(spent, ends, strict=True) if end)
        found.append(Span(low, high, sum(ends), costs))
    return found


def inside(desk: Desk, name: str, span: Span) -> pa.Table:
    """The records of round `name` in `span`, in the order of the mix: position, draw, place in the input."""
    parts = []
    for k in range(desk.count(name)):
        table = desk.table(name, k)
        lo, hi = np.searchsorted(table.column("position").to_numpy(), [span.low, span.high])
        parts.append(table.slice(lo, hi - lo))
    met = pa.concat_tables(parts).combine_chunks()
    order = np.lexsort([met.column(column).to_numpy() for column in ("ordinal", "key", "position")])
    return met.take(pa.array(order))
