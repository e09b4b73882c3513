"""Connected components of records over the rounds of a desk: which records are alike, also through others.

Up to DENSE records, and where they fit in the memory of a run, by union-find in one task: 4 bytes for each record. Of more,
by alternating large-star and small-star (Kiveris et al. 2014, "Connected components in MapReduce and beyond") over the same
exchange: every round joins each record to the first of those around it, until nothing changes. Both give every record the
first of its component, so what is made of that is the same.

    arcs        pairs as they were found, from both ends
    stars       a round of either kind, over ranges of ordinals
    components  the first record of every record's component
    placed      the pairs of each table by a hash of that first record: a range of those has whole components
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.desk import Desk, KeyRange, Tables, key_ranges
from tamis.kernels.components import flatten, link

DENSE = 1 << 32
"""Records up to which components may be found by union-find, with numbers of 32 bits."""

AT_ONCE = 4
"""Shares of a task that the union-find may take: it runs alone."""

ARC_BYTES, PLACED_BYTES = 150, 400
"""Memory for each end of a pair in a round of stars, and for each pair of a range of components."""

SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""An odd number: first records times it are spread evenly over 64 bits, and no two fall together (Knuth 6.4)."""

PAIRS = (("verify", "left", "right"), ("same", "leader", "follower"))
"""Rounds whose tables have pairs of records of one component, and the columns that name them."""

STARS = "stars"


class Star(NamedTuple):
    """A range of ordinals of one round of stars, which takes up the tables of the round `of`."""

    of: str
    kind: Literal["large", "small", "end"]
    low: int
    high: int


class Found(NamedTuple):
    """What is known of all components: records that are like another, and the pairs that say so, of the same words or not."""

    records: int
    pairs: int


def find(desk: Desk) -> Found:
    """Find the first record of every component of PAIRS, as `roots_of` gives it: the rounds `components`, `arcs`, `stars`."""
    records = int(desk.bases[-1])
    if records <= DENSE and 4 * records <= AT_ONCE * desk.share:
        desk.run("components", [None])
    else:
        _by_stars(desk)
    facts = [desk.table("components", k, "facts") for k in range(desk.count("components"))]
    return Found(sum(int(table.column("records")[0].as_py()) for table in facts), _pairs(desk))


def place(desk: Desk) -> list[KeyRange]:
    """Put the pairs of PAIRS by their components: the round `placed`, in as many tables; and ranges of those."""
    sources = [(name, k) for name, _, _ in PAIRS for k in range(desk.count(name))]
    desk.run("placed", sources)
    entries = sum(desk.size("placed", k)[0] for k in range(len(sources)))
    return key_ranges(entries, PLACED_BYTES, desk.share)


def in_range(desk: Desk, keys: KeyRange) -> pa.Table:
    """Pairs of the components in a range: `left`, `right`, `shared`, `total`; where `total` is 0, the words are the same."""
    tables = [desk.between("placed", k, *keys) for k in range(desk.count("placed"))]
    return pa.concat_tables(tables).drop_columns("key").combine_chunks() if tables else _NO_PAIR


_NO_PAIR = pa.schema(
    [("left", pa.int64()), ("right", pa.int64()), ("shared", pa.uint32()), ("total", pa.uint32())]
).empty_table()


def dense(desk: Desk) -> Tables:
    """`components`: the first record of the component of every record, by its ordinal."""
    parent = np.arange(desk.bases[-1], dtype=np.uint32)
    for one, other in _all_pairs(desk):
        link(parent, one, other)
    flatten(parent)
    follows = np.flatnonzero(parent != np.arange(len(parent), dtype=np.uint32))
    alike = follows.size + np.unique(parent[follows]).size
    return {"components": pa.table({"root": parent}), "facts": pa.table({"records": [alike]})}


def arcs(desk: Desk, source: tuple[str, int]) -> Tables:
    """The pairs of a table from both ends: `key` and `other`, by key."""
    one, other = _ends(desk, *source)
    return {"arcs": _arcs(np.concatenate([one, other]), np.concatenate([other, one]))}


def star(desk: Desk, item: Star) -> Tables:
    """A round of stars in a range of ordinals. `facts`: a sum over the arcs and their number, or the records, at the end."""
    tables = [desk.between(item.of, k, item.low, item.high - 1, part="arcs") for k in range(desk.count(item.of))]
    node, other = (np.concatenate([t.column(n).to_numpy() for t in tables]).astype(np.int64) for n in ("key", "other"))
    if item.kind == "end":
        follows = other < node
        order = np.argsort(node[follows], kind="stable")
        table = pa.table({"key": node[follows][order].view(np.uint64), "root": other[follows][order]})
        first = np.unique(node[~follows]).size
        return {"components": table, "facts": pa.table({"records": [len(table) + first]})}
    if item.kind == "small":
        node, other = node[other < node], other[other < node]
    order = np.lexsort((other, node))
    node, other = node[order], other[order]
    starts = np.flatnonzero(np.diff(node, prepend=-1))
    least = np.minimum(other[starts], node[starts])[np.cumsum(np.diff(node, prepend=-1) != 0) - 1]
    if item.kind == "large":
        further = other > node
        return {"arcs": _arcs(other[further], least[further])}
    leaves = other != least
    high = np.concatenate([other[leaves], node[starts]])
    low = np.concatenate([least[leaves], other[starts]])
    found = _arcs(np.concatenate([high, low]), np.concatenate([low, high]))
    return {"arcs": found, "facts": pa.table({"sum": pa.array([_sum(found)], pa.uint64()), "arcs": [found.num_rows]})}


