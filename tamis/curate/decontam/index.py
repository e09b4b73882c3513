"""What evaluation items are looked for by: made once for a set of files, and shared by all threads.

An n-gram that stands at more than `max_items` places among the items that differ is generic: "which of the following
statements is true" says nothing of where a record comes from. Words count that stand in an n-gram which is not.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.curate.decontam.items import Items, read_items
from tamis.kernels.hash import bytes_of, key_all, xxh64
from tamis.kernels.ngrams import Grams, hashes_of, starts_of, table_of
from tamis.kernels.ngrams_overlap import SHORT_SEED, Targets
from tamis.kernels.url import normalised
from tamis.kernels.words import Words, words

FIELDS = ("question", "context")

SHARED_SEEDS = 64
"""Short texts that may share the four words they are found by; where more do, those words find none."""


class Wanted(NamedTuple):
    """What makes an index: files, how they are read, and what counts."""

    against: tuple[str, ...]
    fields: tuple[tuple[str, str | None], ...]
    on: tuple[str, ...]
    n: int
    min_words: int
    max_items: int


@dataclass(frozen=True)
class Index:
    """Items and how to find them.

    texts of items that have the same words, and the same answer to them, are one
      targets, long, short   see tamis.kernels.ngrams_overlap
      is_short  (t,) bool    too few words, or too few that count, to be judged by
      of_field  (t,) int8    position in `FIELDS`
      first     (t,) int64   first item that has it
    items that have a text
      holders   (h,) int64   items, in order of their texts
      held      (t + 1,) int64
    words of the texts
      points    (w, 2) int32 first code point of each, and one past its last, in its own field
    urls        (u,) uint64  hashes of normalised URLs, ascending; of_url (u,) int64 their first items
    """

    items: Items
    targets: Targets
    long: Grams
    short: Grams
    is_short: np.ndarray
    of_field: np.ndarray
    first: np.ndarray
    holders: np.ndarray
    held: np.ndarray
    points: np.ndarray
    urls: np.ndarray
    of_url: np.ndarray
    names: pa.Array = field(compare=False)
    """`eval:id` of every item."""


_made: dict[tuple[Wanted, str], Index] = {}
_making = Lock()


def index_of(wanted: Wanted, base: Path = Path()) -> Index:
    """The index that `wanted` describes, its paths starting at `base`: made at the first call, then the same."""
    from tamis.data.storage.address import beside

    paths = [str(beside(base, path)) for path in wanted.against]
    with _making:
        key = (wanted, _digest(paths))
        if key not in _made:
            _made.clear()  # one is enough, and it may be large
            _made[key] = build(read_items(paths, dict(wanted.fields)), wanted)
        return _made[key]


def _digest(paths: list[str]) -> str:
    """What tells the files apart from what they were: places, sizes, times."""
    from tamis.data import find

    seen = [(str(f.path), f.bytes, f.modified) for f in find(paths)]
    return hashlib.sha256(repr(seen).encode()).hexdigest()


def build(items: Items, wanted: Wanted) -> Index:
    """The index of `items`."""
    n_items, on = items.table.num_rows, [FIELDS.index(name) for name in wanted.on]
    strings = pa.concat_arrays([_strings(items, FIELDS[k]) for k in on])
    spoken, answers = words(strings), words(_strings(items, "answer"))
    item = np.tile(np.arange(n_items), len(on))
    asks = np.repeat([FIELDS[k] == "question" for k in on], n_items)
    of_field = np.repeat(np.array(on, np.int8), n_items)
    keep = np.flatnonzero(np.diff(spoken.rows))
    same, first, groups = _same(spoken, answers, item, asks, keep)
    chosen = keep[first]
    rows = np.concatenate([[0], np.cumsum(np.diff(spoken.rows)[chosen])])
    place = _ranges(spoken.rows[chosen], np.diff(rows))
    answered = np.where(asks[chosen], np.diff(answers.rows)[item[chosen]], 0)
    answer_rows = np.concatenate([[0], np.cumsum(answered)])
    answer_place = _ranges(answers.rows[item[chosen]], answered)
    hashes = spoken.hashes[place]
    grams, stand = _grams(hashes, rows, wanted.n)
    own = _own_grams(grams, stand, len(hashes), wanted.max_items)
    before = np.concatenate([[0], np.cumsum(_covered(own, wanted.n))])
    is_short = (before[rows[1:]] - before[rows[:-1]]) < wanted.min_words
    owner = np.repeat(np.arange(len(chosen)), np.diff(rows))
    own &= ~is_short[owner]
    targets = Targets(
        hashes,
        owner.astype(np.int32),
        rows,
        own,
        before,
        np.add.reduceat(own, rows[:-1]) if len(chosen) else np.zeros(0, np.int64),
        answers.hashes[answer_place],
        answer_rows,
    )
    count = own[stand]
    urls, of_url = _urls(items)
    return Index(
        items,
        targets,
        table_of(grams[count], stand[count]),
        _short_seeds(hashes, rows, is_short),
        is_short,
        of_field[chosen],
        item[chosen],
        item[keep][np.argsort(same, kind="stable")],
        np.concatenate([[0], np.cumsum(groups)]),
        _code_points(strings, spoken, place),
        urls,
        of_url,
        pc.binary_join_element_wise(items.table.column("eval"), items.table.column("id"), ":").combine_chunks(),
    )


def _strings(items: Items, name: str) -> pa.Array:
    return pc.fill_null(items.table.column(name).combine_chunks(), "")


def _same(
    spoken: Words, answers: Words, item: np.ndarray, asks: np.ndarray, keep: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the texts `keep` (k,): which distinct one each is, where each distinct one is first, and how many it is.

    Distinct texts are numbered in the order in which they come first.
    """
    keys = np.empty((len(keep), 4), np.uint64)
    keys[:, :2] = _keys(spoken)[keep]
    keys[:, 2:] = np.where(asks[keep, None], _keys(answers)[item[keep]], 0)
    _, first, same, groups = np.unique(
        np.ascontiguousarray(keys).view("V32").ravel(), return_index=True, return_inverse=True, return_counts=True
    )
    order = np.argsort(first)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank[same.reshape(-1)], first[order], groups[order]


