"""What people should look at, and what first: where judges disagree, then where they were least sure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np
import polars as pl

from tamis.errors import UsageError
from tamis.judge.played import games
from tamis.judge.review.answers import Answers
from tamis.judge.review.form import Kind

MANY = 2_000_000
"""Pairs that are still listed one by one."""


class Pick(NamedTuple):
    """An answer to rate, or two; model_b is None where it is one."""

    item_id: str
    model_a: str
    model_b: str | None
    why: str


class Picked(NamedTuple):
    """In the order that people should take them.

    without  judged, but an answer is not there
    equal    pairs whose answers are the same text: there is nothing to choose
    """

    picks: list[Pick]
    without: int
    equal: int


def pick(
    answers: Answers, kind: Kind, judgments: pl.DataFrame | None, baseline: str | None, hard: bool, seed: int
) -> Picked:
    """All there is to rate; by chance where there are no judgments, or `hard` is false.

    judgments  columns of JUDGMENT: only what was judged is asked
    baseline   only pairs with this model
    """
    if baseline is not None and not any(baseline in own for own in answers.texts.values()):
        raise UsageError(f"no answer of the baseline {baseline!r}; there are {', '.join(sorted(_models(answers)))}")
    listed = list(_all(answers, kind, baseline) if judgments is None else _judged(judgments, kind, baseline))
    # Shuffled first: what is equally hard then comes in no order of names.
    mixed = [listed[k] for k in np.random.default_rng(seed).permutation(len(listed))]
    if hard:
        mixed.sort(key=lambda one: one[0])
    out = Picked([], 0, 0)
    without = equal = 0
    for _, one in mixed:
        own = answers.texts.get(one.item_id, {})
        texts = [own.get(model) for model in (one.model_a, one.model_b) if model is not None]
        if None in texts:
            without += 1
        elif len(texts) == 2 and texts[0] == texts[1]:
            equal += 1
        else:
            out.picks.append(one)
    return out._replace(without=without, equal=equal)


Ranked = tuple[tuple[float, ...], Pick]


def _all(answers: Answers, kind: Kind, baseline: str | None) -> Iterator[Ranked]:
    if kind == "score":
        if (size := sum(map(len, answers.texts.values()))) > MANY:
            raise UsageError(f"{size:,} answers to choose from; give some of them, or --judgments of some of them")
        yield from (((), Pick(item, m, None, "")) for item, own in answers.texts.items() for m in own)
        return
    per = [len(own) if baseline else len(own) ** 2 // 2 for own in answers.texts.values()]
    if sum(per) > MANY:
        raise UsageError(f"{sum(per):,} pairs to choose from; name a --baseline, or --judgments of some of them")
    for item, own in answers.texts.items():
        for a, b in combinations(sorted(own), 2):
            if baseline in (None, a, b):
                yield (), Pick(item, a, b, "")


def _judged(judgments: pl.DataFrame, kind: Kind, baseline: str | None) -> Iterator[Ranked]:
    found: Iterable[Ranked] = _scores(judgments) if kind == "score" else _pairs(judgments)
    return (one for one in found if baseline is None or baseline in one[1])


def _pairs(judgments: pl.DataFrame) -> Iterator[Ranked]:
    """Ranked (0, margin) where judges or orders disagree, (1,) where none gave a verdict, else (2, margin)."""
    apart = judgments.filter(pl.col("model_b").is_not_null() & (pl.col("model_a") != pl.col("model_b")))
    low, high = pl.min_horizontal("model_a", "model_b"), pl.max_horizontal("model_a", "model_b")
    asked = apart.select("item_id", low=low, high=high).unique(maintain_order=True)
    flip = pl.col("model_a") > pl.col("model_b")
    share = pl.when(flip).then(1 - pl.col("share")).otherwise("share")
    own = games(judgments).rows.select("item_id", low=low, high=high, share=share)
    met = own.group_by("item_id", "low", "high").agg(
        sides=(pl.col("share") - 0.5).sign().n_unique(), margin=(2 * pl.col("share").mean() - 1).abs()
    )
    table = asked.join(met, on=["item_id", "low", "high"], how="left", maintain_order="left")
    for item, a, b, sides, margin in table.iter_rows():
        if sides is None:
            yield (1.0, 0.0), Pick(item, a, b, "no verdict could be read")
        elif sides > 1:
            yield (0.0, margin), Pick(item, a, b, "judgments disagree")
        else:
            yield (2.0, margin), Pick(item, a, b, f"margin {margin:.2f}")


def _scores(judgments: pl.DataFrame) -> Iterator[Ranked]:
    """Ranked by how far apart the scores of an answer lie, the widest first."""
    own = judgments.filter(pl.col("model_b").is_null())
    spread = own.group_by("item_id", "model_a", "aspect", maintain_order=True).agg(
        (pl.col("score").max() - pl.col("score").min()).alias("spread"), pl.col("score").count().alias("given")
    )
    widest = spread.group_by("item_id", "model_a", maintain_order=True).agg(
        pl.col("spread").max(), pl.col("given").sum()
    )
    for item, model, wide, given in widest.iter_rows():
        if not given:
            yield (0.0, 0.0), Pick(item, model, None, "no score could be read")
        else:
            yield (0.0 if wide else 1.0, -wide), Pick(item, model, None, f"scores {wide:g} apart" if wide else "")


def _models(answers: Answers) -> set[str]:
    return {model for own in answers.texts.values() for model in own}
