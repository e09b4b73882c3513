"""Splits that near-duplicates cannot leak across: a group of records that are alike goes to one split as a whole.

    split@1: {train: 0.95, validation: 0.05}
    split@1: {shares: {train: 0.8, dev: 0.1, held_out: 0.1}, stratify: source}

Where a group goes is a hash of its smallest record_id: adding data reshuffles nothing, unless `stratify` asks that every
stratum be cut just by the shares. tamis.curate.assign says what holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.curate.assign import assign, balanced, check, identity
from tamis.curate.near.alike import Alike
from tamis.curate.near.clusters import grouped
from tamis.curate.near.components import find, in_range, place
from tamis.desk import Desk, KeyRange, Tables
from tamis.errors import UsageError
from tamis.kernels.hash import xxh64
from tamis.schemas.ids import halves
from tamis.stage import Rule

NAMED = ("train", "validation", "test")


@dataclass(frozen=True)
class Split(Alike):
    """Write the split of every record to the column `split`; records that are alike, also through others, share one.

    recall     as of near, but higher: a pair that is missed may lie in two splits
    train, validation, test
               shares of the records, which add up to 1; a split without one is not made
    shares     shares of splits with names of your own, behind those; neither: train 0.95, validation 0.05
    stratify   column whose every value is to be split by the shares; None: they hold on average
    seed       another seed, another split
    """

    recall: float = 0.9999
    train: float | None = None
    validation: float | None = None
    test: float | None = None
    shares: dict[str, float] | None = None
    stratify: str | None = None
    seed: int = 0

    name: ClassVar[str] = "split"
    writes: ClassVar[pa.Schema] = pa.schema([pa.field("split", pa.string(), False)])
    revisits: ClassVar[bool] = True
    measured_by: ClassVar[frozenset[str]] = frozenset(
        ("threshold", "ngram", "unit", "on", "recall", "train", "validation", "test", "shares", "stratify", "seed")
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if odd := [name for name in self.shares or () if not isinstance(name, str) or not name]:
            raise UsageError(f"split: shares has {odd[0]!r} for the name of a split; text was wanted, as in 'fold 1'")
        if twice := [name for name in self.shares or () if getattr(self, name, None) is not None and name in NAMED]:
            raise UsageError(f"split: {twice[0]!r} has two shares, one of its own and one in shares; leave one out")
        if self.stratify == "":
            raise UsageError("split: stratify is ''; name a column, or leave it out for shares that hold on average")
        check(self.splits)
        if len(self.splits) > 255:
            raise UsageError(f"split: there are {len(self.splits)} splits; 255 at most are made")

    @property
    def splits(self) -> dict[str, float]:
        """Share of each split, in order."""
        named = {name: getattr(self, name) for name in NAMED if getattr(self, name) is not None}
        return {**named, **(self.shares or {})} or {"train": 0.95, "validation": 0.05}

    @property
    def reads(self) -> pa.Schema:
        """The fields of `on` and the column to stratify by."""
        extra = [pa.field(self.stratify, pa.null())] if self.stratify else []
        return pa.schema(list({f.name: f for f in (*super().reads, *extra)}.values()))

    @property
    def rules(self) -> tuple[Rule, ...]:
        """None: every record stays."""
        return ()

    @property
    def sketches(self) -> pa.Schema:
        """As of all that look for likeness, and a hash of the stratum."""
        return super().sketches.append(pa.field("stratum", pa.uint64()))

    def sketch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """With the stratum of each row: a null is one of its own."""
        stratum = np.zeros(batch.num_rows, np.uint64)
        if self.stratify:
            stratum = xxh64(pc.fill_null(_as_text(batch.column(self.stratify), self.stratify), "\0none"))
        alike = super().sketch(batch)
        return pa.record_batch([*alike.columns, pa.array(stratum)], schema=self.sketches)

    def index(self, sketched: pa.Table) -> Tables:
        """And `strata` by row."""
        return {**super().index(sketched), "strata": sketched.select(["row", "stratum"])}

    def settle(self, desk: Desk) -> None:
        """Edges; groups; the border of each stratum where one is asked for; the split of every record."""
        self.find_edges(desk)
        find(desk)
        desk.run("groups", place(desk))
        if self.stratify:
            desk.run("strata", [None])
        desk.run("assigned", range(len(desk.bases) - 1))

    def groups(self, desk: Desk, number: int, keys: KeyRange) -> Tables:
        """The key of the group of every record that is like another: two halves of the smallest record_id in it."""
        pairs = in_range(desk, keys)
        ends = [pairs.column(name).to_numpy() for name in ("left", "right")]
        records, places = np.unique(np.concatenate(ends), return_inverse=True)
        group = grouped(len(records), *np.split(places, 2))
        known = identity(halves(desk.record_ids(records)), group)
        table = pa.table({"ordinal": records, "high": known[:, 0], "low": known[:, 1]})
        facts = pa.table({"groups": [len(np.unique(group))], "largest": [int(np.bincount(group).max(initial=0))]})
        return {"groups": table, "facts": facts}

    def strata(self, desk: Desk, number: int, item: None) -> Tables:
        """The split of every group, alive records counted, so that each stratum is cut by the shares."""
        found = []
        for fragment in range(len(desk.bases) - 1):
            alive = np.flatnonzero(desk.alive(fragment))
            keys = _keys(desk, desk.bases[fragment] + alive)
            table = desk.sketch(fragment, "strata")
            at = np.searchsorted(table.column("row").to_numpy(), alive)
            found.append((keys, table.column("stratum").to_numpy()[at]))
        keys = np.concatenate([pair[0] for pair in found])
        stratum = np.concatenate([pair[1] for pair in found])
        # Stable: what stands for a group is the stratum of its first record.
        order = np.lexsort((keys[:, 1], keys[:, 0]))
        first = np.ones(len(order), bool)
        first[1:] = (keys[order[1:]] != keys[order[:-1]]).any(axis=1)
        starts = np.flatnonzero(first)
        heads = order[starts]
        sizes = np.diff(starts, append=len(order))
        codes = np.unique(stratum[heads], return_inverse=True)[1]
        split = balanced(keys[heads], codes, sizes, self.splits, self.seed)
        return {"strata": pa.table({"high": keys[heads, 0], "low": keys[heads, 1], "split": split.astype(np.uint8)})}

    def assigned(self, desk: Desk, number: int, fragment: int) -> Tables:
        """`split`: position in `splits` of every record of a fragment. `facts`: how many of those in are in each."""
        keys = _keys(desk, np.arange(*desk.bases[fragment : fragment + 2]))
        alive = desk.alive(fragment)
        if self.stratify:
            known = desk.table("strata", 0)
            split = np.zeros(len(keys), np.uint8)
            high = known.column("high").to_numpy()
            at = np.searchsorted(high, keys[alive, 0])
            # First halves of ids are all but always different; where not, the second half decides.
            low = known.column("low").to_numpy()
            while (other := (low[at] != keys[alive, 1])).any():
                at[other] += 1
            split[alive] = known.column("split").to_numpy()[at]
        else:
            split = assign(keys, self.splits, self.seed).astype(np.uint8)
        counts = np.bincount(split[alive], minlength=len(self.splits))
        return {"assigned": pa.table({"split": split}), "facts": pa.table({"records": counts})}

    def revisit(self, batch: pa.RecordBatch, ordinal: np.ndarray, desk: Desk) -> pa.RecordBatch:
        """The column `split`."""
        names = pa.array(list(self.splits))
        if not len(ordinal):
            return pa.record_batch([names.slice(0, 0)], schema=self.writes)
        fragment = int(np.searchsorted(desk.bases, ordinal[0], "right")) - 1
        split = desk.table("assigned", fragment).column("split").to_numpy()[ordinal - desk.bases[fragment]]
        return pa.record_batch([names.take(pa.array(split))], schema=self.writes)

    def facts(self, desk: Desk) -> dict[str, Any]:
        """Records in each split, and the groups that are kept together."""
        found = pa.concat_tables([desk.table("groups", k, "facts") for k in range(desk.count("groups"))])
        tables = [
            desk.table("assigned", k, "facts").column("records").to_numpy() for k in range(desk.count("assigned"))
        ]
        counts = np.sum([np.zeros(len(self.splits), np.int64), *tables], axis=0)
        groups = {
            "groups": int(np.sum(found.column("groups"))),
            "largest_group": int(np.max(found.column("largest"))),
        }
        return {"records": dict(zip(self.splits, counts.tolist(), strict=True)), **super().facts(desk), **groups}


def _keys(desk: Desk, ordinals: np.ndarray) -> np.ndarray:
    """(n, 2) uint64: the key of the group of each record, at ascending ordinals; of one that is alone, its own id."""
    keys = halves(desk.record_ids(ordinals))
    if not ordinals.size:
        return keys
    span = int(ordinals[0]), int(ordinals[-1])
    grouped = pa.concat_tables([desk.between("groups", k, *span, "ordinal") for k in range(desk.count("groups"))])
    grouped = grouped.sort_by("ordinal")
    known = grouped.column("ordinal").to_numpy()
    at = np.searchsorted(known, ordinals)
    here = at < len(known)
    here[here] = known[at[here]] == ordinals[here]
    keys[here] = np.stack([grouped.column(name).to_numpy()[at[here]] for name in ("high", "low")], axis=1)
    return keys


def _as_text(column: pa.Array, name: str) -> pa.Array:
    try:
        return column.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as odd:
        raise UsageError(f"split: stratify is {name!r}, which is {column.type}; text or a number was wanted") from odd
