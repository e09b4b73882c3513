"""The tasks of an export in their order: sides shuffled, gold and repeats among them, numbered so that a number says nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import ceil
from typing import NamedTuple

import numpy as np

from tamis.judge.review.answers import Answers
from tamis.judge.review.gold import Gold
from tamis.judge.review.key import Entry
from tamis.judge.review.pick import Pick

GAP = 20
"""Tasks between one and its repeat, where there are so many: else it is answered from memory."""


class Task(NamedTuple):
    """What a rater sees, and what it is."""

    task: str
    prompt: str
    reference: str | None
    texts: tuple[str, ...]
    entry: Entry


class _Drawn(NamedTuple):
    at: float
    prompt: str
    reference: str | None
    texts: tuple[str, ...]
    entry: Entry
    again: int = -1
    """Place among the picks of the one that is repeated; -1: none."""


def draw(picks: Sequence[Pick], answers: Answers, gold: Sequence[Gold], repeats: float, seed: int) -> list[Task]:
    """Every pick, in order, with all of `gold` spread evenly and a share of `repeats` of the picks once more, later.

    Each pair of models has either first equally often; a repeat has its sides swapped.
    """
    draws = np.random.default_rng([seed, 1])
    own = [
        _pick(one, order, k, answers) for k, (one, order) in enumerate(zip(picks, _orders(picks, draws), strict=True))
    ]
    drawn = [*own, *_gold(gold, len(picks), draws), *_again(own, repeats, draws)]
    drawn.sort(key=lambda one: one.at)
    width = len(str(len(drawn)))
    names = [f"{n:0{width}}" for n in range(1, len(drawn) + 1)]
    first = {
        one.entry: name for one, name in zip(drawn, names, strict=True) if one.again < 0 and one.entry.gold is None
    }
    tasks = []
    for one, name in zip(drawn, names, strict=True):
        entry = one.entry if one.again < 0 else one.entry._replace(repeats=first[own[one.again].entry])
        tasks.append(Task(name, one.prompt, one.reference, one.texts, entry))
    return tasks


def _pick(one: Pick, order: str, at: int, answers: Answers) -> _Drawn:
    own = answers.texts[one.item_id]
    shown = answers.prompts.get(one.item_id, ""), answers.references.get(one.item_id)
    if one.model_b is None:
        return _Drawn(at, *shown, (own[one.model_a],), Entry(one.item_id, one.model_a, why=one.why))
    texts = _turned((own[one.model_a], own[one.model_b]), order)
    return _Drawn(at, *shown, texts, Entry(one.item_id, one.model_a, one.model_b, order, why=one.why))


def _gold(gold: Sequence[Gold], size: int, draws: np.random.Generator) -> Iterable[_Drawn]:
    """One in each of as many equal stretches as there is gold: whoever stops early has met some, too."""
    places = (draws.permutation(len(gold)) + draws.random(len(gold))) * (max(size, 1) / max(len(gold), 1))
    orders = _halves(len(gold), draws)
    for one, at, order in zip(gold, places, orders, strict=True):
        a, b = one.models[0], one.models[1] if len(one.models) > 1 else None
        shown = order if b is not None else None
        entry = Entry(one.item_id, a, b, shown, one.right, why="gold")
        yield _Drawn(float(at) - 0.5, one.prompt, one.reference, _turned(one.texts, shown), entry)


def _again(own: Sequence[_Drawn], share: float, draws: np.random.Generator) -> Iterable[_Drawn]:
    gap = min(GAP, len(own) // 2)
    could = len(own) - gap
    for k in draws.permutation(could)[: min(ceil(share * len(own)), could)].tolist():
        one = own[k]
        turned = {"ab": "ba", "ba": "ab"}.get(one.entry.order or "")
        at = k + gap + draws.random() * (len(own) - k - gap)
        yield _Drawn(
            float(at), one.prompt, one.reference, one.texts[::-1], one.entry._replace(order=turned, why="repeat"), k
        )


def _orders(picks: Sequence[Pick], draws: np.random.Generator) -> list[str]:
    places = defaultdict[tuple[str, str | None], list[int]](list)
    for k, one in enumerate(picks):
        places[one.model_a, one.model_b].append(k)
    out = [""] * len(picks)
    for own in places.values():
        for k, order in zip(own, _halves(len(own), draws), strict=True):
            out[k] = order
    return out


def _halves(count: int, draws: np.random.Generator) -> list[str]:
    """Half ab, half ba, in an order by chance; of an odd number, the one over is by chance, too."""
    both = np.arange(count) % 2 == draws.integers(2)
    return ["ba" if flip else "ab" for flip in draws.permutation(both)]


def _turned(texts: tuple[str, ...], order: str | None) -> tuple[str, ...]:
    return texts[::-1] if order == "ba" else texts
