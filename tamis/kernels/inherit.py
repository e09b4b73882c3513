"""What is passed on along edges, from whoever has it to all below: sets as bits, joined where ways meet.

0 -> 1 -> 2,  3 -> 2        bits [1, 0, 0, 2]  gives  [0, 1, 3, 0]
"""

from __future__ import annotations

import numpy as np

from tamis.kernels.jit import njit


def inherit(above: np.ndarray, below: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Bits of all from whom each node can be reached: (n, w) uint64; its own only where it is in a circle.

    above, below  (e,) int32  edge k passes what above[k] has on to below[k]
    bits          (n, w) uint64  what each has of its own
    """
    order = np.argsort(above, kind="stable")
    first = np.searchsorted(above[order], np.arange(len(bits) + 1)).astype(np.int64)
    found = np.zeros_like(bits)
    _pass_on(first, below[order], bits, found)
    return found


@njit(nogil=True, cache=True)
def _pass_on(first, ends, bits, found):
    """Every node waits in line whenever what it has to pass on grew, and that it does at most once a bit."""
    nodes, words = bits.shape
    queue = np.arange(nodes)
    waits = np.ones(nodes, np.bool_)
    head, waiting = 0, nodes
    while waiting:
        node = queue[head]
        head = (head + 1) % nodes
        waiting -= 1
        waits[node] = False
        for k in range(first[node], first[node + 1]):
            end = ends[k]
            grew = False
            for w in range(words):
                joined = found[end, w] | found[node, w] | bits[node, w]
                grew |= joined != found[end, w]
                found[end, w] = joined
            if grew and not waits[end]:
                waits[end] = True
                queue[(head + waiting) % nodes] = end
                waiting += 1
