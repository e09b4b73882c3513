"""Rubrics: what a judge is asked to look at, as versioned files.

name: helpfulness
version: 1
form: score                     # or pairwise
says: how far an answer helps
criteria:
  - {name: helpfulness, says: does it do what was asked, correctly and in full?}
scale: {low: 1, high: 5}
anchors:
  1: it misses what was asked
  5: nothing could be better
reasons: true                   # asked for before the verdict
reference: none                 # or optional, required: a right answer is shown beside
of: answers                     # or texts, that answer nothing
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from tamis.errors import UsageError
from tamis.judge.strict import Node, RubricError, read_nodes

Form = Literal["pairwise", "score"]
Reference = Literal["none", "optional", "required"]
Turns = Literal["all", "each"]
Of = Literal["answers", "texts"]

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


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


KEYS = frozenset(
    {"name", "version", "form", "says", "criteria", "ties", "aspects", "scale", "anchors"}
    | {"reasons", "reference", "turns", "of", "examples"}
)


def shipped_rubrics() -> dict[str, str]:
    """Names of the rubrics that come with tamis, and what each is for."""
    return {name: rubric(name).says for name in _shipped()}


def rubric(spec: str | Path, base: Path | None = None) -> Rubric:
    """The rubric `spec`: the name of one that comes with tamis (pairwise, or pairwise@1), or a file, which `base` starts.

    Raises UsageError where there is none, RubricError where it cannot be used.
    """
    name, _, version = str(spec).partition("@")
    if name in _shipped():
        found = _read(name)
        if version and version != str(found.version):
            raise UsageError(f"{spec}: this tamis has {found.label}; name that, or a file of your own")
        return found
    path = (base or Path()) / spec
    if path.is_fifo() or path.is_char_device():
        raise UsageError(f"{spec} is a pipe or a device; a rubric is read again, so name a file")
    try:
        return read_rubric(path.read_bytes(), str(spec))
    except OSError as gone:
        there = ", ".join(_shipped())
        raise UsageError(f"no rubric {str(spec)!r} ({gone.strerror}); name a file, or one of {there}") from None


def read_rubric(text: bytes, path: str) -> Rubric:
    """The rubric in `text`, a file called `path` in messages. Raises RubricError."""
    top = read_nodes(text, path)
    top.known(KEYS)
    form = _word(top, "form", Form)
    if form is None:
        raise top.wrong("it has no form; pairwise or score was wanted")
    name, version, says = _need(top, "name", str), _need(top, "version", int), _need(top, "says", str)
    if not _NAME.fullmatch(name.value):
        raise name.wrong(f"name is {name.value!r}; small letters, digits, - and _ were wanted, as in helpfulness")
    if not 1 <= version.value <= 32767:
        raise version.wrong(f"version is {version.value}; a whole number from 1 was wanted")
    for key, only in (("ties", "pairwise"), *((k, "score") for k in ("aspects", "scale", "anchors", "of"))):
        if form != only and top.get(key, (bool, dict, list, str)) is not None:
            raise top.value[key].wrong(f"{key} is of rubrics of the form {only}; this one is {form}")
    criteria = _criteria(top)
    aspects = _flag(top, "aspects", False)
    scale = _scale(top) if form == "score" else None
    own = Rubric(
        name.value,
        version.value,
        form,
        " ".join(says.value.split()),
        criteria,
        _flag(top, "ties", True) and form == "pairwise",
        aspects,
        scale,
        _anchors(top, scale),
        _flag(top, "reasons", True),
        _word(top, "reference", Reference) or "none",
        _word(top, "turns", Turns) or "all",
        _word(top, "of", Of) or "answers",
        (),
        hashlib.sha256(text).hexdigest(),
        text,
    )
    if taken := [c.name for c in criteria if c.name in ("reasons", "verdict", "score")]:
        raise top.value["criteria"].wrong(
            f"a criterion is called {taken[0]!r}, which stands for the verdict; rename it"
        )
    examples = top.get("examples", list)
    return own if examples is None else _with(own, tuple(_example(node, own) for node in examples.items()))


def _with(own: Rubric, examples: tuple[Example, ...]) -> Rubric:
    return replace(own, examples=examples)


def _need(top: Node, key: str, wanted: type) -> Node:
    found = top.get(key, wanted)
    if found is None or found.value == "":
        raise (found or top).wrong(f"it has no {key}")
    return found


def _flag(top: Node, key: str, default: bool) -> bool:
    found = top.get(key, bool)
    return default if found is None else bool(found.value)


def _word(top: Node, key: str, choices: Any) -> Any:
    found = top.get(key, str)
    if found is not None and found.value not in get_args(choices):
        raise found.wrong(f"{key} is {found.value!r}; one of {', '.join(get_args(choices))} was wanted")
    return None if found is None else found.value


def _criteria(top: Node) -> tuple[Criterion, ...]:
    listed = top.get("criteria", list)
    if listed is None or not listed.value:
        raise (listed or top).wrong("it has no criteria; a list of {name, says} was wanted")
    found: list[Criterion] = []
    for node in listed.items():
        node.typed("a criterion", dict).known(frozenset({"name", "says"}))
        name, says = _need(node, "name", str), _need(node, "says", str)
        if not _NAME.fullmatch(name.value):
            raise name.wrong(f"a criterion is called {name.value!r}; small letters, digits, - and _ were wanted")
        if name.value in [c.name for c in found]:
            raise name.wrong(f"two criteria are called {name.value!r}")
        found.append(Criterion(name.value, " ".join(says.value.split())))
    return tuple(found)


def _scale(top: Node) -> Scale:
    node = top.get("scale", dict)
    if node is None:
        raise top.wrong("it has no scale, and its form is score; write scale: {low: 1, high: 5}")
    node.known(frozenset({"low", "high", "whole"}))
    low, high = node.get("low", (int, float)), node.get("high", (int, float))
    if low is None or high is None:
        raise node.wrong("a scale has low and high")
    if not -1e6 <= low.value < high.value <= 1e6:
        raise node.wrong(
            f"the scale goes from {low.value!r:.30} to {high.value!r:.30}; low below high, within a million, was wanted"
        )
    found = Scale(float(low.value), float(high.value), _flag(node, "whole", True))
    if found.whole and not (found.low.is_integer() and found.high.is_integer()):
        raise node.wrong(f"the scale goes from {low.value} to {high.value} in whole numbers; whole: false takes others")
    return found


def _anchors(top: Node, scale: Scale | None) -> tuple[tuple[float, str], ...]:
    node = top.get("anchors", dict)
    if node is None or scale is None:
        return ()
    found = []
    for key, says in node.value.items():
        try:
            points = float(key)
        except ValueError:
            points = float("nan")
        if not scale.holds(points):
            raise says.wrong(f"an anchor stands at {key!r}, which is not on the scale from {scale}")
        found.append((points, " ".join(str(says.typed("an anchor", str).value).split())))
    return tuple(sorted(found))


def _example(node: Node, own: Rubric) -> Example:
    node.typed("an example", dict)
    pair = own.form == "pairwise"
    said = frozenset({"verdict"}) if pair else frozenset(own.names)
    answers = frozenset({"first", "second"} if pair else {"answer"})
    node.known(frozenset({"prompt", "reference", "reasons"}) | answers | said)
    first = _need(node, "first" if pair else "answer", str).value
    second = _need(node, "second", str).value if pair else None
    reasons, reference = node.get("reasons", str), node.get("reference", str)
    if own.reasons and reasons is None:
        raise node.wrong("an example has no reasons, and the rubric asks for them")
    verdict, scores = None, []
    if pair:
        given = _need(node, "verdict", str)
        verdict = given.value
        if verdict not in own.options:
            raise given.wrong(f"verdict is {verdict!r}; one of {', '.join(own.options)} was wanted")
    for name in () if pair else own.names:
        number = _number(node, name)
        if own.scale is None or not own.scale.holds(number.value):
            raise number.wrong(f"{name} is {number.value}; a number on the scale from {own.scale} was wanted")
        scores.append((name, float(number.value)))
    return Example(
        _need(node, "prompt", str).value,
        first,
        second,
        None if reference is None else reference.value,
        "" if reasons is None else reasons.value,
        verdict,
        tuple(scores),
    )


def _number(node: Node, name: str) -> Node:
    found = node.get(name, (int, float))
    if found is None:
        raise node.wrong(f"an example has no {name}")
    return found


@cache
def _shipped() -> tuple[str, ...]:
    folder = files("tamis.judge") / "rubrics"
    return tuple(sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml")))


@cache
def _read(name: str) -> Rubric:
    return read_rubric((files("tamis.judge") / "rubrics" / f"{name}.yaml").read_bytes(), f"{name}.yaml")


__all__ = ["Criterion", "Example", "Rubric", "RubricError", "Scale", "read_rubric", "rubric", "shipped_rubrics"]
