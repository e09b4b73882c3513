"""Results of a run made up for tests: which items were right, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from tamis.evaluate.results import Results, results_of
from tamis.schemas import SAMPLE, SCORE

SNAPSHOT = "sha256:" + "5" * 64


def results(
    right: Sequence[float | None],
    *,
    task: str = "sums",
    name: str = "model",
    clusters: Sequence[str | None] | None = None,
    snapshot: str = SNAPSHOT,
    wanted: int | None = None,
    metrics: Sequence[str] = ("exact_match",),
    backwards: bool = False,
    **more: Any,
) -> Results:
    """An item for each of `right`, which is its score in every metric; None: nothing came for it."""
    samples, scores = [], []
    for k, value in enumerate(right):
        samples.append(sample(task, f"q{k:05}", value is not None, clusters[k] if clusters else None))
        if value is not None:
            for metric in metrics:
                scores.append(
                    {"task": task, "item_id": f"q{k:05}", "repeat": 0, "metric": metric, "value": float(value)}
                )
    told = {
        "name": task,
        "type": "generation",
        "items": wanted or len(right),
        "metrics": list(metrics),
        "primary": metrics[0],
    }
    return build([told], samples, scores, name, snapshot, backwards, **more)


def build(
    tasks: list[dict[str, Any]],
    samples: list[dict[str, Any]],
    scores: list[dict[str, Any]],
    name: str = "model",
    snapshot: str = SNAPSHOT,
    backwards: bool = False,
    **more: Any,
) -> Results:
    """Results of rows; backwards: in the opposite order."""
    suite = {"name": "suite", "version": "1", "settings": {"seed": 1}, "tasks": tasks}
    step = -1 if backwards else 1
    tables = (pa.Table.from_pylist(samples[::step], SAMPLE), pa.Table.from_pylist(scores[::step], SCORE))
    return results_of(snapshot, suite, {"name": name, "digest": name}, *tables, **more)


def sample(task: str, item: str, came: bool = True, cluster: str | None = None, **more: Any) -> dict[str, Any]:
    """A row of SAMPLE."""
    prompt = f"What is {item}?"
    return {
        "task": task,
        "item_id": item,
        "cluster": cluster,
        "category": None,
        "repeat": 0,
        "prompt_sha256": hashlib.sha256(prompt.encode()).digest(),
        "prompt": prompt,
        "target": "7",
        "response": "7" if came else None,
        "extracted": "7" if came else None,
        "loglikelihoods": None,
        "status": "ok" if came else "missing",
        "truncated": False,
        "tokens_in": 5,
        "tokens_out": 1,
        **more,
    }


def contaminated(dirty: Sequence[int], items: int, eval: str = "sums", short: Sequence[int] = ()) -> pa.Table:
    """contamination.parquet, as far as it is read: which items are dirty, and which too short to tell."""
    status = ["dirty" if k in dirty else "too_short" if k in short else "clean" for k in range(items)]
    rows: list[Mapping[str, Any]] = [
        {"eval": eval, "id": f"q{k:05}", "status": s, "run": 1.0 if s == "dirty" else 0.0, "answer": s == "dirty"}
        for k, s in enumerate(status)
    ]
    return pa.Table.from_pylist(list(rows))