def placed(desk: Desk, source: tuple[str, int]) -> Tables:
    """The pairs of a table by the hash of the first record of their component, `key`."""
    name, number = source
    left, right = _ends(desk, name, number)
    none = np.zeros(len(left), np.uint32)
    sizes = [desk.table(name, number).column(c).to_numpy() if name != "same" else none for c in ("shared", "total")]
    key = roots_of(desk, left).astype(np.uint64) * SPREAD
    order = np.argsort(key, kind="stable")
    columns = {"key": key, "left": left, "right": right, "shared": sizes[0], "total": sizes[1]}
    return {"placed": pa.table({name: column[order] for name, column in columns.items()})}


def roots_of(desk: Desk, ordinals: np.ndarray) -> np.ndarray:
    """(n,) int64: the first record of the component of each of `ordinals` (n,) int64, in any order."""
    if not desk.count("arcs"):
        roots: np.ndarray = desk.table("components", 0).column("root").to_numpy()
        return np.asarray(roots[ordinals], np.int64)
    found = ordinals.copy()
    order = np.argsort(ordinals, kind="stable")
    cuts = np.searchsorted(ordinals[order], _cuts(desk, desk.count("components")))
    for k in np.flatnonzero(np.diff(cuts)).tolist():
        here = order[cuts[k] : cuts[k + 1]]
        known = desk.between("components", k, int(ordinals[here[0]]), int(ordinals[here[-1]]))
        if len(known):
            key = known.column("key").to_numpy().view(np.int64)
            at = np.minimum(np.searchsorted(key, ordinals[here]), len(key) - 1)
            hit = key[at] == ordinals[here]
            found[here[hit]] = known.column("root").to_numpy()[at[hit]]
    return found


def _by_stars(desk: Desk) -> None:
    sources = [(name, k) for name, _, _ in PAIRS for k in range(desk.count(name))]
    desk.run("arcs", sources)
    cuts = _cuts(desk, len(key_ranges(2 * _pairs(desk), ARC_BYTES, desk.share)))
    of, number, before = "arcs", 0, list[int]()
    while True:
        for kind in ("large", "small"):
            # Every round has a name of its own: a resumed run finds each of them done, or not.
            name, number = f"{STARS}{number}", number + 1
            desk.run(name, _stars(of, kind, cuts), STARS)
            of = name
        facts = [desk.table(of, k, "facts") for k in range(desk.count(of))]
        now = [sum(int(table.column(name)[0].as_py()) for table in facts) % 2**64 for name in ("sum", "arcs")]
        if now == before:
            break
        before = now
    desk.run("components", _stars(of, "end", cuts), STARS)


def _stars(of: str, kind: Literal["large", "small", "end"], cuts: Sequence[int]) -> Iterable[Star]:
    return [Star(of, kind, low, high) for low, high in pairwise(cuts)]


def _cuts(desk: Desk, ranges: int) -> list[int]:
    """Ordinals at which so many ranges begin, and the number of records."""
    records = int(desk.bases[-1])
    return [k * records // ranges for k in range(ranges + 1)]


def _arcs(node: np.ndarray, other: np.ndarray) -> pa.Table:
    """Each arc once, by `key`, the node it is seen from."""
    order = np.lexsort((other, node))
    node, other = node[order], other[order]
    once = np.ones(len(node), bool)
    once[1:] = (node[1:] != node[:-1]) | (other[1:] != other[:-1])
    return pa.table({"key": node[once].astype(np.uint64), "other": other[once]})


def _sum(found: pa.Table) -> int:
    """A number of 64 bits, which other arcs do not share; that of two tables is the sum of both."""
    mixed = found.column("key").to_numpy() * SPREAD ^ found.column("other").to_numpy().view(np.uint64)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return int((mixed ^ (mixed >> np.uint64(32))).sum(dtype=np.uint64))


def _pairs(desk: Desk) -> int:
    return sum(desk.size(name, k)[0] for name, _, _ in PAIRS for k in range(desk.count(name)))


def _ends(desk: Desk, name: str, number: int) -> tuple[np.ndarray, np.ndarray]:
    """The two ends of the pairs of a table of PAIRS: (p,) int64 each."""
    _, *columns = next(of for of in PAIRS if of[0] == name)
    table = desk.table(name, number)
    left, right = (table.column(column).to_numpy() for column in columns)
    return left, right


def _all_pairs(desk: Desk) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    return (_ends(desk, name, k) for name, _, _ in PAIRS for k in range(desk.count(name)))
