"""Docket: which cases there are to judge, of all answers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import combinations

from tamis.errors import UsageError
from tamis.judge.answers import Answers, Item
from tamis.judge.case import Case
from tamis.judge.rubric import Rubric

MOST_PAIRS = 1_000_000
"""Pairs of models; more come of thousands of models, each with each other, which nobody can pay for."""


def pairs_of(answers: Answers, baseline: str | None = None) -> list[tuple[str, str]]:
    """Models to compare: each with `baseline`, or all with one another. Raises UsageError where there are none."""
    names = list(answers.models)
    if baseline is not None and baseline not in answers.models:
        raise UsageError(f"no model is called {baseline!r}; there are {', '.join(sorted(names)[:20])}")
    if len(names) < 2:
        why = f" ({answers.problems[0]})" if answers.problems else ""
        raise UsageError(
            f"all answers are of {names[0]}; a comparison wants two models, and judge score takes one{why}"
        )
    if baseline:
        return [(name, baseline) for name in names if name != baseline]
    if (n := len(names) * (len(names) - 1) // 2) > MOST_PAIRS:
        raise UsageError(f"{len(names):,} models make {n:,} pairs; compare each with one: --baseline MODEL")
    return list(combinations(names, 2))


def pair_cases(
    answers: Answers,
    rubric: Rubric,
    baseline: str | None = None,
    both: bool = True,
    repeats: int = 1,
    limit: int | None = None,
) -> Iterator[Case]:
    """The cases of all pairs, pair by pair, item by item.

    both   each pair in both orders; else in one, drawn by a digest of item and models
    limit  the first so many items of each pair
    """
    answered = _answered(answers)
    for a, b in pairs_of(answers, baseline):
        fewer, other = (a, b) if len(answered[a]) <= len(answered[b]) else (b, a)
        shared = (item for item in answered[fewer] if other in item.answers)
        for item in _first(_eligible(shared, rubric), limit):
            for prompts, first, second, turn in _turns(item, rubric, a, b):
                orders = ("ab", "ba") if both else (_drawn(item.item_id, a, b),)
                for repeat in range(repeats):
                    for order in orders:
                        yield Case(item.item_id, a, b, prompts, first, second, item.reference, order, turn, repeat)


def score_cases(answers: Answers, rubric: Rubric, repeats: int = 1, limit: int | None = None) -> Iterator[Case]:
    """The cases of all answers, model by model, item by item."""
    for model, own in _answered(answers).items():
        for item in _first(_eligible(iter(own), rubric), limit):
            for prompts, first, _, turn in _turns(item, rubric, model, model):
                for repeat in range(repeats):
                    yield Case(item.item_id, model, None, prompts, first, None, item.reference, None, turn, repeat)


def _answered(answers: Answers) -> dict[str, list[Item]]:
    """The items that each model answered, in order."""
    found: dict[str, list[Item]] = {model: [] for model in answers.models}
    for item in answers.items.values():
        for model in item.answers:
            found[model].append(item)
    return found


def unreferenced(answers: Answers, rubric: Rubric) -> int:
    """Items without the reference that the rubric wants: they are not judged."""
    return sum(not item.reference for item in answers.items.values()) if rubric.reference == "required" else 0


def _eligible(items: Iterator[Item], rubric: Rubric) -> Iterator[Item]:
    return (item for item in items if item.reference) if rubric.reference == "required" else items


def _first(items: Iterator[Item], limit: int | None) -> Iterator[Item]:
    for k, item in enumerate(items):
        if limit is not None and k >= limit:
            return
        yield item


def _turns(
    item: Item, rubric: Rubric, a: str, b: str
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], int | None]]:
    """Questions, answers of both, turn: all turns at once, or each after those before it."""
    first, second = item.answers[a], item.answers[b]
    n = len(item.prompts)
    if rubric.turns == "all" or n == 1:
        yield item.prompts, first, second, None
        return
    for k in range(1, n + 1):
        yield item.prompts[:k], first[:k], second[:k], k


def _drawn(item: str, a: str, b: str) -> str:
    """One of the orders, the same on every run."""
    return ("ab", "ba")[hashlib.sha256(f"{item}\0{a}\0{b}".encode("utf-8", "surrogatepass")).digest()[0] & 1]
