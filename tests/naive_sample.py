"""Samples in plain Python: a queue for each stratum, and whoever comes first is taken."""

from __future__ import annotations

import math
from typing import NamedTuple

import xxhash


class Record(NamedTuple):
    """What a sample knows of a record."""

    record_id: bytes
    stratum: str
    cost: int = 1


def draw(key: bytes, purpose: str, seed: int) -> int:
    return xxhash.xxh64_intdigest(key, xxhash.xxh64_intdigest(f"{purpose} {seed}".encode()))


def code(stratum: str) -> int:
    return xxhash.xxh64_intdigest(stratum.encode())


def shares(rows: list[Record], weights: dict[str, float] | None, temperature: float, cap: float) -> dict[str, float]:
    names = sorted({row.stratum for row in rows}, key=code)
    if weights is not None:
        total = sum(weights.values())
        return {name: weights[name] / total for name in names}
    amounts = {}
    for name in names:
        costs = [row.cost for row in rows if row.stratum == name]
        amounts[name] = sum(costs) * min(1, cap / len(costs))
    most = max([1, *amounts.values()])
    powers = {name: max((amount / most) ** (1 / temperature), 1e-30) for name, amount in amounts.items()}
    return {name: power / sum(powers.values()) for name, power in powers.items()}


def left_out(
    rows: list[Record],
    size: int | None = None,
    fraction: float | None = None,
    tokens: int | None = None,
    weights: dict[str, float] | None = None,
    temperature: float = 1.0,
    cap: int | None = None,
    seed: int = 0,
) -> dict[int, tuple[str, float]]:
    """Rule and value of every record that is not taken, by its place in `rows`."""
    gone: dict[int, tuple[str, float]] = {}
    for k, row in enumerate(rows):
        if tokens is not None and row.cost > tokens:
            gone[k] = "over_budget", row.cost
    there = [row for k, row in enumerate(rows) if k not in gone]
    share = shares(there, weights, temperature, cap or math.inf)
    queue = []
    for name in share:
        lead = ((draw(code(name).to_bytes(8, "big"), "sample lead", seed) >> 11) + 1) / 2**53
        own = sorted((draw(row.record_id, "sample", seed), k) for k, row in enumerate(rows) if row.stratum == name)
        own = [(drawn, k) for drawn, k in own if k not in gone]
        before = 0
        for place, (drawn, k) in enumerate(own, 1):
            if share[name] == 0:
                gone[k] = "no_weight", 0
            elif cap is not None and place > cap:
                gone[k] = "over_cap", place
            else:
                queue.append(((before + lead * rows[k].cost) / share[name], drawn, k))
            before += rows[k].cost
    spent = 0
    for place, (_, _, k) in enumerate(sorted(queue), 1):
        spent += rows[k].cost
        if size is not None and place > size:
            gone[k] = "not_sampled", place
        elif fraction is not None and place > math.floor(fraction * len(there) + 0.5):
            gone[k] = "not_sampled", place / len(there)
        elif tokens is not None and spent > tokens:
            gone[k] = "over_budget", spent
    return gone
