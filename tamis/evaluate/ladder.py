"""Runs beside each other: zero-shot, few-shot, an adapter, other models; quality, latency, cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from tamis.data.parquet import UNREADABLE
from tamis.evaluate.compare import apart, apart_facts
from tamis.evaluate.markdown import estimate, number, plain
from tamis.evaluate.markdown import table as markdown_table
from tamis.evaluate.report import rounded
from tamis.evaluate.results import Results, read_results
from tamis.evaluate.rows import read_table
from tamis.evaluate.scored import scored
from tamis.schemas import TIMING


def rungs(runs: Sequence[Path], confidence: float = 0.95) -> dict[str, Any]:
    """A rung for each run, in their order. Raises InputError where one cannot be read."""
    results = [read_results(run) for run in runs]
    names = list(dict.fromkeys(task["name"] for own in results for task in own.tasks))
    found: dict[str, Any] = rounded(
        {
            "tasks": names,
            "snapshots": len({own.snapshot for own in results}),
            "rungs": [
                {
                    "run": str(run),
                    "model": dict(own.model),
                    "snapshot": own.snapshot,
                    "suite": f"{own.suite['name']} {own.suite['version']}",
                    "tasks": [_task(results[0], own, task, confidence) for task in own.tasks],
                    **_spent(run),
                }
                for run, own in zip(runs, results, strict=True)
            ],
        }
    )
    return found


def table(found: Mapping[str, Any]) -> str:
    """As Markdown."""
    head = ["Model", "Suite", *found["tasks"], "p50 ms", "p95 ms", "tokens/s", "cost"]
    rows = []
    for rung in found["rungs"]:
        by = {task["task"]: task for task in rung["tasks"]}
        cells = [_cell(by.get(name)) for name in found["tasks"]]
        spent = [number(rung["latency_ms"][p]) for p in ("p50", "p95")]
        spent += [number(rung["tokens_per_second"]), plain(rung["cost"] or "—")]
        rows.append([plain(rung["model"]["name"]), plain(rung["suite"]), *cells, *spent])
    lines = markdown_table([plain(h) for h in head], rows, "--" + "r" * (len(head) - 2))
    if found["snapshots"] > 1:
        lines += [
            "",
            "Runs are of several snapshots. A difference is told where the items and their answers are the same.",
        ]
    return "\n".join(lines) + "\n"


def _cell(task: Mapping[str, Any] | None) -> str:
    if task is None:
        return "—"
    said = estimate(task["score"])
    return said + (f"; {estimate(task['difference'], sign=True)}" if task["difference"] else "")


def _task(first: Results, own: Results, task: Mapping[str, Any], confidence: float) -> dict[str, Any]:
    name, metric = task["name"], task["primary"]
    mine = scored(own, name, metric)
    facts = {"task": name, "metric": metric, "score": mine.estimate(confidence).facts(), "difference": None}
    if own is not first and _alike(first, own, name, metric):
        facts["difference"] = apart_facts(apart(scored(first, name, metric), mine, confidence), confidence)[
            "difference"
        ]
    return facts


def _alike(first: Results, own: Results, task: str, metric: str) -> bool:
    """Whether both were asked the same items of a task, with the same answers, and scored alike."""
    if not any(t["name"] == task and t["primary"] == metric for t in first.tasks):
        return False
    asked = [
        r.samples.filter(pl.col("task") == task).select("item_id", "target").unique().sort("item_id")
        for r in (first, own)
    ]
    return asked[0].equals(asked[1])


def _spent(run: Path) -> dict[str, Any]:
    """Latency, speed and cost, as timings.parquet has them; null where nobody measured."""
    nothing: dict[str, Any] = {"latency_ms": {"p50": None, "p95": None}, "tokens_per_second": None, "cost": None}
    try:
        own = pl.DataFrame(read_table((run / "timings.parquet").read_bytes()).cast(TIMING))
    except (*UNREADABLE, ValueError):
        return nothing
    late, speed, cost = (own[name].drop_nulls() for name in ("latency_ms", "tokens_per_second", "cost"))
    return {
        "latency_ms": {f"p{p}": _quantile(late, p / 100) for p in (50, 95)},
        "tokens_per_second": _quantile(speed, 0.5),
        "cost": f"{sum(cost.to_list(), Decimal(0)).normalize():f}" if cost.len() else None,
    }


def _quantile(values: pl.Series, share: float) -> float | None:
    return float(values.quantile(share, "linear")) if values.len() else None  # type: ignore[arg-type]
