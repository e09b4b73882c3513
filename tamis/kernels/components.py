"""Connected components by union-find: `parent` (n,) holds a number below or equal to its own place for each of n nodes.

Start with `parent = np.arange(n)`, uint32 or int64. The root of a component is its smallest node, whatever the order of
the links.
"""

from __future__ import annotations

import numpy as np

from tamis.kernels.jit import njit


def link(parent: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
    """Join the nodes a[k] and b[k] for every k, in place. a, b (p,) of any integer type, 0 to n - 1."""
    _link_all(parent, a, b)


def joins(parent: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """As `link`; (p,) bool: whether each link joined two components. With the heaviest edges first, those are a maximum
    spanning forest (Kruskal 1956): at every threshold it has the components of the whole graph.
    """
    joined = np.empty(len(a), np.bool_)
    _join_all(parent, a, b, joined)
    return joined


def roots(parent: np.ndarray) -> np.ndarray:
    """(n,) of parent's type: the smallest node of each node's component."""
    out = np.empty_like(parent)
    _root_all(parent, out)
    return out


def flatten(parent: np.ndarray) -> None:
    """Put the smallest node of each node's component in its place in `parent`."""
    _root_all(parent, parent)


@njit(nogil=True, cache=True)
def _link_all(parent, a, b):
    for k in range(a.size):
        _join(parent, a[k], b[k])


@njit(nogil=True, cache=True)
def _join_all(parent, a, b, joined):
    for k in range(a.size):
        joined[k] = _join(parent, a[k], b[k])


@njit(nogil=True, cache=True)
def _join(parent, a, b):
    x, y = np.int64(a), np.int64(b)
    # Both climb, and halve the path behind them (van Leeuwen and Tarjan 1984).
    while np.int64(parent[x]) != x:
        parent[x] = parent[np.int64(parent[x])]
        x = np.int64(parent[x])
    while np.int64(parent[y]) != y:
        parent[y] = parent[np.int64(parent[y])]
        y = np.int64(parent[y])
    if x < y:
        parent[y] = x
    else:
        parent[x] = y
    return x != y


@njit(nogil=True, cache=True)
def _root_all(parent, out):
    """A parent is never above its node: its root is known before."""
    for node in range(parent.size):
        up = np.int64(parent[node])
        out[node] = parent[node] if up == node else out[up]
