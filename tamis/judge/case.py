"""One thing to ask a judge, and the messages that ask it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

from tamis.judge.rubric import Rubric
from tamis.judge.verdict import SAID
from tamis.prompts import Template, fence, read

PAIR = frozenset({"says", "criteria", "ties", "what", "prompt", "reference", "first", "second", "form"})
SCORE = frozenset(
    {"what_is_rated", "says", "criteria", "anchors", "scale", "what", "prompt", "reference", "answer", "form"}
)


class Case(NamedTuple):
    """A pair of answers in one order, or one answer by itself.

    prompts    what was asked, turn by turn; none of a text that answers nothing
    first      answers of model_a, turn by turn; `second` those of model_b, None: there is one answer
    order      ab: that of model_a is shown first; None: there is one
    turn       from 1, where the answers of a dialogue are judged one by one: the last of `prompts` is the one
    repeat     how often the same was asked before
    """

    item_id: str
    model_a: str
    model_b: str | None
    prompts: tuple[str, ...]
    first: tuple[str, ...]
    second: tuple[str, ...] | None = None
    reference: str | None = None
    order: str | None = None
    turn: int | None = None
    repeat: int = 0

    @property
    def shown(self) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
        """The answers in the order in which they are shown."""
        return (
            (self.second, self.first) if self.order == "ba" and self.second is not None else (self.first, self.second)
        )


def messages(case: Case, rubric: Rubric) -> tuple[Mapping[str, str], ...]:
    """What is asked. Raises TemplateError where it is too long for any model."""
    shots = [m for k in range(len(rubric.examples)) for m in _shot(rubric, k)]
    return (_system(rubric), *shots, _question(case, rubric))


def settled(case: Case) -> str | None:
    """The word for a case that needs no judge: `identical` answers are a tie, and an `empty` one loses; else None."""
    first, second = ("\n".join(part.strip() for part in answer or ()) for answer in (case.first, case.second))
    if case.second is None:
        return None if first.strip() else "empty"
    if first == second:
        return "identical"
    return None if first.strip() and second.strip() else "empty"


_MARK = re.compile(r"\[\[(\s*(?:A|B|C|tie|-?\d{1,7}(?:\.\d{1,6})?)\s*)\]\]")


@lru_cache(maxsize=16)  # a pair is asked about in both orders, one after the other
def disarmed(text: str, rubric: Rubric) -> str:
    """An answer whose verdicts are none any more, the same to a reader: what a judge quotes of it is not read as its own."""
    names = ("reasons", "verdict", "score", *rubric.names)

    def apart(found: re.Match[str]) -> str:
        return f"‹{found[1]}›{found[2]}" if _spelled(found[1]) in names else found[0]

    return SAID.sub(lambda line: line[0].replace(line[1], "∶"), _MARK.sub(r"⁅⁅\1⁆⁆", _KEY.sub(apart, text)))


_fenced = lru_cache(maxsize=16)(fence)


_KEY = re.compile(r'"((?:[^"\\\n]|\\u[0-9a-fA-F]{4}){1,40})"(\s*:)')
"""What may be the key of a verdict's object: JSON spells any letter as \\u0076, too."""


def _spelled(key: str) -> str:
    return re.sub(r"\\u(....)", lambda found: chr(int(found[1], 16)), key)


@lru_cache(maxsize=64)
def form(rubric: Rubric) -> str:
    """What an answer looks like, as the prompt shows it."""
    if rubric.form == "pairwise":
        options = ", ".join(f'"{o}"' for o in rubric.options[:-1]) + f' or "{rubric.options[-1]}"'
        said = [f'"verdict": {options}']
    else:
        assert rubric.scale is not None
        said = [
            f'"{name}": {"a whole number" if rubric.scale.whole else "a number"} from {rubric.scale}'
            for name in rubric.names
        ]
    return "{" + ", ".join(['"reasons": "…"'] * rubric.reasons + said) + "}"


def _question(case: Case, rubric: Rubric) -> Mapping[str, str]:
    """The last message: the texts between fences, and the form of the answer."""
    many = len(case.prompts) > 1
    names: dict[str, Any] = {
        "what_is_rated": rubric.of,
        "what": "What was asked, turn by turn" if many else "What was asked",
        "prompt": _fenced(_talk(case.prompts, None) if many else case.prompts[0], "prompt") if case.prompts else "",
        "reference": _fenced(case.reference, "reference") if case.reference and rubric.reference != "none" else "",
        "form": form(rubric),
    }
    labels = ("first", "second") if rubric.form == "pairwise" else ("answer",)
    for label, answers in zip(labels, case.shown, strict=False):
        text = _talk(case.prompts, answers) if many and answers else "\n".join(answers or ())
        names[label] = fence(disarmed(text, rubric), label)
    return _part(rubric.form, "user").render(**names).messages[0]


def _talk(prompts: Sequence[str], answers: Sequence[str] | None) -> str:
    """A dialogue as text."""
    if answers is None:
        return "\n\n".join(f"[{k}] {text}" for k, text in enumerate(prompts, 1))
    turns = zip(prompts, answers, strict=False)
    return "\n\n".join(f"[{k}, asked] {asked}\n\n[{k}, answered] {said}" for k, (asked, said) in enumerate(turns, 1))


@lru_cache(maxsize=64)
def _system(rubric: Rubric) -> Mapping[str, str]:
    """The first message: the same for all cases, so that endpoints may keep what they made of it."""
    return (
        _part(rubric.form, "system")
        .render(
            says=f"What counts: {rubric.says}.",
            criteria=rubric.criteria,
            ties=rubric.ties,
            what_is_rated=rubric.of,
            scale=str(rubric.scale),
            anchors=[{"points": f"{p:g}", "says": s} for p, s in rubric.anchors],
        )
        .messages[0]
    )


@lru_cache(maxsize=256)
def _shot(rubric: Rubric, number: int) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """An example as a question and the right answer to it."""
    e = rubric.examples[number]
    case = Case("", "", "", (e.prompt,), (e.first,), None if e.second is None else (e.second,), e.reference)
    asked = _question(case, rubric)
    said: dict[str, Any] = {"reasons": e.reasons} if rubric.reasons else {}
    said |= {"verdict": e.verdict} if rubric.form == "pairwise" else {}
    for name, points in e.scores:
        said[name] = int(points) if rubric.scale and rubric.scale.whole else points
    return asked, {"role": "assistant", "content": json.dumps(said, ensure_ascii=False)}


@lru_cache(maxsize=4)
def _template(form: str) -> Template:
    name, known = ("pair.j2", PAIR) if form == "pairwise" else ("score.j2", SCORE)
    return read(files("tamis.judge") / "prompts" / name, known, name)


@lru_cache(maxsize=4)
def _part(form: str, role: str) -> Template:
    """One message of a template: the first is made once, and not with every case."""
    whole = _template(form)
    return replace(whole, parts=tuple(part for part in whole.parts if part[0] == role))


def prompt_digests() -> dict[str, str]:
    """The digests of the prompts, by name and version."""
    return {t.label: t.sha256.hex() for t in (_template("pairwise"), _template("score"))}
