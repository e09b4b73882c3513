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
    loose  (m,) bool   would be rated were a tie half a win of each; with a parameter of ties no finite strength fits, so that
                       it is a piece by itself
    """

    met: np.ndarray
    rated: np.ndarray
    loose: np.ndarray


def pieces(models: int, first: np.ndarray, second: np.ndarray, games: np.ndarray, free: bool = False) -> Pieces:
    """Pieces of `models` models.

    first, second  (p,) int64      models of each pair
    games          (p, 3) float64  won by the first, by the second, tied: a tie is a win of each
    free           the fit has a parameter of ties (Davidson, Rao & Kupper), which goes off with the strengths where it can
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
    rated = _named(_spread(_finished(beats), loses))
    loose = _loose(rated, first, second, games) if free else np.zeros(models, np.bool_)
    return Pieces(_named(met), np.where(loose, np.arange(models), rated), loose)


def _loose(rated: np.ndarray, first: np.ndarray, second: np.ndarray, games: np.ndarray) -> np.ndarray:
    """(m,) bool: in a piece of `rated` that has ties and wins, but no circle of games with more wins than ties.

    Strengths v (in halves for Davidson's model) and the parameter of ties may rise together by any number, and no game of the
    piece gets less likely, where winners lie 1 or more above those they beat and ties are within 1. Such v are there unless
    some circle, walked from winner to loser and along ties either way, has more wins than ties: these are constraints on
    differences, which Bellman and Ford's rounds solve, or show to have no end.
    """
    own = rated[first] == rated[second]
    first, second, (won, lost, tied) = first[own], second[own], (games[own] > 0).T
    has_tie, has_win, bound = (np.zeros(rated.size, np.bool_) for _ in range(3))
    has_tie[rated[first[tied]]] = has_win[rated[first[won | lost]]] = True
    bound[rated[first[won & lost]]] = True
    asked: np.ndarray = (has_tie & has_win & ~bound)[rated]
    if not asked.any():
        return asked
    winner, loser = np.concatenate([first[won], second[lost]]), np.concatenate([second[won], first[lost]])
    bound[rated[_in_circles(rated.size, winner, loser)]] = True
    asked &= ~bound[rated]
    if not asked.any():
        return asked
    above = np.concatenate([winner, first[tied], second[tied]])
    below = np.concatenate([loser, second[tied], first[tied]])
    over = np.repeat([-1, 1], [winner.size, above.size - winner.size])
    there = asked[above]
    bound[rated[_sinking(rated[asked], above[there], below[there], over[there])]] = True
    asked &= ~bound[rated]
    return asked


def _sinking(rated: np.ndarray, above: np.ndarray, below: np.ndarray, over: np.ndarray) -> np.ndarray:
    """(k,) int64: models whose level still sinks after as many rounds as a piece of `rated` has models, so that it has no end.

    above, below, over  (e,) int64  the level of `below` is at most that of `above` plus `over`
    """
    level = np.zeros(max(above.max(), below.max()) + 1, np.int64)
    sinks = np.ones(level.size, np.bool_)
    for _ in range(np.bincount(rated).max()):
        if not sinks.any():
            break
        lower = level.copy()
        np.minimum.at(lower, below, level[above] + over)
        sinks, level = lower < level, lower
    return np.flatnonzero(sinks)


def _in_circles(models: int, winner: np.ndarray, loser: np.ndarray) -> np.ndarray:
    """(k,) int64: models that are in a circle of wins alone."""
    beats: list[list[int]] = [[] for _ in range(models)]
    loses: list[list[int]] = [[] for _ in range(models)]
    for i, j in zip(winner.tolist(), loser.tolist(), strict=True):
        beats[i].append(j)
        loses[j].append(i)
    reached = _spread(_finished(beats), loses)
    return np.flatnonzero(np.bincount(reached, minlength=models)[reached] > 1)


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
