"""Which records people are to look at: of every rule some that it dropped, and as many that were kept.

A record is drawn by a mix of its id and the seed, the smallest first: the same every time, whatever the order of the run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.data.parquet import open_file
from tamis.errors import UsageError
from tamis.runs.folder import Run
from tamis.schemas.ids import halves

LEAVING = ("drop", "merge")
"""Actions by which a record goes for good; one that was set aside is still there to be looked at."""


class Stratum(NamedTuple):
    """What is drawn from: the records that one rule of one step dropped, or those that were kept (`rule` "")."""

    step: int
    stage: str
    rule: str
    population: int

    @property
    def fate(self) -> str:
        """dropped or kept."""
        return "dropped" if self.rule else "kept"


class Drawn(NamedTuple):
    """Strata, rules by step and name and those kept last, and the records of each.

    ids       for each stratum (k, 2) uint64
    left_out  rules by which a record lost to another: whether that is right cannot be told from its text alone
    """

    strata: tuple[Stratum, ...]
    ids: tuple[np.ndarray, ...]
    left_out: tuple[Stratum, ...]


def draw(run: Run, per_rule: int = 50, kept: int | None = None, seed: int = 0, rules: Collection[str] = ()) -> Drawn:
    """At most `per_rule` records of every rule that dropped any, and `kept` of those kept; None: as many as of all rules.

    rules  names of rules or stages, alone drawn from; none: all but those by which a record lost to another

    Raises UsageError where one of `rules` dropped nothing.
    """
    lowest: dict[_Rule, _Lowest] = {}
    for part in run.parts("verdicts"):
        for table in _groups(part, ["record_id", "step", "stage", "action", "rule", "peer_id"]):
            _add(table, lowest, per_rule, seed)
    if unknown := [name for name in rules if not any(name in key[1:] for key in lowest)]:
        known = ", ".join(dict.fromkeys(rule for _, _, rule in sorted(lowest))) or "none"
        raise UsageError(f"no rule or stage {unknown[0]!r} dropped a record of {run.path}; these did: {known}")
    wanted = [k for k in sorted(lowest) if (any(name in k[1:] for name in rules) if rules else not lowest[k].has_peers)]
    ids = [lowest[key].ids for key in wanted]
    stayed = _Lowest(sum(map(len, ids)) if kept is None else kept, seed)
    for part in run.parts("data"):
        for table in _groups(part, ["record_id"]):
            stayed.add(halves(table.column("record_id")))
    strata = [Stratum(*key, lowest[key].population) for key in wanted]
    left = [Stratum(*k, lowest[k].population) for k in sorted(lowest) if not rules and lowest[k].has_peers]
    return Drawn((*strata, Stratum(0, "", "", stayed.population)), (*ids, stayed.ids), tuple(left))


_Rule = tuple[int, str, str]
"""Step, stage and rule."""


class _Lowest:
    """The few of many ids whose mix with the seed is lowest. has_peers: some lost to another record."""

    def __init__(self, most: int, seed: int) -> None:
        self.most, self.seed, self.population, self.has_peers = most, seed, 0, False
        self.ids = np.empty((0, 2), np.uint64)

    def add(self, ids: np.ndarray) -> None:
        """Look at `ids` (n, 2), too."""
        self.population += len(ids)
        both = np.concatenate([self.ids, ids])
        self.ids = both[np.lexsort((both[:, 1], mixed(both, self.seed)))[: self.most]]


def mixed(ids: np.ndarray, seed: int) -> np.ndarray:
    """A number of every id (n, 2) uint64 and the seed, as good as random (splitmix64): (n,) uint64."""
    x = ids[:, 0] ^ np.uint64((seed * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    mix: np.ndarray = x ^ (x >> np.uint64(31))
    return mix


def _add(table: pa.Table, lowest: dict[_Rule, _Lowest], most: int, seed: int) -> None:
    """Look at the verdicts in `table`, too."""
    leaves = pc.is_in(table.column("action").cast(pa.string()), pa.array(LEAVING))
    table = table.filter(leaves)
    if not table.num_rows:
        return
    keys = table.select(["step", "stage", "rule"]).cast(
        pa.schema([("step", pa.int64()), ("stage", pa.string()), ("rule", pa.string())])
    )
    # Few rules, many records: each combination of the three as one number.
    codes = [column.combine_chunks().dictionary_encode() for column in keys.columns]
    code = np.zeros(len(keys), np.int64)
    for one in codes:
        code = code * len(one.dictionary) + one.indices.to_numpy()
    ids = halves(table.column("record_id"))
    peers = table.column("peer_id").is_valid().to_numpy()
    _, first, which = np.unique(code, return_index=True, return_inverse=True)
    for k, at in enumerate(first.tolist()):
        step, stage, rule = (str(column[at].as_py()) for column in keys.columns)
        own = lowest.setdefault((int(step), stage, rule), _Lowest(most, seed))
        own.add(ids[which == k])
        own.has_peers |= bool(peers[which == k].any())


def _groups(part: Path, columns: list[str]) -> Iterator[pa.Table]:
    with open_file(part) as file:
        for k in range(file.num_row_groups):
            yield file.read_row_group(k, columns=columns)
