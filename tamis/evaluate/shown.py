"""Items of a run to read: those that went wrong first, then those that one model has and the other has not, then the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from tamis.evaluate.contamination import Split
from tamis.evaluate.results import Results

MOST = 100
"""Items of a task that a page shows; samples.parquet has them all."""

TEXT = 4000
"""Code points of a text that are shown: with MOST items and ten tasks a page stays under 10 MB."""


def shown(
    results: Results,
    splits: Mapping[str, Split] | None = None,
    baseline: pl.DataFrame | None = None,
    most: int = MOST,
) -> dict[str, list[dict[str, Any]]]:
    """By task, its items with prompt, response, target, scores, and what is known of them.

    baseline  rows of SCORE of the model it is held against
    """
    return {
        task["name"]: _task(results, task, (splits or {}).get(task["name"]), baseline, most) for task in results.tasks
    }


def _task(
    results: Results, task: Mapping[str, Any], split: Split | None, baseline: pl.DataFrame | None, most: int
) -> list[dict[str, Any]]:
    name, primary = task["name"], task["primary"]
    rows = results.samples.filter(pl.col("task") == name).join(
        _of(results.scores, name, primary, "score"), on=_KEY, how="left"
    )
    rows = rows.with_columns(
        before=pl.lit(None, pl.Float64) if baseline is None else _before(baseline, name, primary, rows),
        overlap=pl.lit(None, pl.String) if split is None else _overlap(split, rows),
    )
    rows = rows.sort(
        pl.col("status") == "ok",
        (pl.col("score") == pl.col("before")).fill_null(True),
        pl.col("score").fill_null(0.0),
        "item_id",
        "repeat",
        maintain_order=True,
    ).head(most)
    scores = results.scores.filter(pl.col("task") == name)
    kept = rows.select(_KEY).join(scores, on=_KEY).sort("metric")
    told: dict[tuple[str, int], dict[str, float]] = {}
    for item, repeat, metric, value in kept.select("item_id", "repeat", "metric", "value").iter_rows():
        told.setdefault((item, repeat), {})[metric] = value
    found = rows.select(*_SHOWN).to_dicts()
    for row in found:
        for text in ("prompt", "response", "target", "extracted"):
            row[text] = _cut(row[text])
        row["scores"] = told.get((row["item_id"], row["repeat"]), {})
    return found


_KEY = ["item_id", "repeat"]

_SHOWN = (
    "item_id",
    "repeat",
    "category",
    "status",
    "truncated",
    "prompt",
    "response",
    "target",
    "extracted",
    "loglikelihoods",
    "score",
    "before",
    "overlap",
)


def _of(scores: pl.DataFrame, task: str, metric: str, called: str) -> pl.DataFrame:
    own = scores.filter((pl.col("task") == task) & (pl.col("metric") == metric))
    return own.select(*_KEY, pl.col("value").alias(called))


def _before(baseline: pl.DataFrame, task: str, metric: str, rows: pl.DataFrame) -> pl.Series:
    theirs = _of(baseline, task, metric, "before")
    return rows.select(_KEY).join(theirs, on=_KEY, how="left", maintain_order="left")["before"]


def _overlap(split: Split, rows: pl.DataFrame) -> pl.Series:
    """Items come in the order of their ids, as `split` has them; each with its repeats."""
    ids = rows["item_id"].unique(maintain_order=True)
    known = pl.DataFrame({"item_id": ids, "overlap": pl.Series(split.status.tolist(), dtype=pl.String)})
    return rows.select("item_id").join(known, on="item_id", how="left", maintain_order="left")["overlap"]


def _cut(text: str | None) -> str | None:
    """The text, or its beginning and its end: of a prompt with examples the question is the end."""
    if text is None or len(text) <= TEXT:
        return text
    return f"{text[: TEXT // 4]}\n… {len(text) - TEXT:,} characters …\n{text[-3 * TEXT // 4 :]}"
