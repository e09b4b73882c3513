"""Texts that raters are shown: what was asked, what a right answer is where one is given, what models answered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tamis.judge.answers import read_answers


class Answers(NamedTuple):
    """Texts by item, and by item and model; a dialogue is one text, its later questions among the answers.

    problems  one for each row that was set aside: file, line, what was found and wanted
    """

    prompts: dict[str, str]
    references: dict[str, str]
    texts: dict[str, dict[str, str]]
    problems: list[str]


def answers(paths: Sequence[str | Path], items: str | Path | None = None) -> Answers:
    """The answers of all files, as `tamis judge` reads them. Raises InputError where there is none."""
    found = read_answers(paths, items)
    out = Answers({}, {}, {}, list(found.problems))
    for item in found.items.values():
        out.prompts[item.item_id] = item.prompts[0]
        if item.reference is not None:
            out.references[item.item_id] = item.reference
        later = item.prompts[1:]
        out.texts[item.item_id] = {model: _turns(own, later) for model, own in item.answers.items()}
    return out


def _turns(said: Sequence[str], asked: Sequence[str]) -> str:
    parts = [said[0]]
    for question, answer in zip(asked, said[1:], strict=True):
        parts += [f"[then asked] {question}", answer]
    return "\n\n".join(parts)
