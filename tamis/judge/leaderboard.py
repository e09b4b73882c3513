"""The whole of what judgments say of models, as one object: what `tamis judge rate` prints and a report draws."""

from __future__ import annotations

from typing import Any

import polars as pl

from tamis.errors import InputError, UsageError
from tamis.judge.controlled import length_controlled
from tamis.judge.paired import differences
from tamis.judge.played import Rule, games, together
from tamis.judge.reading import KEY
from tamis.judge.scores import mean_scores
from tamis.judge.strength import Rating, Ratings, Ties, strengths
from tamis.judge.style import FEATURES, contrasts, looks, with_style
from tamis.judge.winrate import WinRate, matrix, win_rates
from tamis.statistics.resample import DRAWS


def board(
    judgments: pl.DataFrame,
    baseline: str | None = None,
    rule: Rule = "averaged",
    ties: Ties = "davidson",
    answers: pl.DataFrame | None = None,
    difficulty: pl.DataFrame | None = None,
    gamed: pl.DataFrame | None = None,
    control_length: bool = False,
    draws: int = DRAWS,
    seed: int = 0,
    confidence: float = 0.95,
    scale: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """Win rates by both rules, strengths, and, where asked for, length and style controlled; mean scores, where there are scores.

    judgments  columns of JUDGMENT
    baseline   win rates are of games against it; None: of all
    answers    item_id, model, answer: lengths, and the fit with style; None: lengths as the judgments tell them, no style
    scale      of scores, on which their intervals stay; None: not known

    Raises UsageError where nobody is called `baseline`, InputError where no judgment has a verdict.
    """
    given, judgments = judgments, _in_order(judgments)
    found = games(judgments)
    told = [
        {"model": s.model, "aspect": s.aspect, **s.mean.facts(), "unparsed": s.unparsed}
        for s in mean_scores(judgments, confidence, scale)
    ]
    if not found.rows.height and any(s["value"] is not None for s in told):
        return {"judgments": judgments.height, "scores": told, "notes": []}
    if not found.rows.height:
        raise InputError(
            f"none of {judgments.height:,} judgments of pairs has a verdict; {found.unparsed:,} are unparsed"
        )
    pairs = {name: together(found.rows, name) for name in ("averaged", "conservative")}
    names = set(found.rows["model_a"]) | set(found.rows["model_b"])
    if baseline is not None and baseline not in names:
        raise UsageError(f"no model {baseline!r} in the judgments; there are {', '.join(sorted(names)[:20])}")
    rates = {name: {r.model: r for r in win_rates(rows, baseline, confidence)} for name, rows in pairs.items()}
    fitted = strengths(pairs[rule], ties, draws, seed, confidence)
    out: dict[str, Any] = {
        "judgments": judgments.height,
        "games": pairs[rule].height,
        "both_orders": int((pairs[rule]["orders"] > 1).sum()),
        "unparsed": found.unparsed,
        "with_itself": found.same,
        "items": found.rows["item_id"].n_unique(),
        "baseline": baseline,
        "rule": rule,
        "models": _models(rates, rule, fitted),
        "matrix": [{"model": a, "other": b, **e.facts()} for a, b, e in matrix(pairs[rule], confidence)],
        "differences": [one.facts() for one in differences(pairs[rule], baseline, confidence)],
        "tie": {"model": ties, **fitted.tie.facts()},
        "separability": fitted.separability.facts(),
        "distinct": fitted.distinct.facts(),
        "notes": [*fitted.notes, *_uneven(found.rows)],
    }
    if told:
        out["scores"] = told
    if control_length:
        if baseline is None:
            raise UsageError("a length-controlled win rate is against one model; name it as the baseline")
        lengths = (
            None if answers is None else answers.select("item_id", "model", chars=pl.col("answer").str.len_chars())
        )
        rows = games(given).rows  # the folds of its fit follow the rows as they come
        _control(out["models"], together(rows, "averaged"), rows, lengths, baseline, difficulty, gamed, confidence)
    if answers is not None:
        out["style"] = _style(found.rows, answers, confidence)
    return out


def _in_order(judgments: pl.DataFrame) -> pl.DataFrame:
    """In an order that is not the file's: sums come to the same, to the last digit, however rows lie."""
    return judgments.sort(*KEY, "verdict", "probability_a", "score")


def _models(rates: dict[str, dict[str, WinRate]], rule: str, fitted: Ratings) -> list[dict[str, Any]]:
    """Strongest first; then those that have no strength, by win rate."""
    other = "conservative" if rule == "averaged" else "averaged"

    def told(r: Rating) -> dict[str, Any]:
        own = rates[rule].get(r.model)
        rate = None if own is None else {**own.rate.facts(), "error": own.error}
        also = None if own is None else rates[other][r.model].rate.facts()
        counts = None if own is None else {"wins": own.wins, "losses": own.losses, "ties": own.ties}
        both = {"win_rate": rate, f"win_rate_{other}": also, "counts": counts}
        return {"model": r.model, **both, "elo": r.elo.facts(), "strength": r.strength.facts(), "games": r.games}

    def place(r: Rating) -> float:
        own = rates[rule].get(r.model)
        return 1.0 if own is None else -(own.rate.value or 0.0)

    rated = [r for r in fitted.ratings if r.strength.value is not None]
    return [told(r) for r in [*rated, *sorted(fitted.ratings[len(rated) :], key=place)]]


def _uneven(rows: pl.DataFrame) -> list[str]:
    """A note where models were judged on different items: rates are of different questions then."""
    sides = pl.concat([rows.select("item_id", model=pl.col(f"model_{side}")) for side in ("a", "b")]).unique()
    counts = sides.group_by("model").len("n")
    total = rows["item_id"].n_unique()
    fewer = counts.filter(pl.col("n") < total).sort("n", "model")
    if not fewer.height:
        return []
    least = fewer.row(0, named=True)
    return [
        f"models were judged on different items: {least['model']} on {least['n']:,} of {total:,}; rates are of different questions"
    ]


def _control(
    models: list[dict[str, Any]],
    pairs: pl.DataFrame,
    rows: pl.DataFrame,
    lengths: pl.DataFrame | None,
    baseline: str,
    difficulty: pl.DataFrame | None,
    gamed: pl.DataFrame | None,
    confidence: float,
) -> None:
    """Put `length_controlled` beside every model's win rate."""
    if lengths is None:
        sides = [rows.select("item_id", model=pl.col(f"model_{s}"), chars=pl.col(f"chars_{s}")) for s in ("a", "b")]
        lengths = pl.concat(sides).drop_nulls().unique(["item_id", "model"], keep="first", maintain_order=True)
    for own in models:
        name = own["model"]
        if name == baseline:
            continue
        mine = pairs.filter(pl.col("model_a").is_in([name, baseline]) & pl.col("model_b").is_in([name, baseline]))
        share = pl.when(pl.col("model_a") == name).then("share").otherwise(1 - pl.col("share"))
        mine = mine.select("item_id", share=share).group_by("item_id", maintain_order=True).agg(pl.col("share").mean())
        for who, column in ((name, "chars"), (baseline, "chars_baseline")):
            side = lengths.filter(pl.col("model") == who).select("item_id", pl.col("chars").alias(column))
            mine = mine.join(side, on="item_id", maintain_order="left")
        fitted = length_controlled(mine, difficulty, gamed, confidence)
        own["length_controlled"] = {**fitted.rate.facts(), "weights": fitted.weights, "warning": fitted.warning}


def _style(rows: pl.DataFrame, answers: pl.DataFrame, confidence: float) -> dict[str, Any]:
    seen = (
        answers.select("item_id", "model").hstack(looks(answers["answer"])).unique(["item_id", "model"], keep="first")
    )
    for side in ("a", "b"):
        own = seen.rename({name: f"{name}_{side}" for name in FEATURES})
        rows = rows.join(
            own, left_on=["item_id", f"model_{side}"], right_on=["item_id", "model"], maintain_order="left"
        )
    if not rows.height:
        return {"note": "no game has both answers given"}
    a, b = (rows.select(pl.col(f"{name}_{side}").alias(name) for name in FEATURES) for side in ("a", "b"))
    fitted = with_style(rows, contrasts(a, b), FEATURES, confidence)
    effects = {name: e.facts() for name, e in fitted.effects.items()}
    held = {name: e.facts() for name, e in fitted.strengths.items()}
    return {"games": rows.height, "effects": effects, "strengths": held, "note": fitted.note}
