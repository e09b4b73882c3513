"""The answer within a response: steps that are tried in turn, and what is made plain before two answers are compared.

extract:   [{regex: "#### (.+)"}, last_number]     the first step that finds something
normalize: [case, punctuation, articles, space]    all of them, on both sides
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from tamis.contracts.tree import nearest
from tamis.errors import UsageError
from tamis.evaluate.patience import within

SECONDS = 5.0
"""Of CPU that a suite's own regular expression may take for one text."""

Step = Any
"""The name of a step, or a mapping: {regex, group?, take?} to extract, {remove} to normalize."""

_NUMBER = re.compile(r"-?\$?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?!\d)|-?\$?\.\d+")


def _first_letter(text: str) -> str | None:
    """A letter that stands alone, said to be the answer before any other; `I` and `a` within a sentence are words."""
    said = re.search(r"(?:answer|option|choice)\s*(?:is|:)?\s*\**\(?([A-Z])\b(?!['’])", text)
    alone = (
        said or re.match(r"\s*\**\(?([A-Z])\b(?!['’ ][a-z])", text) or re.search(r"\(([A-Z])\)|\b([B-HJ-Z])\b", text)
    )
    return next((g for g in alone.groups() if g), None) if alone else None


def _numbers(text: str) -> list[str]:
    return [number(found) for found in _NUMBER.findall(text)]


STEPS: dict[str, Callable[[str], str | None]] = {
    "first_letter": _first_letter,
    "first_line": lambda text: text.strip().partition("\n")[0].strip() or None,
    "first_number": lambda text: next(iter(_numbers(text)), None),
    "last_line": lambda text: text.strip().rpartition("\n")[2].strip() or None,
    "last_number": lambda text: next(reversed(_numbers(text)), None),
    "boxed": lambda text: next(reversed(re.findall(r"\\boxed\{([^{}]*)\}", text)), None),
    "code": lambda text: next(iter(re.findall(r"```(?:\w+)?\n(.*?)```", text, re.S)), None) or text.strip() or None,
    "raw": lambda text: text,
    "whole": lambda text: text.strip() or None,
}
"""What finds an answer; None where there is none."""


def number(text: str) -> str:
    """`text` as the shortest decimal that means the same; as it stands where it is no number."""
    bare = text.strip().rstrip(".").replace(",", "").replace("$", "").strip()
    try:
        value = Decimal(bare)
        if not value.is_finite() or abs(value.adjusted()) > 40:
            return text
    except InvalidOperation:
        return text
    return f"{value.normalize():f}" if value else "0"


_NORMAL: dict[str, Callable[[str], str]] = {
    "case": str.lower,
    "punctuation": lambda text: text.translate(str.maketrans("", "", string.punctuation)),
    "digits": lambda text: text.translate(str.maketrans("", "", string.digits)),
    "articles": lambda text: re.sub(r"\b(a|an|the)\b", " ", text),
    "space": lambda text: " ".join(text.split()),
    "number": number,
}


def read_steps(value: Any, key: str) -> tuple[Step, ...]:
    """The steps of `key` (extract, extract_target or normalize), checked. Raises UsageError."""
    if value is None:
        return ()
    table: dict[str, Any] = _NORMAL if key == "normalize" else STEPS
    steps = [value] if isinstance(value, (str, dict)) else value
    if not isinstance(steps, list):
        raise UsageError(f"{key} is {value!r:.60}; a list of steps was wanted")
    for step in steps:
        if isinstance(step, str) and step in table:
            continue
        if isinstance(step, str):
            raise UsageError(f"{key}: no step {step!r}{nearest(step, table)}")
        wanted = "remove" if key == "normalize" else "regex"
        if not isinstance(step, dict) or wanted not in step or set(step) - {"regex", "remove", "group", "take"}:
            raise UsageError(f"{key}: found {step!r:.60}; a name or {{{wanted}: …}} was wanted")
        try:
            groups = re.compile(step[wanted]).groups
        except (re.error, TypeError, RecursionError, OverflowError) as wrong:
            raise UsageError(f"{key}: {step[wanted]!r:.60} is no regular expression: {wrong}") from None
        if not isinstance(step.get("group", 0), int) or not 0 <= step.get("group", 0) <= groups:
            raise UsageError(f"{key}: {step[wanted]!r:.60} has {groups} groups, and group is {step['group']}")
        if step.get("take", "first") not in ("first", "last"):
            raise UsageError(f"{key}: take is {step['take']!r}; first or last was wanted")
    return tuple(steps)


def extract(text: str, steps: Sequence[Step]) -> str | None:
    """What the first of `steps` that finds anything finds in `text`; None: none does. Without steps the text, stripped."""
    if not steps:
        return text.strip()
    for step in steps:
        found = STEPS[step](text) if isinstance(step, str) else _searched(text, step)
        if found is not None:
            return found
    return None


def _searched(text: str, step: dict[str, Any]) -> str | None:
    """The first or last match: its group, the first group that took part, or all of it."""
    with within(SECONDS, step["regex"], text):
        found = list(re.finditer(step["regex"], text))
    if not found:
        return None
    match = found[-1 if step.get("take") == "last" else 0]
    if "group" in step:
        chosen = match[step["group"]]
    else:
        chosen = next((g for g in match.groups() if g), None) if match.groups() else match[0]
    return chosen.strip() if chosen is not None else None


def normalized(text: str, steps: Sequence[Step]) -> str:
    """`text` after all `steps`."""
    for step in steps:
        if isinstance(step, str):
            text = _NORMAL[step](text)
            continue
        with within(SECONDS, step["remove"], text):
            text = re.sub(step["remove"], "", text)
    return text
