"""A rubric: what a judge is asked to look at, and what it may say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Form = Literal["pairwise", "score"]
Reference = Literal["none", "optional", "required"]
Turns = Literal["all", "each"]
Of = Literal["answers", "texts"]


class Criterion(NamedTuple):
    """One thing to look at: a word for it, and the question it stands for."""

    name: str
    says: str


class Scale(NamedTuple):
    """Points that may be given: from `low` to `high`, whole ones alone or any."""

    low: float
    high: float
    whole: bool

    def holds(self, value: float) -> bool:
        """May `value` be given?"""
        return self.low <= value <= self.high and (not self.whole or value == int(value))

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


class Example(NamedTuple):
    """One judgment to go by: a question, one answer or two, and what is right to say of them."""

    prompt: str
    first: str
    second: str | None
    reference: str | None
    reasons: str
    verdict: str | None
    scores: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Rubric:
    """What is asked for, as its file says it.

    ties     pairwise: may a judge say that neither is better?
    aspects  score: a number for each criterion instead of one for all
    reasons  whether the judge says why, before it decides
    turns    of a dialogue: judged as a whole, or each answer by itself with what was said before
    sha256   of the file, in hex: a verdict is of one text of a rubric
    """

    name: str
    version: int
    form: Form
    says: str
    criteria: tuple[Criterion, ...]
    ties: bool
    aspects: bool
    scale: Scale | None
    anchors: tuple[tuple[float, str], ...]
    reasons: bool
    reference: Reference
    turns: Turns
    of: Of
    examples: tuple[Example, ...]
    sha256: str
    text: bytes

    @property
    def label(self) -> str:
        """Name and version: helpfulness@1."""
        return f"{self.name}@{self.version}"

    @property
    def names(self) -> tuple[str, ...]:
        """What a score is given for: each criterion, or `score`."""
        return tuple(c.name for c in self.criteria) if self.aspects else ("score",)

    @property
    def options(self) -> tuple[str, ...]:
        """What may be said of a pair."""
        return ("A", "B", "tie") if self.ties else ("A", "B")

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of an answer: reasons first, for what is said first is not made up afterwards."""
        held: dict[str, Any] = {"reasons": {"type": "string", "maxLength": 1200}} if self.reasons else {}
        if self.form == "pairwise":
            held["verdict"] = {"type": "string", "enum": list(self.options)}
        else:
            assert self.scale is not None
            number = {"type": "integer" if self.scale.whole else "number"}
            held |= {name: {**number, "minimum": self.scale.low, "maximum": self.scale.high} for name in self.names}
            for name in self.names if self.scale.whole else ():
                held[name] |= {"minimum": int(self.scale.low), "maximum": int(self.scale.high)}
        return {"type": "object", "properties": held, "required": list(held), "additionalProperties": False}
