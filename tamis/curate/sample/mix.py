"""How much of each stratum a mix takes: its strata, what there is of each, and their shares.

By temperature T, a stratum with an amount n of records or tokens has the share n^(1/T) / sum: T = 1 takes every stratum in
proportion to what there is, a large T takes all alike (Devlin et al. 2018, multilingual BERT; Raffel et al. 2020, JMLR 21:140,
section 3.5.2, where a cap is the limit K). By weight, the share is what is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tamis.desk import Desk
from tamis.errors import UsageError

OTHERS = "*"
"""In weights, every stratum that is not named."""

SHOWN = 20
"""Strata that a message names before it says …"""


class Mix(NamedTuple):
    """The strata, by code: the XXH64 of their names.

    codes    (s,) uint64    ascending
    names    s str
    records  (s,) int64     that can be taken
    costs    (s,) int64     of these records: their tokens, or 1 each
    shares   (s,) float64   of the budget; they add up to 1, or to 0 where no stratum with a weight has a record
    leads    (s,) float64   u of tamis.curate.sample.order
    """

    codes: np.ndarray
    names: list[str]
    records: np.ndarray
    costs: np.ndarray
    shares: np.ndarray
    leads: np.ndarray


def tempered(amounts: np.ndarray, temperature: float) -> np.ndarray:
    """Shares (s,) float64 of strata with `amounts` (s,) of records or tokens, all over 0."""
    if not len(amounts):
        return np.zeros(0)
    # Over the largest, so that no power overflows. The floor keeps every stratum in the mix: in the end, all can be taken.
    powers = np.maximum((amounts / max(amounts.max(), 1)) ** (1 / temperature), 1e-30)
    shares: np.ndarray = powers / powers.sum()
    return shares


def weighted(weights: Mapping[str, float], names: Sequence[str], records: np.ndarray) -> np.ndarray:
    """Shares (s,) float64 of the strata in `names` that hold `records` (s,). Raises UsageError where the two do not fit."""
    if unknown := set(weights) - set(names) - {OTHERS}:
        raise UsageError(f"sample: weights name {_listed(unknown)}, but the strata are {_listed(names) or 'none'}")
    there = [name for name, count in zip(names, records.tolist(), strict=True) if count]
    if OTHERS not in weights and (missing := set(there) - set(weights)):
        raise UsageError(
            f"sample: weights do not name {_listed(missing)}; give each a weight (0 leaves it out), "
            f"or {OTHERS!r} one for all that are not named"
        )
    found = np.array([weights.get(name, weights.get(OTHERS, 0)) for name in names], np.float64)
    # Over the largest, so that no sum overflows.
    found = found / max(found.max(initial=0), np.finfo(np.float64).tiny)
    shares: np.ndarray = found / max(found.sum(), np.finfo(np.float64).tiny)
    return shares


def names_of(desk: Desk) -> dict[int, str]:
    """Every stratum by its code, ascending."""
    names: dict[int, str] = {}
    for fragment in range(len(desk.bases) - 1):
        strata = desk.sketch(fragment, "strata")
        for code, name in zip(strata.column("code").to_pylist(), strata.column("name").to_pylist(), strict=True):
            if names.setdefault(code, name) != name:
                raise UsageError(
                    f"sample: {name!r} and {names[code]!r} have the same XXH64; rename one of these strata"
                )
    return dict(sorted(names.items()))


def sums(strata: pa.Array, costs: pa.Array) -> pa.Table:
    """Records and costs of each stratum of some records."""
    grouped = pa.table({"stratum": strata, "cost": costs}).group_by("stratum", use_threads=False)
    return grouped.aggregate([("cost", "count"), ("cost", "sum")]).rename_columns(["stratum", "records", "costs"])


def gathered(desk: Desk, name: str, count: int, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Records and costs of each of `codes` in the first `count` tables of `sums` of a round: (s,) int64 each."""
    records, costs = np.zeros(len(codes), np.int64), np.zeros(len(codes), np.int64)
    for k in range(count):
        table = desk.table(name, k)
        at = np.searchsorted(codes, table.column("stratum").to_numpy())
        records[at] += table.column("records").to_numpy()
        costs[at] += table.column("costs").to_numpy()
    return records, costs


def _listed(names: Sequence[str] | set[str]) -> str:
    shown = [repr(name) for name in sorted(names)[:SHOWN]]
    return ", ".join([*shown, "…"] if len(names) > SHOWN else shown)
