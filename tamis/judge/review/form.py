"""What raters are asked: which of two answers is better, or points on a scale for each criterion.

{"kind": "score", "question": "How good is the answer?", "guide": [], "ties": true, "rubric": "helpful@2", "rubric_sha256": "8f…",
 "criteria": [{"name": "correct", "low": 1, "high": 5, "says": "Is it right?", "anchors": {"1": "wrong"}}]}
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tamis.errors import InputError, UsageError
from tamis.judge.rubric import Rubric

Kind = Literal["pair", "score"]

QUESTIONS = {"pair": "Which answer is better?", "score": "How good is the answer?"}

MOST = 10
"""Steps of a scale: a key for each of them."""


@dataclass(frozen=True)
class Criterion:
    """Points from `low` to `high`, both ends in; `anchors` say what some of them mean."""

    name: str
    low: int = 1
    high: int = 5
    says: str = ""
    anchors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Form:
    """The question, and what may be answered.

    guide          what to look at, a line each
    criteria       of a score; a pair has none
    ties           may two answers be as good
    rubric         name of the rubric that judges were given, and the digest of its file: labels stand beside theirs
    """

    kind: Kind
    question: str
    guide: tuple[str, ...] = ()
    criteria: tuple[Criterion, ...] = ()
    ties: bool = True
    rubric: str | None = None
    rubric_sha256: str | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of a pair, by the place of the answer; none of a score."""
        return () if self.kind == "score" else ("first", "second", "tie") if self.ties else ("first", "second")

    def facts(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {**asdict(self), "guide": list(self.guide), "criteria": [asdict(c) for c in self.criteria]}

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Form:
        """The form that `facts` are of. Raises InputError where they are of none."""
        try:
            criteria = tuple(Criterion(**c) for c in facts["criteria"])
            found = cls(**{**facts, "criteria": criteria, "guide": tuple(facts["guide"])})
            if found.kind not in QUESTIONS or (found.kind == "score") != bool(criteria):
                raise InputError(f"a form of kind {found.kind!r} with {len(criteria)} criteria; export it again")
        except (KeyError, TypeError) as damage:
            raise InputError(f"no form of a review ({damage!r}); `tamis review export` writes one") from damage
        return found


def criterion(text: str) -> Criterion:
    """The criterion that `text` names: `correct`, `correct=1..5` or `correct=1..5: Is it right?`."""
    found = re.fullmatch(r"\s*([^=:]+?)\s*(?:=\s*(-?\d+)\s*\.\.\s*(-?\d+)\s*)?(?::\s*(.*))?", text, re.S)
    if found is None:
        raise UsageError(f"criterion {text!r}; write it as correct=1..5, or correct=1..5: Is it right?")
    name, low, high, says = found.groups()
    made = Criterion(name, int(low or 1), int(high or 5), (says or "").strip())
    if not 0 < made.high - made.low < MOST:
        raise UsageError(f"criterion {name!r} goes from {made.low} to {made.high}; a scale has 2 to {MOST} steps")
    return made


def form(
    kind: Kind,
    question: str | None = None,
    criteria: Sequence[Criterion] = (),
    ties: bool = True,
) -> Form:
    """A form; a score without criteria has one, `score`. Raises UsageError where two have one name."""
    if kind == "pair" and criteria:
        raise UsageError(f"criterion {criteria[0].name!r} is of a score; pairs are asked one question (--question)")
    if len({c.name for c in criteria}) < len(criteria):
        raise UsageError(f"criteria are {', '.join(c.name for c in criteria)}; each has a name of its own")
    own = tuple(criteria) or ((Criterion("score"),) if kind == "score" else ())
    return Form(kind, question or QUESTIONS[kind], (), own, ties)


def of_rubric(own: Rubric, question: str | None = None) -> Form:
    """What judges are asked by a rubric, for people; their labels stand beside those of judges.

    Raises UsageError where its scale is none for a keyboard.
    """
    guide = tuple(f"{c.name}: {c.says}" for c in own.criteria)
    if own.form == "pairwise":
        return Form("pair", question or QUESTIONS["pair"], guide, (), own.ties, own.label, own.sha256)
    scale = own.scale
    if scale is None or not scale.whole or scale.high - scale.low >= MOST:
        raise UsageError(
            f"rubric {own.label} has a scale of {scale}; people take whole numbers, at most {MOST} of them"
        )
    anchors = {f"{points:g}": says for points, says in own.anchors}
    says = {c.name: c.says for c in own.criteria} if own.aspects else {}
    criteria = tuple(
        Criterion(name, int(scale.low), int(scale.high), says.get(name, ""), anchors) for name in own.names
    )
    shown = () if own.aspects else guide
    return Form("score", question or QUESTIONS["score"], shown, criteria, True, own.label, own.sha256)
