"""What a judge said, read strictly: a verdict in the form asked for, or none, which is a result of its own and no tie.

    {"reasons": "A leaves out the price.", "verdict": "B"}

Where an endpoint keeps to no schema, text may stand around the object: the last verdict counts, for a judge that quotes an
answer quotes it before it decides. `[[B]]`, as MT-bench has it, and a line `Verdict: B` are verdicts, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tamis.judge.rubric import Rubric
from tamis.prompts.thoughts import without_thoughts

MOST_OBJECTS = 64
"""Places from the end of a text at which an object is looked for."""

_BLOCK = re.compile(r"^\s*```\w*\s*\n(.*?)\n?```\s*$", re.S)
_MARK = re.compile(r"\[\[\s*(A|B|C|tie|-?\d{1,7}(?:\.\d{1,6})?)\s*\]\]")
SAID = re.compile(
    r"(?im)^(?:[^\S\n]|[*#>_])*(?:final\s+)?(?:verdict|score|rating)[\s*_]*([:：])[\s*_\"'\[]*"
    r"(A|B|C|tie|-?\d{1,7}(?:\.\d{1,6})?)(?:\s*/\s*\d+)?[\s*_\"'\].]*$"
)
"""A line that is a verdict: its colon, and the word."""
_REFUSAL = re.compile(
    r"(?i)^\W*(?:i(?:['’]m| am) (?:sorry|unable|not able)|i (?:can(?:['’]t|not)|won['’]t|will not)|sorry\b|as an ai\b|"
    r"unfortunately,? i (?:can|am))"
)
_BROKEN = re.compile(r"\s*(?:```\w*\s*)?\{")
"""An object was begun: a mark in what is left of it is a quotation."""
_VALUE = re.compile(r'"verdict"\s*:\s*"')


class Said(NamedTuple):
    """A judge's answer.

    verdict  A, B or tie: of places, not of models; None: of a score, or none could be read
    scores   points by criterion, or of `score`; empty: of a pair, or none could be read
    reasons  as the judge gave them; None: none
    failure  why there is no verdict: no_verdict, off_scale, refused, cut; None: there is one
    place    where in the text the verdict's letters begin, for the probabilities of its tokens; None: not known
    """

    verdict: str | None
    scores: Mapping[str, float]
    reasons: str | None
    failure: str | None
    place: int | None = None


def read_verdict(text: str, finish: str, rubric: Rubric) -> Said:
    """What `text`, which ended because of `finish`, says of a question under `rubric`; what was thought aloud says nothing."""
    said = without_thoughts(text)
    if said is None:
        return Said(None, {}, None, "cut" if finish == "length" else "no_verdict")
    found = _read(said, finish, rubric)
    return found if found.place is None else found._replace(place=found.place + len(text) - len(said))


def _read(text: str, finish: str, rubric: Rubric) -> Said:
    found = list(_objects(text, rubric))
    if finish == "length" and (not found or found[0][0] <= len(text)):
        return Said(None, {}, None, "cut")  # the last verdict may not have come
    if not _BROKEN.match(text):
        found += _marks(text, rubric)
    if found:
        return max(found, key=lambda one: one[0])[1]
    if finish == "content_filter" or _REFUSAL.match(text):
        return Said(None, {}, None, "refused")
    return Said(None, {}, None, "no_verdict")


def _objects(text: str, rubric: Rubric) -> Iterator[tuple[int, Said]]:
    """The whole text, if it is an object, else the last one in it that has a verdict, with where it ends."""
    block = _BLOCK.match(text)
    body = block[1] if block else text
    start = block.start(1) if block else 0
    held = _decoded(body.strip())
    if isinstance(held, dict):
        yield len(text) + 1, _object(held, rubric, text, start)
        return
    ends = len(text)
    for _ in range(MOST_OBJECTS):
        ends = text.rfind("{", 0, ends)
        if ends < 0:
            return
        try:
            held, after = json.JSONDecoder().raw_decode(text, ends)
        except (ValueError, RecursionError):
            continue
        if isinstance(held, dict) and set(held) & {"verdict", *rubric.names}:
            yield after, _object(held, rubric, text, ends)
            return


def _object(held: Mapping[str, Any], rubric: Rubric, text: str, start: int) -> Said:
    reasons = held.get("reasons")
    reasons = reasons if isinstance(reasons, str) and reasons.strip() else None
    if reasons is not None:
        reasons = reasons.encode(
            "utf-8", "replace"
        ).decode()  # JSON may spell half of a surrogate pair, which no file can hold
    if rubric.form == "pairwise":
        word = _word(held.get("verdict"))
        if word not in rubric.options:
            return Said(None, {}, reasons, "no_verdict" if word is None else "off_scale")
        places = [m.end() for m in _VALUE.finditer(text, start)]
        return Said(word, {}, reasons, None, places[-1] if places else None)
    scores: dict[str, float] = {}
    for name in rubric.names:
        value = held.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return Said(None, {}, reasons, "no_verdict")
        if rubric.scale is None or not rubric.scale.holds(value):
            return Said(None, {}, reasons, "off_scale")
        scores[name] = float(value)
    return Said(None, scores, reasons, None)


def _marks(text: str, rubric: Rubric) -> Iterator[tuple[int, Said]]:
    """The last mark of each kind; one of an object that is a text as a whole is a quotation, and comes before its end."""
    for pattern in (_MARK, SAID):
        if marks := list(pattern.finditer(text)):
            last = marks[-1]
            word = last.re.groups  # the last group is the word
            yield last.end(), _mark(last[word], last.start(word), text[: last.start()].strip() or None, rubric)


def _mark(said: str, place: int, before: str | None, rubric: Rubric) -> Said:
    reasons = before if rubric.reasons else None
    word = _word("tie" if said == "C" else said)
    if rubric.form == "pairwise":
        if word is None:
            return Said(None, {}, reasons, "no_verdict")
        return Said(word, {}, reasons, None, place) if word in rubric.options else Said(None, {}, reasons, "off_scale")
    if word is not None or len(rubric.names) > 1 or rubric.scale is None:
        return Said(None, {}, reasons, "no_verdict")
    points = float(said)
    if not rubric.scale.holds(points):
        return Said(None, {}, reasons, "off_scale")
    return Said(None, {rubric.names[0]: points}, reasons, None)


def _word(value: Any) -> str | None:
    """A, B or tie, however it is spaced; None: it is no word that names a side."""
    known = {"a": "A", "b": "B", "tie": "tie"}
    return known.get(value.strip().lower()) if isinstance(value, str) else None


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
