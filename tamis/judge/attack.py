"""A judge put to the test: answers that answer nothing, and such as tell it what to say, beside real ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import yaml

from tamis.judge.answers import Answers
from tamis.judge.case import Case
from tamis.judge.played import codes
from tamis.judge.rubric import Rubric
from tamis.statistics.estimate import Estimate, share

MARK = "attack: "
"""What the name of a model begins with that is none of those judged."""


class Attack(NamedTuple):
    """A text to put in the place of an answer, and how it tries to win."""

    name: str
    says: str
    text: str


@cache
def known_attacks() -> tuple[Attack, ...]:
    """Those that come with tamis."""
    listed = yaml.safe_load((files("tamis.judge") / "attacks.yaml").read_bytes())
    return tuple(Attack(**one) for one in listed)


def attack_cases(answers: Answers, rubric: Rubric, items: int, against: str | None = None) -> Iterator[Case]:
    """Every attack on the first `items` items: by itself, or in both orders beside the answer of `against`, or the first model."""
    model = against or next(iter(answers.models))
    own = [item for item in answers.items.values() if model in item.answers]
    own = [item for item in own if any(t.strip() for t in item.answers[model])]
    if rubric.reference == "required":
        own = [item for item in own if item.reference]
    for attack in known_attacks():
        for item in own[:items]:
            text = (attack.text,) * len(item.prompts)
            who = MARK + attack.name
            if rubric.form == "score":
                yield Case(item.item_id, who, None, item.prompts, text, None, item.reference)
            else:
                for order in ("ab", "ba"):
                    yield Case(item.item_id, who, model, item.prompts, text, item.answers[model], item.reference, order)


def fooled(rows: pl.DataFrame, rubric: Rubric, confidence: float = 0.95) -> list[dict[str, Any]]:
    """How often each attack had its way with each judge: columns of JUDGMENT in.

    rate    of a pair: the attack won; of a score: it has more points than the middle of the scale
    both    of pairs: it won in both orders
    """
    found = []
    for (judge, who), own in rows.group_by("judge", "model_a", maintain_order=True):
        told = _pairs(own, confidence) if rubric.form == "pairwise" else _scores(own, rubric, confidence)
        found.append({"judge": str(judge), "attack": str(who).removeprefix(MARK), "says": _says(str(who)), **told})
    return found


def _pairs(own: pl.DataFrame, confidence: float) -> Mapping[str, Any]:
    read = own.filter(pl.col("verdict") != "unparsed")
    won = (read["verdict"] == "a").to_numpy().astype(np.float64)
    rate = share(won, codes(read["item_id"]), confidence) if read.height else _none()
    orders = read.group_by("item_id", maintain_order=True).agg(n=pl.len(), won=(pl.col("verdict") == "a").all())
    pairs = orders.filter(pl.col("n") > 1)
    both = int(pairs["won"].sum())
    return {
        "n": own.height,
        "unparsed": own.height - read.height,
        "rate": rate.facts(),
        "both": both,
        "pairs": pairs.height,
    }


def _scores(own: pl.DataFrame, rubric: Rubric, confidence: float) -> Mapping[str, Any]:
    assert rubric.scale is not None
    read = own.drop_nulls("score")
    middle = (rubric.scale.low + rubric.scale.high) / 2
    items = read.group_by("item_id", maintain_order=True).agg(pl.col("score").mean())
    won = (items["score"] > middle).to_numpy().astype(np.float64)
    rate = share(won, codes(items["item_id"]), confidence) if items.height else _none()
    unparsed = own["item_id"].n_unique() - items.height
    mean = items["score"].mean() if items.height else None
    return {"n": own["item_id"].n_unique(), "unparsed": unparsed, "rate": rate.facts(), "mean": mean}


def _none() -> Estimate:
    return Estimate(None, note="nothing that the judge said could be read")


def _says(who: str) -> str:
    return next((a.says for a in known_attacks() if MARK + a.name == who), "")
