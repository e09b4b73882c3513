"""One label for each item, once raters agree far enough: what may enter a dataset.

{"item_id": "q7", "model_a": "base", "model_b": "large", "judge": "people", "human": true, "order": "ba", "verdict": "b",
 "how": "unanimous", "raters": 2}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from statistics import median
from typing import Any, Literal, NamedTuple

import polars as pl

from tamis.judge.agreement import alpha, gwet
from tamis.judge.labels import Labels
from tamis.judge.review.conflicts import by_task, decided, differ
from tamis.judge.review.form import Form
from tamis.judge.review.incoming import Came
from tamis.judge.review.joined import judgments
from tamis.judge.review.key import Key
from tamis.judge.review.vote import Vote
from tamis.statistics.estimate import Estimate
from tamis.statistics.resample import DRAWS

Bound = Literal["value", "lower"]


class Agreed(NamedTuple):
    """How far raters agree on what is asked, or on one criterion of it."""

    criterion: str | None
    alpha: Estimate
    ac: Estimate

    def facts(self) -> dict[str, Any]:
        """As JSON holds it; AC1 is AC2, with quadratic weights, where labels are points."""
        name = "ac1" if self.criterion is None else "ac2"
        return {"criterion": self.criterion, "alpha": self.alpha.facts(), name: self.ac.facts()}


class Settled(NamedTuple):
    """rows: columns of JUDGMENT, how and raters; the rest counts tasks.

    open  raters differ, and nobody has decided
    few   fewer raters than were asked for
    """

    rows: list[dict[str, Any]]
    how: dict[str, int]
    open: int
    few: int


def agreement(
    came: Came,
    key: Key,
    without: Collection[str] = (),
    draws: int = DRAWS,
    seed: int = 0,
    confidence: float = 0.95,
) -> list[Agreed]:
    """Of pairs, places as names; of scores, each criterion as points whose distances count.

    Places, not models: that is all raters can see, so it is what they might agree on by chance. Where a model wins nearly always
    alpha would find nothing to agree on; and two who always take the first answer would agree perfectly on models.
    """
    votes = [v for own in by_task(came, key, without).values() for v in own]
    how: dict[str, Any] = {"draws": draws, "seed": seed, "confidence": confidence}
    if key.form.kind == "pair":
        labels = Labels(_items(votes, [v.label for v in votes], pl.String), list(key.form.labels))
        return [Agreed(None, alpha(labels, "nominal", **how), gwet(labels, **how))]
    out = []
    for c in key.form.criteria:
        labels = Labels(
            _items(votes, [float(v.scores[c.name]) for v in votes], pl.Float64),
            [float(k) for k in range(c.low, c.high + 1)],
        )
        out.append(Agreed(c.name, alpha(labels, "interval", **how), gwet(labels, "quadratic", **how)))
    return out


def _items(votes: Sequence[Vote], labels: Sequence[Any], kind: Any) -> pl.DataFrame:
    columns = {"item": [v.task for v in votes], "rater": [v.rater for v in votes], "label": labels}
    return pl.DataFrame(columns, schema={"item": pl.String, "rater": pl.String, "label": kind})


def falls_short(found: Estimate, least: float | None, bound: Bound) -> bool:
    """Is agreement below `least`? What cannot be told is below."""
    if least is None:
        return False
    value = found.low if bound == "lower" else found.value
    return value is None or not value >= least  # nan keeps everything out


def settle(
    came: Came, key: Key, least: int = 2, majority: bool = False, apart: int = 1, without: Collection[str] = ()
) -> Settled:
    """A label for each task that raters agree on, or that was decided.

    least     raters of a task that nobody decided
    majority  what more than half of the raters of a pair say settles it
    apart     scores that differ by no more have their median
    """
    words = decided(came)
    out = Settled([], {}, 0, 0)
    left_open = few = 0
    for task, votes in by_task(came, key, without).items():
        if task in words:
            how, row = "decided", _label(words[task], task, key)
        elif len(votes) < least:
            few += 1
            continue
        elif not differ(votes, apart):
            how, row = "unanimous", _label(_middle(votes, key.form), task, key)
        elif majority and (common := _most(votes)) is not None:
            how, row = "majority", _label(common, task, key)
        else:
            left_open += 1
            continue
        out.how[how] = out.how.get(how, 0) + 1
        out.rows.extend({**r, "how": how, "raters": len(votes)} for r in row)
    return out._replace(open=left_open, few=few)


def _label(vote: Vote, task: str, key: Key) -> list[dict[str, Any]]:
    return judgments([vote._replace(task=task, rater="people", note="")], key)


def _middle(votes: list[Vote], form: Form) -> Vote:
    if form.kind == "pair":
        return votes[0]
    return votes[0]._replace(scores={n: median(v.scores[n] for v in votes) for n in votes[0].scores})


def _most(votes: list[Vote]) -> Vote | None:
    """A vote that more than half of the raters of a pair gave."""
    if votes[0].label is None:
        return None
    label, count = Counter(v.label for v in votes).most_common(1)[0]
    return next(v for v in votes if v.label == label) if 2 * count > len(votes) else None
