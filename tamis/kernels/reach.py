"""Who can be reached from whom over edges between 16-byte keys, in time linear in the edges, however long the chains.

A key is two numbers, as `tamis.schemas.ids.halves` gives them.
"""

from __future__ import annotations

import numpy as np

from tamis.kernels.jit import njit

NONE = np.int32(-1)

_FACTOR = np.uint64(0x9E3779B97F4A7C15)


class Numbering:
    """Numbers for keys, from 0 in order of first appearance, in an open-addressing table at most two thirds full.

    room  keys it can take at most; below 2**31
    """

    def __init__(self, room: int) -> None:
        self.keys = np.empty((max(room, 1), 2), np.uint64)
        self.count = 0
        self._slots = np.full(1 << max((room + room // 2).bit_length(), 1), NONE, np.int32)

    def add(self, keys: np.ndarray) -> np.ndarray:
        """The number of each key of `keys` (n, 2) uint64: (n,) int32; those it has not seen get the next ones."""
        out = np.empty(len(keys), np.int32)
        self.count = int(_add_all(self._slots, self.keys, self.count, keys, out))
        return out

    def find(self, keys: np.ndarray) -> np.ndarray:
        """As `add`, but -1 for a key it has not seen."""
        out = np.empty(len(keys), np.int32)
        _find_all(self._slots, self.keys, keys, out)
        return out


def reach(start: np.ndarray, end: np.ndarray, seeds: np.ndarray, nodes: int) -> np.ndarray:
    """Edges it takes from the nearest of `seeds` to each node, -1 where there is no way: (nodes,) int32.

    start, end  (e,) int32  edge k leads from start[k] to end[k]; loops and circles do no harm
    seeds       (s,) int32
    """
    first = np.zeros(nodes + 1, np.int64)
    ends = np.empty(len(start), np.int32)
    _group(start, end, first, ends)
    distance = np.full(nodes, NONE, np.int32)
    queue = np.empty(nodes, np.int32)
    _walk(first, ends, seeds, distance, queue)
    return distance


@njit(nogil=True, cache=True)
def _slot(slots, known, high, low):
    """The slot of a key, or the empty one where it belongs."""
    mask = np.uint64(slots.size - 1)
    mixed = (high ^ (low * _FACTOR)) * _FACTOR
    at = (mixed ^ (mixed >> np.uint64(32))) & mask
    while True:
        number = slots[at]
        if number < 0 or (known[number, 0] == high and known[number, 1] == low):
            return at
        at = (at + np.uint64(1)) & mask


@njit(nogil=True, cache=True)
def _add_all(slots, known, count, keys, out):
    for k in range(keys.shape[0]):
        if k and keys[k, 0] == keys[k - 1, 0] and keys[k, 1] == keys[k - 1, 1]:
            out[k] = out[k - 1]  # edges come sorted: a child of several parents follows itself
            continue
        at = _slot(slots, known, keys[k, 0], keys[k, 1])
        if slots[at] < 0:
            known[count, 0], known[count, 1] = keys[k, 0], keys[k, 1]
            slots[at] = count
            count += 1
        out[k] = slots[at]
    return count


@njit(nogil=True, cache=True)
def _find_all(slots, known, keys, out):
    for k in range(keys.shape[0]):
        out[k] = slots[_slot(slots, known, keys[k, 0], keys[k, 1])]


@njit(nogil=True, cache=True)
def _group(start, end, first, ends):
    """Edges by their start: those of node i end in `ends[first[i]:first[i + 1]]`."""
    for k in range(start.size):
        first[start[k] + 1] += 1
    for node in range(first.size - 1):
        first[node + 1] += first[node]
    place = first[:-1].copy()
    for k in range(start.size):
        ends[place[start[k]]] = end[k]
        place[start[k]] += 1


@njit(nogil=True, cache=True)
def _walk(first, ends, seeds, distance, queue):
    tail = 0
    for k in range(seeds.size):
        if distance[seeds[k]] < 0:
            distance[seeds[k]] = 0
            queue[tail] = seeds[k]
            tail += 1
    head = 0
    while head < tail:
        node = queue[head]
        head += 1
        for k in range(first[node], first[node + 1]):
            if distance[ends[k]] < 0:
                distance[ends[k]] = distance[node] + 1
                queue[tail] = ends[k]
                tail += 1
