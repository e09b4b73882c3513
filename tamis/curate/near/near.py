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

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa

from tamis.curate import survivor
from tamis.curate.near.alike import BUCKET, EDGES, Alike, all_of, edges_of, measured, pairs_at_once, similarity
from tamis.curate.near.clusters import Lost, grouped, star_survivors, survivors
from tamis.curate.near.evidence import LINK, LOST, as_json, asked, distances_of, looked_up, most_like
from tamis.desk import Desk, Tables
from tamis.errors import UsageError
from tamis.stage import RESOLUTION, Rule, Stage, by_rule

RULE = "near_duplicate"

WEIGHED = pa.schema([*EDGES, ("left_rank", pa.float64()), ("right_rank", pa.float64())])
"""EDGES with the ranks of both ends; where `total` is 0, the words are the same."""

FOREST = b"forest"
"""Says in the metadata of WEIGHED that not every edge is there."""

SPOKES = b"spokes"
"""Says there that the best record of every large component was held against all others of it."""

RESOLVED_BYTES = 300
"""Memory for each record that goes, while what is said of it is written."""


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
        """Edges; groups and who stays; how alike each is to the one it lost to; verdicts."""
        self.find_edges(desk)
        if self.clusters == "star":
            desk.run("spokes", [None])
            desk.run("hubs", _slices(len(desk.table("spokes", 0)), pairs_at_once(desk)))
        desk.run("groups", [None])
        lost = desk.table("groups", 0, "lost")
        desk.run("distances", _slices(len(asked(lost)[0]), pairs_at_once(desk)))
        desk.run("resolved", _slices(len(lost), max(1, desk.share // RESOLVED_BYTES)))

    def spokes(self, desk: Desk, number: int, item: None) -> Tables:
        """Pairs not yet looked at of the best record of a component too large for all its pairs, and each other in it."""
        edges, _ = edges_of(desk, whole=True)
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

    def hubs(self, desk: Desk, number: int, rows: slice) -> Tables:
        """EDGES among those pairs."""
        pairs = desk.table("spokes", 0)
        edges = measured(desk, *(pairs.column(name).to_numpy()[rows] for name in EDGES.names[:2]))
        return {"hubs": edges.filter(pa.array(similarity(edges) >= self.threshold))}

    def groups(self, desk: Desk, number: int, item: None) -> Tables:
        """Who goes, and to whom each lost; for a record that is linked through another, what it is most like."""
        edges, every = edges_of(desk, self.clusters == "star")
        left, right = edges.column("left").to_numpy(), edges.column("right").to_numpy()
        follower, leader = all_of(desk, "same", "follower"), all_of(desk, "same", "leader")
        records = np.unique(np.concatenate([left, right, follower, leader]))
        rank = _ranks(desk, records)
        left, right, follower, leader = (np.searchsorted(records, x) for x in (left, right, follower, leader))
        lost = self._lost(rank, left, right, follower, leader)
        ours = records[lost.record] >= desk.bases[desk.earlier]
        lost = Lost(lost.record[ours], lost.survivor[ours])
        speaks_for = np.arange(len(records))
        speaks_for[follower] = leader
        ends = np.sort(np.stack([speaks_for[lost.record], speaks_for[lost.survivor]]), axis=0)
        known = edges.column("shared").to_numpy(), edges.column("total").to_numpy()
        sizes = looked_up(ends[0], ends[1], left, right, *known)
        columns = [*(records[x] for x in (lost.record, lost.survivor, *ends)), *(x.astype(np.uint32) for x in sizes)]
        best = most_like(len(records), left, right, similarity(edges))
        via, jaccard = (x[speaks_for[lost.record]] for x in best)
        linked = np.flatnonzero(via >= 0)
        links = [columns[0][linked], records[via[linked]], jaccard[linked]]
        each = np.bincount(np.searchsorted(np.unique(lost.survivor), lost.survivor))
        facts = {"groups": [len(each)], "largest": [int(each.max()) + 1 if len(each) else 0], "every": [every]}
        return {
            "groups": edges,
            "lost": pa.table(columns, schema=LOST),
            "links": pa.table(links, schema=LINK),
            "facts": pa.table(facts),
        }

    def edges(self, desk: Desk) -> pa.Table:
        """WEIGHED: pairs that are alike, and pairs of a record and the first with the same words; earlier corpora below 0."""
        found = [desk.table("groups", 0)]
        same = pa.table([all_of(desk, "same", "leader"), all_of(desk, "same", "follower")], names=EDGES.names[:2])
        none = pa.array(np.zeros(len(same), np.uint32))
        found.append(same.append_column("shared", none).append_column("total", none).cast(EDGES))
        edges = pa.concat_tables(found).sort_by([("left", "ascending"), ("right", "ascending")]).combine_chunks()
        ends = [edges.column(name).to_numpy() for name in EDGES.names[:2]]
        records = np.unique(np.concatenate(ends))
        rank = _ranks(desk, records)
        columns = [
            *(pa.array(end - desk.bases[desk.earlier]) for end in ends),
            *edges.columns[2:],
            *(pa.array(rank[np.searchsorted(records, end)]) for end in ends),
        ]
        every = bool(desk.table("groups", 0, "facts").column("every")[0].as_py())
        told = {**({} if every else {FOREST: b"1"}), **({SPOKES: b"1"} if self.clusters == "star" else {})}
        return pa.table(columns, schema=WEIGHED.with_metadata(told or None))

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

    def distances(self, desk: Desk, number: int, rows: slice) -> Tables:
        """EDGES between records that go and those that they lost to, whatever their similarity."""
        left, right = asked(desk.table("groups", 0, "lost"))
        return {"distances": measured(desk, left[rows], right[rows])}

    def resolved(self, desk: Desk, number: int, rows: slice) -> Tables:
        """What is said of the records that go."""
        lost = desk.table("groups", 0, "lost").slice(rows.start, rows.stop - rows.start)
        shared, total = distances_of(desk, lost)
        jaccard = np.divide(shared, total, out=np.ones(len(shared)), where=total > 0)
        columns = [
            lost.column("record").cast(pa.uint64()),
            by_rule(RULE, len(lost)),
            pa.array(jaccard.astype(np.float32)),
            desk.record_ids(lost.column("survivor").to_numpy()),
        ]
        table = pa.table(columns, schema=RESOLUTION)
        evidence = as_json(desk, lost.column("record").to_numpy(), shared, total, jaccard < self.threshold)
        return {"resolved": table.append_column("evidence", evidence)}

    def facts(self, desk: Desk) -> dict[str, Any]:
        """As of all that look for likeness; and how many groups there are, of which the largest has so many records."""
        found = desk.table("groups", 0, "facts")
        groups, largest = (int(found.column(name)[0].as_py()) for name in ("groups", "largest"))
        return {**super().facts(desk), "groups": groups, "largest_group": largest}


def _slices(count: int, step: int) -> list[slice]:
    """`count` rows, `step` at a time."""
    return [slice(k, min(k + step, count)) for k in range(0, count, step)]


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
    for fragment in range(desk.earlier, len(desk.bases) - 1):
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
