"""A rubric as a file, read strictly: whatever cannot be right is told with its line and column.

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
from dataclasses import replace
from typing import Any, get_args

from tamis.judge.rubric import Criterion, Example, Form, Of, Reference, Rubric, Scale, Turns
from tamis.judge.strict import Node, read_nodes

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")

KEYS = frozenset(
    {"name", "version", "form", "says", "criteria", "ties", "aspects", "scale", "anchors"}
    | {"reasons", "reference", "turns", "of", "examples"}
)


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
