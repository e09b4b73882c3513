"""Which models a Bradley-Terry fit can rate together: the pieces of the graph of who met, and who won, whom."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np


class Pieces(NamedTuple):
    """Models by what can be said of them.

    met    (m,) int64  number of the piece of models that met, directly or by way of others; strengths of two are not comparable
    rated  (m,) int64  number of the piece within which each model has, by way of others, won against each other: there alone
                       strengths are finite (Ford 1957); numbered by their first model
    """

    met: np.ndarray
    rated: np.ndarray


def pieces(models: int, first: np.ndarray, second: np.ndarray, games: np.ndarray) -> Pieces:
    """Pieces of `models` models.

    first, second  (p,) int64      models of each pair
    games          (p, 3) float64  won by the first, by the second, tied: a tie is a win of each
    """
    beats: list[list[int]] = [[] for _ in range(models)]
    loses: list[list[int]] = [[] for _ in range(models)]
    for i, j, (won, lost, tied) in zip(first.tolist(), second.tolist(), games.tolist(), strict=True):
        if won > 0 or tied > 0:
            beats[i].append(j)
            loses[j].append(i)
        if lost > 0 or tied > 0:
            beats[j].append(i)
            loses[i].append(j)
    either = [beats[i] + loses[i] for i in range(models)]
    met = _spread(range(models), either)
    return Pieces(_named(met), _named(_spread(_finished(beats), loses)))


def _spread(order: Iterable[int], edges: list[list[int]]) -> np.ndarray:
    """What each model is first reached from, starts taken in `order`."""
    mark = np.full(len(edges), -1, np.int64)
    for start in order:
        if mark[start] < 0:
            mark[start], todo = start, [start]
            while todo:
                fresh = {j for j in edges[todo.pop()] if mark[j] < 0}
                for j in fresh:
                    mark[j] = start
                todo.extend(fresh)
    return mark


def _finished(edges: list[list[int]]) -> list[int]:
    """Models in the order a walk into the depth leaves them, last first: the first half of Kosaraju's algorithm."""
    seen, left = [False] * len(edges), []
    for start in range(len(edges)):
        walk = [] if seen[start] else [(start, iter(edges[start]))]
        seen[start] = True
        while walk:
            at, onward = walk[-1]
            step = next((j for j in onward if not seen[j]), None)
            if step is None:
                left.append(at)
                walk.pop()
            else:
                seen[step] = True
                walk.append((step, iter(edges[step])))
    return left[::-1]


def _named(mark: np.ndarray) -> np.ndarray:
    """Each piece by its first model."""
    _, first, place = np.unique(mark, return_index=True, return_inverse=True)
    return first[place]
