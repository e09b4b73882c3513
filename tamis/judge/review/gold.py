"""Tasks whose right answer is known, hidden among the others: how a rater who guesses is found.

{"prompt": "2 + 2?", "answer_a": "4", "answer_b": "5", "label": "a"}
{"item_id": "q7", "model_a": "small", "model_b": "large", "label": "b"}         texts from the answers
{"prompt": "2 + 2?", "answer": "4", "scores": {"correct": 5}}                   for scores
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from tamis.errors import InputError
from tamis.judge.reading import each_row
from tamis.judge.review.answers import Answers
from tamis.judge.review.form import Form


class Gold(NamedTuple):
    """texts: one, or two; right: a, b or tie, or points by criterion."""

    item_id: str
    models: tuple[str, ...]
    prompt: str
    reference: str | None
    texts: tuple[str, ...]
    right: str | dict[str, int]


def read_gold(path: str | Path, form: Form, answers: Answers) -> list[Gold]:
    """The gold of a file. Raises InputError at the first row that is none: gold that is wrong would blame raters."""
    found, problems = [], list[str]()
    for n, (where, row) in enumerate(each_row([path], problems), 1):
        try:
            found.append(_gold(row, form, answers, f"gold {n}"))
        except ValueError as wrong:
            raise InputError(f"{where}: {wrong}") from wrong
    if problems:
        raise InputError(problems[0])
    if not found:
        raise InputError(f"{path} is empty; a row has prompt, answer_a, answer_b and label")
    return found


def _gold(row: dict[str, Any], form: Form, answers: Answers, name: str) -> Gold:
    fields = ("answer_a", "answer_b") if form.kind == "pair" else ("answer",)
    if all(isinstance(row.get(f), str) for f in fields):
        texts, models = tuple(row[f] for f in fields), tuple("ab"[: len(fields)])
        item, prompt, reference = name, str(row.get("prompt") or ""), row.get("reference")
    else:
        ids = ("item_id", *("model_a", "model_b")[: len(fields)])
        if any(row.get(own) is None for own in ids):
            raise ValueError(f"neither {' and '.join(fields)} in the row, nor {', '.join(ids)} to find them by")
        item, *named = (str(row[own]) for own in ids)
        models = tuple(named)
        there = answers.texts.get(item, {})
        if missing := [m for m in models if m not in there]:
            raise ValueError(f"neither {' and '.join(fields)} in the row, nor an answer of {missing[0]!r} to {item!r}")
        texts, prompt = tuple(there[m] for m in models), answers.prompts.get(item, "")
        reference = answers.references.get(item)
    return Gold(item, models, prompt, None if reference is None else str(reference), texts, _right(row, form))


def _right(row: dict[str, Any], form: Form) -> str | dict[str, int]:
    if form.kind == "pair":
        label = row.get("label", row.get("verdict"))
        if label not in ("a", "b", "tie"):
            raise ValueError(f"label is {label!r}; of a pair it is a, b or tie")
        return str(label)
    scores = row.get("scores")
    if not isinstance(scores, dict) or not scores:
        raise ValueError(f"scores is {scores!r}; it has points for {', '.join(c.name for c in form.criteria)}")
    known = {c.name: c for c in form.criteria}
    for name, points in scores.items():
        if name not in known or type(points) is not int or not known[name].low <= points <= known[name].high:
            raise ValueError(f"scores has {name!r}: {points!r}; criteria are {_spelled(form)}")
    return scores


def _spelled(form: Form) -> str:
    return ", ".join(f"{c.name} from {c.low} to {c.high}" for c in form.criteria)
