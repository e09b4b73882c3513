"""Which records are alike: candidates by locality-sensitive hashing, each pair verified on its sets of n-grams.

    same     records with the same words in the same order: all but the first follow it and take no further part
    buckets  records that share a band key (Broder 1997; Indyk and Motwani 1998): pairs to look at
    pairs    those of all buckets by windows of the input, each once, so that what follows does not read every bucket
    sets     n-grams of the records that are in any pair, from their text
    verify   |A ∩ B| and |A ∪ B| of every pair: those at the threshold or above are edges

A round sees a range of keys, a fragment or a stretch of pairs at a time, so that memory does not grow with the corpus.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.curate.near.components import Star, arcs, dense, placed, star
from tamis.desk import Desk, KeyRange, Tables, marks
from tamis.errors import UsageError
from tamis.kernels.buckets import pairs
from tamis.kernels.components import joins
from tamis.kernels.entries import entries
from tamis.kernels.hash import keys
from tamis.kernels.minhash import choose, met, permutations, sketch
from tamis.kernels.radix import ordered
from tamis.kernels.sets import overlaps_at
from tamis.kernels.shingles import shingle_sets
from tamis.kernels.units import Unit
from tamis.schemas import holds_text, joined, text_fields
from tamis.schemas.ids import halves
from tamis.schemas.rows import RECORD_ID
from tamis.stage import Corpus

BUCKET, REACH = 128, 6
"""Records of a bucket up to which all pairs are looked at; in a larger one each meets so many of the most alike."""

SAME_BYTES, BAND_BYTES, MET_BYTES, PAIR_BYTES = 200, 240, 100, 100
"""Memory for each record, band key, and pair while it is gathered and while it is verified."""

EDGES = pa.schema([("left", pa.int64()), ("right", pa.int64()), ("shared", pa.uint32()), ("total", pa.uint32())])
"""A pair of records, left before right, with the sizes of the intersection and the union of their sets of n-grams."""


class Stretch(NamedTuple):
    """Ordinals from `low` up to, but not including, `high`: tables of the round `of`, from `first` up to `end`, have the pairs
    that begin there, and the records that are in any.
    """

    low: int
    high: int
    of: str
    first: int
    end: int


class Windows(NamedTuple):
    """All pairs, each in that table of the round `of` whose window has its left record; where each window begins."""

    of: str
    lows: Sequence[int]

    def within(self, low: int, high: int) -> Stretch:
        """A stretch, which may be in several windows."""
        return Stretch(low, high, self.of, max(0, bisect_right(self.lows, low) - 1), bisect_left(self.lows, high))


@dataclass(frozen=True)
class Alike(Corpus):
    """What `near` and `split` share: their parameters of likeness, and the rounds from sketches to verified edges.

    threshold  Jaccard similarity of two sets of n-grams from which records are alike: over 0, up to 1
    ngram      units of an n-gram; of a shorter text, all of them are one
    unit       "run": runs of letters, digits and underscores (\\w+), as the field counts them; "word": those of docs/words.md,
               where each character of a script without spaces is one: for Chinese, Japanese or Thai; "char": characters
    on         field or fields to compare; None: all texts of the row
    recall     chance at which a pair just at the threshold is found: over 0, under 1. More alike pairs are found more often
    """

    threshold: float = 0.8
    ngram: int = 5
    unit: Unit = "run"
    on: str | tuple[str, ...] | None = None
    recall: float = 0.99

    stored: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if isinstance(self.on, list):
            object.__setattr__(self, "on", tuple(self.on))
        if self.on is not None and not self.on:
            raise UsageError(f"{self.name}: on is {self.on!r}; name a field or several, or leave it out for all texts")
        if not 0 < self.threshold <= 1:
            raise UsageError(f"{self.name}: threshold is {self.threshold}; a similarity over 0 and up to 1 was wanted")
        if not 1 <= self.ngram <= 64:
            raise UsageError(f"{self.name}: ngram is {self.ngram}; from 1 to 64 was wanted, 5 is usual")
        if not 0 < self.recall < 1:
            raise UsageError(f"{self.name}: recall is {self.recall}; a share over 0 and under 1 was wanted")
        try:
            choose(self.threshold, self.recall)
        except ValueError as beyond:
            raise UsageError(f"{self.name}: {beyond}") from beyond

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Bands, and rows of each."""
        return choose(self.threshold, self.recall)

    @property
    def reads(self) -> pa.Schema:
        """The fields of `on`."""
        on = () if self.on is None else (self.on,) if isinstance(self.on, str) else self.on
        return pa.schema([pa.field(name, pa.null()) for name in on])

    @property
    def sketches(self) -> pa.Schema:
        """`bands`: a key for each; `same`: of all words in order; null where there are none. `rank`: the highest stays."""
        bands = pa.list_(pa.uint64(), self.shape[0])
        return pa.schema([("bands", bands), ("same", RECORD_ID), ("rank", pa.float64())])

    def ranks(self, batch: pa.RecordBatch) -> np.ndarray:
        """(n,) float64: of records that are alike, the highest stays."""
        return np.zeros(batch.num_rows)

    def sketch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Band keys, identity and rank of every row."""
        bands, rows = self.shape
        found = sketch(self._texts(batch), self.ngram, self.unit, *permutations(bands * rows), bands)
        filled = found.count > 0
        columns = [
            pa.FixedSizeListArray.from_arrays(pa.array(found.keys.reshape(-1)), bands),
            keys(found.same, None if filled.all() else pa.array(filled)),
            pa.array(self.ranks(batch), pa.float64()),
        ]
        return pa.record_batch(columns, schema=pa.schema([self.sketches.field(k) for k in range(len(columns))]))

    def index(self, sketched: pa.Table) -> Tables:
        """`ranks` by row; `same`, `bands` and `bands_again` by key.

        Of the records of a fragment with the same words the first alone has its keys in `bands`: the others follow it, and
        a text that is there a million times meets others once. Theirs, in `bands_again`, are read where it is let go.
        """
        row = sketched.column("row")
        ranks = pa.table({"row": row, "rank": sketched.column("rank")})
        compared = sketched.filter(sketched.column("same").is_valid()).combine_chunks()
        row, same = compared.column("row").to_numpy(), compared.column("same").combine_chunks()
        words = halves(same)
        by_words = ordered(words[:, 0])
        again = np.zeros(len(words), bool)
        again[by_words[1:]] = (words[by_words[1:]] == words[by_words[:-1]]).all(axis=1)
        columns = {"row": row[by_words], "key": same.take(pa.array(by_words)), "again": again[by_words]}
        bands = compared.column("bands").combine_chunks()
        entries = {"bands": ~again, "bands_again": again}
        return {
            "ranks": ranks,
            "same": pa.table(columns),
            **{part: self._entries(row, bands, here) for part, here in entries.items()},
        }

    def _entries(self, row: np.ndarray, keys: pa.FixedSizeListArray, here: np.ndarray) -> pa.Table:
        """An entry for each band key of those rows (n,) uint32 that are `here` (n,) bool, by key."""
        if not here.all():
            row, keys = row[here], keys.filter(pa.array(here))
        found = entries(row, keys.flatten().to_numpy(), self.shape[0])
        return pa.table(found._asdict())

    def find_edges(self, desk: Desk) -> None:
        """The rounds up to `verify`, whose tables are the edges."""
        desk.run("same", desk.ranges("same", SAME_BYTES))
        desk.run("followers", [None])
        desk.run("buckets", desk.ranges("bands", BAND_BYTES))
        windows, tables = Windows("buckets", [0]), desk.count("buckets")
        if tables > 1:
            cuts = stretches(desk, "buckets", desk.share // MET_BYTES)
            desk.run("pairs", [Stretch(low, high, "buckets", 0, tables) for low, high in cuts])
            windows = Windows("pairs", [low for low, _ in cuts])
        desk.run("sets", [windows.within(low, high) for low, high in pairwise(desk.bases.tolist())])
        cuts = stretches(desk, windows.of, pairs_at_once(desk))
        desk.run("verify", [windows.within(low, high) for low, high in cuts])

    def components(self, desk: Desk, number: int, item: Star | None) -> Tables:
        """See tamis.curate.near.components."""
        return dense(desk)

    def arcs(self, desk: Desk, number: int, source: tuple[str, int]) -> Tables:
        """See there."""
        return arcs(desk, source)

    def stars(self, desk: Desk, number: int, item: Star) -> Tables:
        """See there."""
        return star(desk, item)

    def placed(self, desk: Desk, number: int, source: tuple[str, int]) -> Tables:
        """See there."""
        return placed(desk, source)

    def followers(self, desk: Desk, number: int, item: None) -> Tables:
        """`bits`: one for each record, set where an earlier one has the same words. `facts`: those of all ranges."""
        rounds = range(desk.count("same"))
        tables = (desk.table("same", k).column("follower").to_numpy() for k in rounds)
        bits = pa.table({"bits": marks(int(desk.bases[-1]), tables)})
        heirs = sum(int(desk.table("same", k, "facts").column("heirs")[0].as_py()) for k in rounds)
        return {"followers": bits, "facts": pa.table({"heirs": [heirs]})}

    def same(self, desk: Desk, number: int, keys: KeyRange) -> Tables:
        """`follower` and `leader`: records with the same words as an earlier one, and the first of those.

        `facts`: how many are the first although their fragment has an earlier one, which was let go.
        """
        met = desk.meet(keys, "same", by="key")
        words, ordinal = halves(met.column("key")), met.column("ordinal").to_numpy().astype(np.int64)
        # Stable: within a group, records stay in input order.
        order = np.lexsort((words[:, 1], words[:, 0]))
        first = np.ones(len(order), bool)
        first[1:] = (words[order[1:]] != words[order[:-1]]).any(axis=1)
        leader = order[np.flatnonzero(first)[np.cumsum(first) - 1]] if len(order) else order
        back = np.argsort(order[~first])
        columns = {"follower": ordinal[order[~first]][back], "leader": ordinal[leader[~first]][back]}
        heirs = int(met.column("again").to_numpy()[order[first]].sum())
        return {"same": pa.table(columns), "facts": pa.table({"heirs": [heirs]})}

    def buckets(self, desk: Desk, number: int, keys: KeyRange) -> Tables:
        """Pairs of records that share a band key, by the first of them; the records in any; and what was left out."""
        followers = desk.table("followers", 0).column("bits").to_numpy()
        met = desk.meet(keys, "bands", by="key", without=followers)
        if desk.table("followers", 0, "facts").column("heirs")[0].as_py():
            met = pa.concat_tables([met, desk.meet(keys, "bands_again", by="key", without=followers)])
            met = met.take(pa.array(np.lexsort((met.column("ordinal").to_numpy(), met.column("key").to_numpy()))))
        key, near = (met.column(name).to_numpy() for name in ("key", "near"))
        member = met.column("ordinal").to_numpy().astype(np.int64)
        # Most keys have one record: those are left behind before anything else is asked.
        shared = np.zeros(len(key), bool)
        shared[1:] = key[1:] == key[:-1]
        shared[:-1] |= shared[1:]
        here = np.flatnonzero(shared)
        found = pairs(key[here], member[here], near[here].astype(np.uint64), BUCKET, REACH)
        # Two records of earlier corpora are none of our business.
        ours = found.right >= desk.bases[desk.earlier]
        left, right = found.left[ours], found.right[ours]
        facts = pa.table({"skewed": [found.skewed], "unseen": [found.unseen]})
        members = pa.table({"ordinal": np.unique(np.concatenate([left, right]))})
        return {"buckets": pa.table({"left": left, "right": right}), "members": members, "facts": facts}

    def pairs(self, desk: Desk, number: int, stretch: Stretch) -> Tables:
        """Pairs of a stretch, each once, by left, then right; and the records of the stretch that are in any."""
        left, right = _pairs_in(desk, stretch)
        members = pa.table({"ordinal": _members_in(desk, stretch)})
        return {"pairs": pa.table({"left": left, "right": right}), "members": members}

    def sets(self, desk: Desk, number: int, stretch: Stretch) -> Tables:
        """The sets of n-grams, ascending, of the records of a fragment, a stretch, that are in a pair."""
        low, rows = desk.bases[number], _members_in(desk, stretch) - desk.bases[number]
        found: list[Any] = [pa.nulls(0, pa.large_list(pa.uint64()))]
        for batch, _ in desk.rows(number, rows):
            values, offsets = shingle_sets(self._texts(batch), self.ngram, self.unit)
            found.append(pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(values)))
        return {"sets": pa.table({"ordinal": rows + low, "set": pa.concat_arrays(found)})}

    def verify(self, desk: Desk, number: int, stretch: Stretch) -> Tables:
        """EDGES of a stretch of pairs: those that reach the threshold. `facts`: pairs that were looked at."""
        left, right = _pairs_in(desk, stretch)
        edges = measured(desk, left, right)
        alike = similarity(edges) >= self.threshold
        return {"verify": edges.filter(pa.array(alike)), "facts": pa.table({"pairs": [len(left)]})}

    def facts(self, desk: Desk) -> dict[str, Any]:
        """How it was looked for, and what was left out."""
        bands, rows = self.shape
        total = {
            name: sum(int(np.sum(desk.table(part, k, "facts").column(name))) for k in range(desk.count(part)))
            for part, name in (("buckets", "skewed"), ("buckets", "unseen"), ("verify", "pairs"))
        }
        return {
            "bands": bands,
            "rows_per_band": rows,
            "recall_at_threshold": round(met(self.threshold, bands, rows), 6),
            "pairs_verified": total["pairs"],
            "pairs_alike": rows_of(desk, "verify"),
            "records_with_the_same_words": rows_of(desk, "same"),
            "skewed_buckets": total["skewed"],
            "pairs_left_out": total["unseen"],
        }

    def _texts(self, batch: pa.RecordBatch) -> pa.StringArray:
        """What is compared: one string a row."""
        for name in text_fields(batch.schema, self.on):
            if pa.types.is_null(kind := batch.schema.field(name).type):
                at = batch.schema.get_field_index(name)
                batch = batch.set_column(at, name, pa.nulls(batch.num_rows, pa.string()))
            elif not holds_text(kind):
                raise UsageError(f"{self.name}: on names {name!r}, which is {kind}; text or a list of texts was wanted")
        return joined(batch, self.on)


def measured(desk: Desk, left: np.ndarray, right: np.ndarray) -> pa.Table:
    """EDGES of any pairs (p,) int64 of records that are in the round `sets`, in their order."""
    needed, place = np.unique(np.concatenate([left, right]), return_inverse=True)
    cuts = np.searchsorted(needed, desk.bases)
    start, size = np.empty((2, len(needed)), np.int64)
    held = []
    for fragment in np.flatnonzero(np.diff(cuts)).tolist():
        here = slice(cuts[fragment], cuts[fragment + 1])
        sets, at = _sets_of(desk, fragment, needed[here])
        offsets = sets.offsets.to_numpy()
        start[here] = sets.values.to_numpy().ctypes.data + 8 * offsets[at]
        size[here] = offsets[at + 1] - offsets[at]
        held.append(sets)
    shared, total = overlaps_at(start, size, place[: len(left)], place[len(left) :])
    del held  # the addresses are of its memory
    return pa.table([left, right, shared, total], schema=EDGES)


def _sets_of(desk: Desk, fragment: int, wanted: np.ndarray) -> tuple[pa.LargeListArray, np.ndarray]:
    """Sets of records of a fragment, and where among them those of `wanted` (k,) int64, ascending ordinals, are."""
    table = desk.between("sets", fragment, int(wanted[0]), int(wanted[-1]), "ordinal")
    column, at = table.column("set"), np.searchsorted(table.column("ordinal").to_numpy(), wanted)
    if column.num_chunks == 1 and not column.chunk(0).values.buffers()[1].is_mutable:
        return column.chunk(0), at  # a mapped file
    # Unpacked to memory: of a fragment no more is held there than is wanted.
    return column.combine_chunks().take(pa.array(at)), np.arange(len(at))


def similarity(edges: pa.Table) -> np.ndarray:
    """Jaccard similarity of each edge: (p,) float64."""
    shared: np.ndarray = edges.column("shared").to_numpy() / edges.column("total").to_numpy()
    return shared


def pairs_at_once(desk: Desk) -> int:
    """How many pairs can be measured within the desk's share."""
    sizes = [desk.size("sets", k) for k in range(desk.count("sets"))]
    records, bytes_of_sets = (sum(each) for each in zip(*sizes, strict=True)) if sizes else (0, 0)
    if 2 * bytes_of_sets <= desk.share:
        return desk.share // 2 // PAIR_BYTES
    return max(1, desk.share // (PAIR_BYTES + 2 * bytes_of_sets // max(records, 1)))


def stretches(desk: Desk, of: str, step: int) -> list[tuple[int, int]]:
    """Where to begin and to end, so that of all pairs in the tables of the round `of` about `step` are in each stretch."""
    tables = range(desk.count(of))
    # Every so many of each table, in order, stand for all: no stretch has more than about two steps.
    every = max(1, step // max(len(tables), 1))
    lefts = (desk.table(of, k).column("left").to_numpy()[::every].copy() for k in tables)
    sample = np.sort(np.concatenate([np.zeros(0, np.int64), *lefts]))
    lows = np.unique(sample[:: max(1, step // every)]).tolist()
    return list(pairwise([*lows, int(desk.bases[-1])])) if lows else []


def rows_of(desk: Desk, name: str) -> int:
    """Rows of all tables of a round."""
    return sum(desk.size(name, k)[0] for k in range(desk.count(name)))


def forest(edges: pa.Table) -> pa.Table:
    """A maximum spanning forest of `edges`, by left, then right; of edges of equal weight, the first in the input."""
    left, right = (edges.column(name).to_numpy() for name in EDGES.names[:2])
    records, places = np.unique(np.concatenate([left, right]), return_inverse=True)
    order = np.lexsort((right, left, -similarity(edges)))
    held = joins(np.arange(len(records)), places[: len(left)][order], places[len(left) :][order])
    return in_order(edges.take(pa.array(order[held])))


def in_order(edges: pa.Table) -> pa.Table:
    """`edges` by left, then right."""
    left, right = (edges.column(name).to_numpy() for name in EDGES.names[:2])
    return edges.take(pa.array(np.lexsort((right, left)))).combine_chunks()


def _pairs_in(desk: Desk, stretch: Stretch) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of a stretch, each once, by left, then right: (p,) int64 each."""
    slices = [np.zeros((2, 0), np.int64)]
    for k in range(stretch.first, stretch.end):
        table = desk.between(stretch.of, k, stretch.low, stretch.high - 1, "left")
        slices.append(np.stack([table.column(name).to_numpy() for name in ("left", "right")]))
    both = np.concatenate(slices, axis=1)
    both = both[:, np.lexsort((both[1], both[0]))]
    once = np.ones(both.shape[1], bool)
    once[1:] = (both[:, 1:] != both[:, :-1]).any(axis=0)
    left, right = both[:, once]
    return left, right


def _members_in(desk: Desk, stretch: Stretch) -> np.ndarray:
    """Records of a stretch that are in a pair: (n,) int64, ascending."""
    found = [np.zeros(0, np.int64)]
    for k in range(stretch.first, stretch.end):
        table = desk.between(stretch.of, k, stretch.low, stretch.high - 1, "ordinal", "members")
        found.append(table.column("ordinal").to_numpy())
    return np.unique(np.concatenate(found))
