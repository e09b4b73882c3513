"""Who was made of whom, over all snapshots at once.

A record keeps its id from snapshot to snapshot, so edges meet by ids alone, wherever they were noted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tamis.kernels.reach import Numbering, reach
from tamis.schemas.ids import halves


class Graph:
    """The edges of `tables`, which have `child` and `parent`."""

    def __init__(self, tables: Iterable[pa.Table]) -> None:
        found = [t for t in tables if t.num_rows]
        self.edges = sum(t.num_rows for t in found)
        self._numbering = Numbering(2 * self.edges)
        self._parents = _joined([self._numbering.add(halves(t.column("parent"))) for t in found])
        self._children = _joined([self._numbering.add(halves(t.column("child"))) for t in found])

    def down(self, seeds: np.ndarray) -> Reached:
        """`seeds` (n, 2) uint64 and all that was made of them."""
        return self._reached(self._parents, self._children, seeds)

    def up(self, seeds: np.ndarray) -> Reached:
        """`seeds` (n, 2) uint64 and all that they were made of."""
        return self._reached(self._children, self._parents, seeds)

    def _reached(self, start: np.ndarray, end: np.ndarray, seeds: np.ndarray) -> Reached:
        known = self._numbering.find(seeds)
        distance = reach(start, end, known[known >= 0], self._numbering.count)
        at = np.flatnonzero(distance >= 0)
        # A seed without edges is none of the graph; it is reached all the same.
        apart = np.unique(seeds[known < 0], axis=0)
        keys = np.concatenate([self._numbering.keys[at], apart])
        return Reached(keys, np.concatenate([distance[at], np.zeros(len(apart), np.int32)]))


@dataclass
class Reached:
    """Records that were reached.

    keys      (m, 2) uint64  each once
    distance  (m,)   int32   edges from the nearest seed; 0: a seed
    """

    keys: np.ndarray
    distance: np.ndarray

    @classmethod
    def of(cls, keys: np.ndarray) -> Reached:
        """Those of `keys` (n, 2) uint64 themselves."""
        found = np.unique(keys, axis=0)
        return cls(found, np.zeros(len(found), np.int32))

    def __post_init__(self) -> None:
        self._numbering = Numbering(len(self.keys))
        self._numbering.add(self.keys)

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def seeds(self) -> int:
        """How many of them are seeds."""
        return int((self.distance == 0).sum())

    @property
    def ids(self) -> pa.Array:
        """Their record ids."""
        data = np.ascontiguousarray(self.keys.astype(">u8"))
        return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(self.keys), [None, pa.py_buffer(data)])

    def number(self, ids: pa.Array | pa.ChunkedArray) -> np.ndarray:
        """For each record id its place in `keys`, -1 where it was not reached or is null: (n,) int32."""
        found = self._numbering.find(halves(ids))
        if ids.null_count:
            found[ids.is_null().to_numpy(zero_copy_only=False)] = -1
        return found

    def find(self, ids: pa.Array | pa.ChunkedArray) -> np.ndarray:
        """For each record id its distance, -1 where it was not reached or is null: (n,) int32."""
        found = self.number(ids)
        found[found >= 0] = self.distance[found[found >= 0]]
        return found

    def holds(self, ids: pa.Array | pa.ChunkedArray) -> np.ndarray:
        """Which record ids were reached: (n,) bool."""
        found: np.ndarray = self.find(ids) >= 0
        return found


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.empty(0, np.int32)
