"""Near-duplicates: of all records that are alike, one stays.

    near@1: {}                                        Jaccard similarity of 0.8 or more on sets of five words
    near@1: {threshold: 0.7, keep: longest}           looser, and the longest of each group stays
    near@1: {clusters: star}                          what goes is itself like the one that stays
    near@1: {on: prompt, unit: char, ngram: 8}        by the characters of one field
    near@1: {against: [snapshots/2026-09]}            what an earlier corpus has already goes, and nothing of that corpus

A pair is looked at where MinHash says that it may be alike; whether it is, its sets of n-grams say exactly. So nothing is
dropped below the threshold, and a pair just at it is found with the probability `recall`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.curate import survivor
from tamis.curate.near.alike import (
    BUCKET,
    EDGES,
    Alike,
    forest,
    in_order,
    measured,
    pairs_at_once,
    rows_of,
    similarity,
)
from tamis.curate.near.clusters import Lost, grouped, star_survivors, survivors
from tamis.curate.near.components import find, in_range, place
from tamis.curate.near.evidence import LINK, LOST, as_json, asked, distances_of, looked_up, most_like
from tamis.desk import Desk, KeyRange, Tables
from tamis.errors import UsageError
from tamis.stage import RESOLUTION, Rule, Stage, by_rule

RULE = "near_duplicate"

WEIGHED = pa.schema([*EDGES, ("left_rank", pa.float64()), ("right_rank", pa.float64())])
"""EDGES with the ranks of both ends; where `total` is 0, the words are the same."""

FOREST = b"forest"
"""Says in the metadata of WEIGHED that not every edge is there."""

SPOKES = b"spokes"
"""Says there that the best record of every large component was held against all others of it."""

EVERY_EDGE = 1 << 20
"""Edges that are always kept. Of more, where there are also more than PER_RECORD for each record that is like another,
those that hold the components together at every threshold suffice: a maximum spanning forest.
"""

PER_RECORD = 4

EDGE_BYTES = 200
"""Memory for each edge while all are put in order."""

RESOLVED_BYTES = 300
"""Memory for each record that goes, while what is said of it is written."""


class Range(NamedTuple):
    """Components in a range of keys. `every`: whether all edges are kept; `hubs`: tables of that round with more of them."""

    keys: KeyRange
    every: bool
    hubs: tuple[int, ...]


class Part(NamedTuple):
    """`rows` rows from `start` on of what is known of one range of components."""

    group: int
    start: int
    rows: int


@dataclass(frozen=True)
class Near(Alike):
    """Keep one of all records whose sets of n-grams have a Jaccard similarity of `threshold` or more.

    keep      which one stays: `first` in the input; `longest`, in code points of all texts; `newest`, by collected_at;
              `best:COLUMN`, the highest number there; `license`, the most permissive licence. Ties go to the first
    clusters  "components": whatever is linked, also through others, is one group; "star": each record that goes is itself
              alike to the one that stays
    against   earlier corpus or corpora (files, folders, runs, snapshots): what is like a record of theirs goes, theirs stay
    """

    keep: str = "first"
    clusters: Literal["components", "star"] = "components"
    against: str | tuple[str, ...] = ()

    name: ClassVar[str] = "near"
    links: ClassVar[bool] = True
    measured_by: ClassVar[frozenset[str]] = frozenset(
        ("threshold", "ngram", "unit", "on", "recall", "keep", "clusters", "against")
    )

    def __post_init__(self) -> None:
        if isinstance(self.against, list):
            object.__setattr__(self, "against", tuple(self.against))
        super().__post_init__()
        if "" in self.earlier:
            raise UsageError(f"near: against is {self.against!r}; name a file, folder or run, or leave it out")
        survivor.check(self.keep, "near")
        if self.clusters not in ("components", "star"):
            raise UsageError(f"near: clusters is {self.clusters!r}; it can be components or star")

    @property
    def reads(self) -> pa.Schema:
        """The fields of `on` and the column that `keep` looks at."""
        fields = {f.name: f for f in (*super().reads, *survivor.columns(self.keep))}
        return pa.schema(list(fields.values()))

    @property
    def rules(self) -> tuple[Rule, ...]:
        """One rule; its value is the Jaccard similarity to the record that stays."""
        says = "Jaccard similarity of its n-grams to those of a record that stays"
        return (Rule(RULE, "drop", threshold=self.threshold, says=says),)

    @property
    def earlier(self) -> tuple[str, ...]:
        """The corpora to compare with."""
        return (self.against,) if isinstance(self.against, str) else self.against

    @property
    def files(self) -> tuple[str, ...]:
        """The same: their digests belong to the recipe."""
        return self.earlier

    def ranks(self, batch: pa.RecordBatch) -> np.ndarray:
        """By `keep`."""
        return survivor.rank(batch, self.keep, "near")

    def blind(self, was: Stage) -> set[str]:
        """Anything but a higher threshold, and which clusters they make: those, the edges tell."""
        assert isinstance(was, Near)
        told = {"clusters", *(("threshold",) if self.threshold >= was.threshold else ())}
        return super().blind(was) - told

    def settle(self, desk: Desk) -> None:
        """Edges; components; groups and who stays; how alike each is to the one it lost to; verdicts."""
        self.find_edges(desk)
        found = find(desk)
        ranges = place(desk)
        step = pairs_at_once(desk)
        hubs: list[Part] = []
        if self.clusters == "star":
            desk.run("spokes", ranges)
            hubs = _parts([desk.size("spokes", k)[0] for k in range(len(ranges))], step)
            desk.run("hubs", hubs)
        edges = rows_of(desk, "verify")
        every = self.clusters == "star" or edges <= max(EVERY_EDGE, PER_RECORD * found.records)
        among = _by_group(hubs)
        desk.run("groups", [Range(keys, every, among[k]) for k, keys in enumerate(ranges)])
        facts = [desk.table("groups", k, "facts") for k in range(len(ranges))]
        asked_for = _parts([int(table.column("asked")[0].as_py()) for table in facts], step)
        desk.run("distances", asked_for)
        lost = [desk.size("groups", k, "lost")[0] for k in range(len(ranges))]
        parts = _parts(lost, max(1, desk.share // RESOLVED_BYTES))
        among = _by_group(asked_for)
        desk.run("resolved", [(part, among[part.group]) for part in parts])

    def spokes(self, desk: Desk, number: int, keys: KeyRange) -> Tables:
        """Pairs not yet looked at of the best record of a component too large for all its pairs, and each other in it."""
        edges = _alike_in(in_range(desk, keys))
        ends = [edges.column(name).to_numpy() for name in EDGES.names[:2]]
        records, places = np.unique(np.concatenate(ends), return_inverse=True)
        left, right = np.split(places, 2)
        group = grouped(len(records), left, right)
        lost = survivors(_ranks(desk, records), left, right)
        large = np.bincount(group, minlength=len(records))[group[lost.record]] > BUCKET
        pair = np.sort(np.stack([lost.record[large], lost.survivor[large]]), axis=0)
        span = len(records)
        new = ~np.isin(pair[0] * span + pair[1], left * span + right)
        columns = [records[pair[0, new]], records[pair[1, new]]]
        return {"spokes": pa.table(columns, names=EDGES.names[:2])}

    def hubs(self, desk: Desk, number: int, part: Part) -> Tables:
        """EDGES among those pairs."""
        pairs = desk.table("spokes", part.group).slice(part.start, part.rows)
        edges = measured(desk, *(pairs.column(name).to_numpy() for name in EDGES.names[:2]))
        return {"hubs": edges.filter(pa.array(similarity(edges) >= self.threshold))}

    def groups(self, desk: Desk, number: int, item: Range) -> Tables:
        """Who goes, and to whom each lost; for a record that is linked through another, what it is most like."""
        pairs = in_range(desk, item.keys)
        edges = pa.concat_tables([_alike_in(pairs), *(desk.table("hubs", k) for k in item.hubs)])
        edges = in_order(edges) if item.every else forest(edges)
        same = pairs.filter(pa.array(pairs.column("total").to_numpy() == 0))
        ends = (table.column(name).to_numpy() for table in (edges, same) for name in EDGES.names[:2])
        left, right, leader, follower = ends
        records = np.unique(np.concatenate([left, right, follower, leader]))
        rank = _ranks(desk, records)
        weighed = in_order(_weighed(pa.concat_tables([edges, same]), records, rank))
        left, right, follower, leader = (np.searchsorted(records, x) for x in (left, right, follower, leader))
        lost = self._lost(rank, left, right, follower, leader)
        ours = records[lost.record] >= desk.bases[desk.earlier]
        lost = Lost(lost.record[ours], lost.survivor[ours])
        speaks_for = np.arange(len(records))
        speaks_for[follower] = leader
        spoken = np.sort(np.stack([speaks_for[lost.record], speaks_for[lost.survivor]]), axis=0)
        known = edges.column("shared").to_numpy(), edges.column("total").to_numpy()
        sizes = looked_up(spoken[0], spoken[1], left, right, *known)
        columns = [*(records[x] for x in (lost.record, lost.survivor, *spoken)), *(x.astype(np.uint32) for x in sizes)]
        gone = pa.table(columns, schema=LOST)
        best = most_like(len(records), left, right, similarity(edges))
        via, jaccard = (x[speaks_for[lost.record]] for x in best)
        linked = np.flatnonzero(via >= 0)
        links = [columns[0][linked], records[via[linked]], jaccard[linked]]
        each = np.bincount(np.searchsorted(np.unique(lost.survivor), lost.survivor))
        facts = {
            "groups": [len(each)],
            "largest": [int(each.max()) + 1 if len(each) else 0],
            "every": [item.every],
            "asked": [len(asked(gone)[0])],
        }
        return {
            "groups": weighed,
            "lost": gone,
            "links": pa.table(links, schema=LINK),
            "facts": pa.table(facts),
        }

    def edges(self, desk: Desk) -> pa.RecordBatchReader:
        """WEIGHED: pairs that are alike, and pairs of a record and the first with the same words; earlier corpora below 0."""
        facts = desk.table("groups", 0, "facts").column("every")[0].as_py()
        told = {**({} if facts else {FOREST: b"1"}), **({SPOKES: b"1"} if self.clusters == "star" else {})}
        schema, first = WEIGHED.with_metadata(told or None), int(desk.bases[desk.earlier])
        windows, records = max(1, rows_of(desk, "groups") * EDGE_BYTES // desk.share), int(desk.bases[-1])

        def batches() -> Iterator[pa.RecordBatch]:
            for k in range(windows):
                low, high = k * records // windows, (k + 1) * records // windows - 1
                tables = [desk.between("groups", n, low, high, "left") for n in range(desk.count("groups"))]
                table = in_order(pa.concat_tables(tables))
                ends = [pa.array(table.column(name).to_numpy() - first) for name in EDGES.names[:2]]
                yield from pa.table([*ends, *table.columns[2:]], schema=schema).to_batches()

        return pa.RecordBatchReader.from_batches(schema, batches())

    def regroup(self, edges: pa.Table, alive: np.ndarray) -> np.ndarray:
        """Who goes among the records that are still in, under this threshold and these clusters."""
        known = edges.schema.metadata or {}
        if (FOREST in known and (self.clusters == "star" or not _all_in(edges, alive))) or (
            self.clusters == "star" and SPOKES not in known and _largest(edges) > BUCKET
        ):
            raise UsageError(
                "near: this run kept of its many edges those alone that hold groups together; they do not tell what becomes "
                "of groups whose records other steps let go, nor of stars: make a new run instead"
            )
        left, right = (edges.column(name).to_numpy() for name in ("left", "right"))
        records, first, places = np.unique(np.concatenate([left, right]), return_index=True, return_inverse=True)
        rank = np.concatenate([edges.column(name).to_numpy() for name in ("left_rank", "right_rank")])[first]
        left, right = np.split(places, 2)
        same = edges.column("total").to_numpy() == 0
        alike = ~same
        alike[alike] = similarity(edges.filter(pa.array(alike))) >= self.threshold
        stays_in = records < 0
        stays_in[~stays_in] = alive[records[~stays_in]]
        # Of records with the same words, the first that is still in speaks for all.
        words = grouped(len(records), left[same], right[same])
        here = np.flatnonzero(stays_in)
        speaker = np.full(len(records), -1, np.int64)
        speaker[words[here[::-1]]] = here[::-1]
        left, right = speaker[words[left[alike]]], speaker[words[right[alike]]]
        there = (left >= 0) & (right >= 0)
        follower = here[speaker[words[here]] != here]
        leader = speaker[words[follower]]
        gone: np.ndarray = records[self._lost(rank, left[there], right[there], follower, leader).record]
        return gone[gone >= 0]

    def _lost(
        self, rank: np.ndarray, left: np.ndarray, right: np.ndarray, follower: np.ndarray, leader: np.ndarray
    ) -> Lost:
        """Who goes, of the records of `rank`, by edges and by who has the same words as whom."""
        if self.clusters == "star":
            return _star(rank, left, right, follower, leader)
        return survivors(rank, np.concatenate([left, follower]), np.concatenate([right, leader]))

    def distances(self, desk: Desk, number: int, part: Part) -> Tables:
        """EDGES between records that go and those that they lost to, whatever their similarity."""
        left, right = asked(desk.table("groups", part.group, "lost"))
        here = slice(part.start, part.start + part.rows)
        return {"distances": measured(desk, left[here], right[here])}

    def resolved(self, desk: Desk, number: int, item: tuple[Part, tuple[int, ...]]) -> Tables:
        """What is said of the records that go."""
        part, distances = item
        lost = desk.table("groups", part.group, "lost").slice(part.start, part.rows)
        shared, total = distances_of(lost, [desk.table("distances", k) for k in distances])
        jaccard = np.divide(shared, total, out=np.ones(len(shared)), where=total > 0)
        columns = [
            lost.column("record").cast(pa.uint64()),
            by_rule(RULE, len(lost)),
            pa.array(jaccard.astype(np.float32)),
            desk.record_ids(lost.column("survivor").to_numpy()),
        ]
        table = pa.table(columns, schema=RESOLUTION)
        links, record = desk.table("groups", part.group, "links"), lost.column("record").to_numpy()
        evidence = as_json(desk, links, record, shared, total, jaccard < self.threshold)
        return {"resolved": table.append_column("evidence", evidence)}

    def facts(self, desk: Desk) -> dict[str, Any]:
        """As of all that look for likeness; and how many groups there are, of which the largest has so many records."""
        tables = [desk.table("groups", k, "facts") for k in range(desk.count("groups"))]
        groups, largest = ([int(table.column(name)[0].as_py()) for table in tables] for name in ("groups", "largest"))
        return {**super().facts(desk), "groups": sum(groups), "largest_group": max(largest, default=0)}


def _parts(counts: Sequence[int], step: int) -> list[Part]:
    """So many rows of each group, `step` at a time."""
    return [Part(k, start, min(step, n - start)) for k, n in enumerate(counts) for start in range(0, n, step)]


def _by_group(parts: Sequence[Part]) -> defaultdict[int, tuple[int, ...]]:
    """Places of the parts of each group."""
    found = defaultdict[int, tuple[int, ...]](tuple)
    for k, part in enumerate(parts):
        found[part.group] += (k,)
    return found


def _alike_in(pairs: pa.Table) -> pa.Table:
    """EDGES of pairs: without those of the same words."""
    return pairs.filter(pa.array(pairs.column("total").to_numpy() > 0)).cast(EDGES)


def _weighed(edges: pa.Table, records: np.ndarray, rank: np.ndarray) -> pa.Table:
    """WEIGHED of EDGES. records (n,), ascending, and their ranks (n,)"""
    ends = (edges.column(name).to_numpy() for name in EDGES.names[:2])
    ranks = [pa.array(rank[np.searchsorted(records, end)]) for end in ends]
    return pa.table([*edges.columns, *ranks], schema=WEIGHED)


def _largest(edges: pa.Table) -> int:
    """Records in the largest component of `edges`."""
    ends = [edges.column(name).to_numpy() for name in EDGES.names[:2]]
    records, places = np.unique(np.concatenate(ends), return_inverse=True)
    sizes = np.bincount(grouped(len(records), *np.split(places, 2)))
    return int(sizes.max(initial=0))


def _all_in(edges: pa.Table, alive: np.ndarray) -> bool:
    """Whether every record in `edges`, but those of earlier corpora, is still in."""
    ends = [edges.column(name).to_numpy() for name in ("left", "right")]
    return all(alive[end[end >= 0]].all() for end in ends)


def _ranks(desk: Desk, records: np.ndarray) -> np.ndarray:
    """(n,) float64: ranks of the records at ordinals (n,), ascending; those of earlier corpora are above all."""
    rank = np.full(len(records), np.inf)
    cuts = np.searchsorted(records, desk.bases)
    for fragment in (desk.earlier + np.flatnonzero(np.diff(cuts[desk.earlier :]))).tolist():
        here = slice(cuts[fragment], cuts[fragment + 1])
        table = desk.sketch(fragment, "ranks")
        at = np.searchsorted(table.column("row").to_numpy(), records[here] - desk.bases[fragment])
        rank[here] = table.column("rank").to_numpy()[at]
    return rank


def _star(rank: np.ndarray, left: np.ndarray, right: np.ndarray, follower: np.ndarray, leader: np.ndarray) -> Lost:
    """Stars of records with different words; those with the same words go to the best of them, or where that one goes."""
    n = len(rank)
    alike = survivors(rank, follower, leader)
    best = np.arange(n)
    best[alike.record] = alike.survivor
    # The best of those with the same words stands where their first one, which has the edges, did.
    left, right = best[left], best[right]
    stands = best == np.arange(n)
    lost = star_survivors(np.where(stands, rank, -np.inf), left, right)
    to = best.copy()
    to[lost.record[stands[lost.record]]] = lost.survivor[stands[lost.record]]
    to = to[best]
    record = np.flatnonzero(to != np.arange(n))
    return Lost(record, to[record])
