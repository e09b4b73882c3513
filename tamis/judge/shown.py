"""Judgments to read: those where judges, or the orders of a pair, do not agree."""

from __future__ import annotations

from typing import Any

import polars as pl

from tamis.judge.answers import Answers
from tamis.judge.played import games

MOST = 12
"""Examples shown."""

_THING = ["item_id", "model_a", "model_b", "aspect", "turn"]


def examples(judgments: pl.DataFrame, answers: Answers, most: int = MOST) -> list[dict[str, Any]]:
    """What is most at odds: judges that differ first, then orders that do, then scores far apart.

    Each is item_id, why, prompt, sides (model and answer) and said (judge, order, verdict or score, reasons).
    """
    found = [*_pairs(judgments), *_scores(judgments)][:most]
    return [_told(judgments, thing, why, answers) for thing, why in found]


def _pairs(judgments: pl.DataFrame) -> list[tuple[dict[str, Any], str]]:
    rows = games(judgments, probabilities=False).rows
    if not rows.height:
        return []
    side = (pl.col("share") - 0.5).sign()
    by_judge = rows.group_by([*_THING, "judge"], maintain_order=True).agg(
        sides=side.n_unique(), mean=pl.col("share").mean()
    )
    found = by_judge.group_by(_THING, maintain_order=True).agg(
        judges=(pl.col("mean") - 0.5).sign().n_unique(), orders=pl.col("sides").max()
    )
    split = found.filter((pl.col("judges") > 1) | (pl.col("orders") > 1)).sort(
        ["judges", "orders"], descending=True, maintain_order=True
    )
    why = {True: "The judges differ.", False: "The verdict turns with the order."}
    return [({n: row[n] for n in _THING}, why[row["judges"] > 1]) for row in split.head(MOST).iter_rows(named=True)]


def _scores(judgments: pl.DataFrame) -> list[tuple[dict[str, Any], str]]:
    scored = judgments.filter(pl.col("model_b").is_null()).drop_nulls("score")
    spread = scored.group_by(_THING, maintain_order=True).agg(apart=pl.col("score").max() - pl.col("score").min())
    far = spread.filter(pl.col("apart") > 0).sort("apart", descending=True, maintain_order=True)
    return [
        ({n: row[n] for n in _THING}, f"The scores are {row['apart']:g} apart.")
        for row in far.head(MOST).iter_rows(named=True)
    ]


def _told(judgments: pl.DataFrame, thing: dict[str, Any], why: str, answers: Answers) -> dict[str, Any]:
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.lit(value)) for name, value in thing.items())
    rows = judgments.filter(same).select("judge", "order", "verdict", "score", "probability_a", "reasons", "repeat")
    item = answers.items.get(thing["item_id"])
    sides = [thing["model_a"], *([thing["model_b"]] if thing["model_b"] is not None else [])]
    return {
        **thing,
        "why": why,
        "prompt": "\n\n".join(item.prompts) if item else "",
        "sides": [{"model": m, "answer": "\n\n".join(item.answers.get(m, ())) if item else ""} for m in sides],
        "said": rows.to_dicts(),
    }
