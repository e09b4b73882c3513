"""Of every vector the most similar one before it: by all pairs, tile by tile, or by an index that grows as it is asked.

Places are in the order of the records, the best first, and `vectors(k)` gives those of block k, TILE places each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tamis.extras import extra
from tamis.kernels.vectors import cosines, lengths, take_best

TILE = 2048
"""Places of a block: a tile of dot products is 16 MiB."""

NEIGHBOURS = 8
"""Neighbours the index is asked for; each is then compared exactly."""

DRAWN = 1024
"""Records of which all pairs tell what the index should have found."""

Vectors = Callable[[int], np.ndarray]


class Best(NamedTuple):
    """cosine (n,) float64, -2 where there is none; at (n,) int64: the place, -1 where there is none."""

    cosine: np.ndarray
    at: np.ndarray


def nearest_exactly(vectors: Vectors, number: int) -> Best:
    """Of the places of block `number` the most similar before each; of several that are equal the first."""
    own = vectors(number)
    return _among(own, np.arange(len(own)) + number * TILE, vectors, number + 1)


def _among(own: np.ndarray, places: np.ndarray, vectors: Vectors, count: int) -> Best:
    """Of `own` (m, d) at consecutive `places` (m,) the most similar before each in the first `count` blocks."""
    best, at = np.full(len(own), -2.0), np.full(len(own), -1, np.int64)
    mine = own.astype(np.float32)
    length = _lengths(own)
    for k in range(count):
        other = vectors(k)
        dots = mine @ other.astype(np.float32).T
        take_best(dots, length, _lengths(other), int(places[0]), k * TILE, best, at)
    return Best(best, at)


def _lengths(vectors: np.ndarray) -> np.ndarray:
    out = np.empty(len(vectors))
    lengths(vectors, out)
    return out


class Indexed(NamedTuple):
    """As Best; and of `asked` records, drawn evenly, that have one at the threshold, for how many it was `found`."""

    cosine: np.ndarray
    at: np.ndarray
    asked: int
    found: int


def nearest_by_index(vectors: Vectors, n: int, threshold: float) -> Indexed:
    """As `nearest_exactly` of all n places, but among the neighbours that an index names.

    A block is compared within itself exactly and asked of the index of all before it; then it is put in, in order and by
    one thread: so the index does not depend on who is at work.
    """
    with extra("semantic"):
        from usearch.index import Index
    index: Any = None
    best, at = np.full(n, -2.0), np.full(n, -1, np.int64)
    for k in range(-(-n // TILE)):
        own, low = vectors(k), k * TILE
        high = low + len(own)
        if index is None:
            index = Index(
                ndim=own.shape[1], metric="cos", dtype="f16", connectivity=16, expansion_add=64, expansion_search=64
            )
        inside = _inside(own)
        best[low:high], at[low:high] = inside.cosine, np.where(inside.at >= 0, inside.at + low, -1)
        values = own.astype(np.float32)
        if low:
            found = index.search(values, min(NEIGHBOURS, low), threads=1)
            keys = np.asarray(found.keys).reshape(len(own), -1).astype(np.int64)
            _better(own, keys, vectors, best[low:high], at[low:high])
        index.add(np.arange(low, high), values, threads=1, copy=True)
    return Indexed(best, at, *_recall(vectors, n, threshold, best))


def _inside(own: np.ndarray) -> Best:
    return _among(own, np.arange(len(own)), lambda _: own, 1)


def _better(own: np.ndarray, keys: np.ndarray, vectors: Vectors, best: np.ndarray, at: np.ndarray) -> None:
    """Compare each of `own` with its neighbours `keys` (m, k) exactly; bring `best` and `at` (m,) up to date."""
    row = np.repeat(np.arange(len(own)), keys.shape[1])
    flat = keys.reshape(-1)
    for block in np.unique(flat // TILE).tolist():
        here = np.flatnonzero(flat // TILE == block)
        both = np.concatenate([own, vectors(block)])
        out = np.empty(len(here))
        cosines(both, row[here], flat[here] - block * TILE + len(own), out)
        # The last to be written is the best; of several that are equal the first place.
        order = np.lexsort((-flat[here], out))
        found, place = np.full(len(own), -2.0), np.full(len(own), -1, np.int64)
        found[row[here][order]], place[row[here][order]] = out[order], flat[here][order]
        more = (found > best) | ((found == best) & (place < at) & (place >= 0))
        best[more], at[more] = found[more], place[more]


def _recall(vectors: Vectors, n: int, threshold: float, best: np.ndarray) -> tuple[int, int]:
    """Of up to DRAWN places, evenly drawn: how many have one before them at the threshold, and for how many it was found."""
    places = np.unique(np.linspace(0, n - 1, min(n, DRAWN)).astype(np.int64))
    own = np.concatenate(
        [vectors(b)[places[places // TILE == b] - b * TILE] for b in np.unique(places // TILE).tolist()]
    )
    length, values = _lengths(own), own.astype(np.float32)
    true = np.full(len(places), -2.0)
    for k in range(-(-n // TILE)):
        other = vectors(k)
        cosine = values @ other.astype(np.float32).T / (length[:, None] * _lengths(other)[None, :])
        before = places[:, None] > np.arange(k * TILE, k * TILE + len(other))[None, :]
        true = np.maximum(true, np.where(before, cosine, -2.0).max(axis=1, initial=-2.0))
    known = true.astype(np.float32) >= threshold
    return int(known.sum()), int((known & (best[places].astype(np.float32) >= threshold)).sum())
