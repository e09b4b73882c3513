"""A panel: what several judges say together. Where they differ is kept, not voted away."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
import pyarrow as pa

from tamis.judge.played import games, together
from tamis.schemas.judgment import PANEL

NAME = "panel"

_THING = ["item_id", "model_a", "model_b", "rubric", "rubric_sha256", "aspect", "turn"]


def verdicts(judgments: pl.DataFrame, weights: Mapping[str, float] | None = None) -> pa.Table:
    """PANEL rows of `judgments` (columns of JUDGMENT), in the order of what they are about.

    A judge has one voice on a pair: what it says in both orders, a tie where they differ. The verdict is that of more than
    half of the weight of those who said something, else a tie. A score is the weighted mean.

    weights  of judges by name; 1 where none is told
    """
    weighed = {str(name): float((weights or {}).get(str(name), 1.0)) for name in judgments["judge"].unique()}
    parts = [_pairs(judgments, weighed), _scores(judgments, weighed)]
    own = [part for part in parts if part.height] or [parts[0]]
    found = pl.concat(own, how="diagonal").with_columns(judge=pl.lit(NAME)).sort(_THING, maintain_order=True)
    for name in PANEL.names:
        if name not in found.columns:
            found = found.with_columns(pl.lit(None).alias(name))
    return found.select(PANEL.names).to_arrow().cast(PANEL)


def disagreement(panel: pa.Table) -> dict[str, float | int | None]:
    """How often the judges of a panel differ: things judged by two or more, and the share of them without one voice."""
    rows = pl.from_arrow(panel)
    assert isinstance(rows, pl.DataFrame)
    several = rows.filter(pl.col("judges") > 1)
    split = several.filter(~pl.col("unanimous"))
    return {
        "things": rows.height,
        "by_several": several.height,
        "split": split.height,
        "share": split.height / several.height if several.height else None,
    }


def _pairs(judgments: pl.DataFrame, weights: Mapping[str, float]) -> pl.DataFrame:
    pairs = judgments.filter(pl.col("model_b").is_not_null())
    asked = _asked(pairs)
    voices = together(games(pairs, probabilities=False).rows, "conservative")
    # Repeats of one question are one voice, too.
    voices = voices.group_by([*_THING, "judge"], maintain_order=True).agg(pl.col("share").mean())
    weight = pl.col("judge").replace_strict(dict(weights), return_dtype=pl.Float64)
    voices = voices.with_columns(weight=weight, side=(pl.col("share") - 0.5).sign())

    def side(sign: int) -> pl.Expr:
        return pl.col("weight").filter(pl.col("side") == sign).sum()

    found = voices.group_by(_THING, maintain_order=True).agg(
        judges=pl.len(), for_a=side(1), for_b=side(-1), for_tie=side(0), unanimous=pl.col("side").n_unique() == 1
    )
    half = (pl.col("for_a") + pl.col("for_b") + pl.col("for_tie")) / 2
    word = pl.when(pl.col("for_a") > half).then(pl.lit("a")).when(pl.col("for_b") > half).then(pl.lit("b"))
    named = word.otherwise(pl.lit("tie"))
    found = asked.join(found, on=_THING, how="left", nulls_equal=True, maintain_order="left")
    found = found.with_columns(judges=pl.col("judges").fill_null(0))
    said = pl.when(pl.col("judges") > 0).then(named).otherwise(pl.lit("unparsed"))
    return found.with_columns(verdict=said, silent=pl.col("panel") - pl.col("judges").cast(pl.Int64))


def _scores(judgments: pl.DataFrame, weights: Mapping[str, float]) -> pl.DataFrame:
    scored = judgments.filter(pl.col("model_b").is_null())
    if not scored.height:
        return scored.select(_THING)
    own = scored.group_by([*_THING, "judge"], maintain_order=True).agg(
        pl.col("score").mean(), pl.col("chars_a").first()
    )
    weight = pl.col("judge").replace_strict(dict(weights), return_dtype=pl.Float64)
    own = own.with_columns(weight=pl.when(pl.col("score").is_not_null()).then(weight))
    found = own.group_by(_THING, maintain_order=True).agg(
        score=(pl.col("score") * pl.col("weight")).sum() / pl.col("weight").sum(),
        chars_a=pl.col("chars_a").first(),
        judges=pl.col("score").count(),
        silent=pl.col("score").null_count(),
        spread=pl.col("score").max() - pl.col("score").min(),
        unanimous=pl.col("score").drop_nulls().n_unique() == 1,
    )
    none = pl.when(pl.col("judges") == 0).then(pl.lit("unparsed"))
    return found.with_columns(verdict=none, score=pl.when(pl.col("judges") > 0).then("score"))


def _asked(pairs: pl.DataFrame) -> pl.DataFrame:
    """Everything that was asked about, sides by name as `together` has them, with the number of judges asked."""
    flip = pl.col("model_a") > pl.col("model_b")
    low, high = pl.min_horizontal("model_a", "model_b"), pl.max_horizontal("model_a", "model_b")
    a, b = pl.col("chars_a"), pl.col("chars_b")
    sided = pairs.with_columns(
        model_a=low,
        model_b=high,
        chars_a=pl.when(flip).then(b).otherwise(a),
        chars_b=pl.when(flip).then(a).otherwise(b),
    )
    return sided.group_by(_THING, maintain_order=True).agg(
        panel=pl.col("judge").n_unique(), chars_a=pl.col("chars_a").first(), chars_b=pl.col("chars_b").first()
    )