def _keys(found: Words) -> np.ndarray:
    """(n, 2) uint64 of the words of each text."""
    out = np.empty((len(found.rows) - 1, 2), np.uint64)
    key_all(found.hashes.view(np.uint8), found.rows * 8, np.uint64(1), out)
    return out


def _ranges(starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """`starts[0], starts[0] + 1, …`: `sizes[i]` numbers from each of `starts`, one after the other."""
    ends = np.cumsum(sizes)
    out: np.ndarray = np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - ends + sizes, sizes)
    return out


def _grams(hashes: np.ndarray, rows: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The hashes of all n-grams of the texts, ascending, and the word where each begins, ascending where they are equal."""
    left = np.repeat(rows[1:], np.diff(rows)) - np.arange(len(hashes))
    at = np.flatnonzero(left >= n)
    grams = hashes_of(hashes, rows, n)[at]
    order = np.argsort(grams, kind="stable")
    return grams[order], at[order]


def _own_grams(grams: np.ndarray, stand: np.ndarray, words: int, max_items: int) -> np.ndarray:
    """(words,) bool: a whole n-gram of its text begins here, and it is not generic."""
    starts = starts_of(grams)
    counts = np.diff(np.append(np.flatnonzero(starts), len(grams)))
    own = np.zeros(words, np.bool_)
    own[stand] = (counts <= max_items)[np.cumsum(starts) - 1]
    return own


def _covered(own: np.ndarray, n: int) -> np.ndarray:
    """(w,) bool: the word stands in an n-gram that counts."""
    edges = np.zeros(len(own) + n + 1, np.int64)
    edges[: len(own)] += own
    edges[n : n + len(own)] -= own
    covered: np.ndarray = np.cumsum(edges)[: len(own)] > 0
    return covered


def _short_seeds(hashes: np.ndarray, rows: np.ndarray, is_short: np.ndarray) -> Grams:
    """For each short text the four words of it that the fewest short texts have, the first such."""
    owner = np.repeat(np.arange(len(rows) - 1), np.diff(rows))
    left = rows[1:][owner] - np.arange(len(hashes))
    at = np.flatnonzero(is_short[owner] & (left >= SHORT_SEED))
    grams = hashes_of(hashes, rows, SHORT_SEED)[at]
    _, which, count = np.unique(grams, return_inverse=True, return_counts=True)
    often = count[which.reshape(-1)]
    order = np.lexsort((at, often, owner[at]))
    best = order[np.concatenate([[True], np.diff(owner[at][order]) > 0])] if len(at) else order
    _, which, count = np.unique(grams[best], return_inverse=True, return_counts=True)
    best = best[(count <= SHARED_SEEDS)[which.reshape(-1)]]
    best = best[np.lexsort((at[best], grams[best]))]
    return table_of(grams[best], at[best])


def _code_points(strings: pa.Array, spoken: Words, place: np.ndarray) -> np.ndarray:
    """(w, 2) int32: where the words `place` of `strings` begin and end, in code points of their own string."""
    data, offsets = bytes_of(strings)
    # Offsets of 32 bits: the texts are under 2 GiB.
    begins = np.zeros(len(data) + 1, np.int32)
    np.cumsum((data & 0xC0) != 0x80, out=begins[1:])
    string = np.repeat(np.arange(len(strings)), np.diff(spoken.rows))[place]
    zero = begins[offsets[:-1].astype(np.int64)][string]
    points = np.stack([begins[spoken.starts[place]] - zero, begins[spoken.stops[place]] - zero], axis=1)
    return points.astype(np.int32)


def _urls(items: Items) -> tuple[np.ndarray, np.ndarray]:
    urls = items.table.column("url").combine_chunks()
    at = np.flatnonzero(pc.greater(pc.utf8_length(pc.fill_null(urls, "")), 0).to_numpy(zero_copy_only=False))
    hashes, first = np.unique(xxh64(normalised(urls.take(pa.array(at)))), return_index=True)
    return hashes, at[first]
