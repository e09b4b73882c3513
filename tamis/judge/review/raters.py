"""How far each rater can be relied on: against gold, and against what the same rater said before."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from tamis.judge.review.incoming import Came
from tamis.judge.review.key import Key
from tamis.judge.review.vote import Vote
from tamis.statistics.estimate import Estimate, share


class Rater(NamedTuple):
    """One rater.

    labels   tasks answered that become labels
    gold     share of hidden gold that was answered right; of scores, of the points asked
    repeats  share of hidden repeats that were answered as before, sides swapped in between
    first    share of labels, ties aside, that are the answer shown first; None: none, or scores
    """

    rater: str
    labels: int
    gold: Estimate
    repeats: Estimate
    first: Estimate | None

    def facts(self) -> dict[str, Any]:
        """As JSON holds it."""
        own = {"rater": self.rater, "labels": self.labels, "gold": self.gold.facts(), "repeats": self.repeats.facts()}
        return own if self.first is None else {**own, "first": self.first.facts()}


def raters(came: Came, key: Key, confidence: float = 0.95) -> list[Rater]:
    """Every rater, by name."""
    out = []
    for name in came.raters:
        own = {v.task: v for v in came.votes if v.rater == name}
        asked = [v for v in own.values() if v.task in key.asked]
        sides = [v.label == "first" for v in asked if v.label in ("first", "second")]
        out.append(
            Rater(
                name,
                len(asked),
                _share(_gold(own, key), "no gold was answered", confidence),
                _share(_again(own, key), "no repeat was answered twice", confidence),
                _share([[s] for s in sides], "ties alone", confidence) if key.form.kind == "pair" else None,
            )
        )
    return out


def _gold(own: dict[str, Vote], key: Key) -> Iterable[list[bool]]:
    for task, vote in own.items():
        right = key.tasks[task].gold
        if isinstance(right, dict):
            yield [vote.scores.get(name) == points for name, points in right.items()]
        elif right is not None and vote.label is not None:
            yield [key.tasks[task].verdict(vote.label) == right]


def _again(own: dict[str, Vote], key: Key) -> Iterable[list[bool]]:
    for task, vote in own.items():
        before = own.get(key.tasks[task].repeats or "")
        if before is None:
            continue
        if vote.label is not None and before.label is not None:
            yield [key.tasks[task].verdict(vote.label) == key.tasks[before.task].verdict(before.label)]
        else:
            yield [vote.scores[name] == points for name, points in before.scores.items()]


def _share(rows: Iterable[list[bool]], none: str, confidence: float) -> Estimate:
    """A share with tasks as units."""
    listed = list(rows)
    if not listed:
        return Estimate(None, note=none)
    values = np.array([v for row in listed for v in row], np.float64)
    return share(values, np.repeat(np.arange(len(listed)), [len(row) for row in listed]), confidence)
