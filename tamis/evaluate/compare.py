"""Two models on the items of one evaluation snapshot: how far apart, how sure, and on which items."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np

from tamis.errors import InputError
from tamis.evaluate.results import Results
from tamis.evaluate.scored import CORPUS, Scored, scored
from tamis.statistics import Estimate, Means, Paired, around, clustered_ratio, holm, paired
from tamis.statistics.jackknife import jackknife
from tamis.statistics.shuffle import randomized
from tamis.statistics.student import p_value


def same_snapshot(first: Results, second: Results) -> None:
    """Raises InputError where the two are not of one snapshot and one judge: their numbers are of other questions."""
    if first.snapshot != second.snapshot:
        told = " and ".join(f"{r.suite['name']} ({r.snapshot[:19]}…)" for r in (first, second))
        raise InputError(f"the two reports are of different evaluation snapshots, {told}; run both models on one")
    judges = [r.judge and (r.judge["name"], r.judge["rubrics"]) for r in (first, second)]
    if all(judges) and judges[0] != judges[1]:
        told = " and ".join(str(j and j[0]) for j in judges)
        raise InputError(
            f"the two were judged by {told}, or by other rubrics; have one judge both: --model replay:samples.parquet"
        )


def apart(first: Scored, second: Scored, confidence: float = 0.95, keep: np.ndarray | None = None) -> Paired:
    """`second` less `first`, in the metric's own units; of a perplexity, in its logarithm. Won is what is better.

    The p-value of BLEU and chrF is that of answers dealt out at random.

    keep  (n,) bool  items of `second` that count; None: all
    """
    wanted = set(first.ids)
    both = np.array([name in wanted for name in second.ids], np.bool_)
    b = second.only(both if keep is None else both & keep)
    kept = set(b.ids)
    a = first.only(np.array([name in kept for name in first.ids], np.bool_))
    if not b.ids:
        return _none("there is no item in common")
    if a.lacking or b.lacking:
        return _none(f"{max(a.lacking, b.lacking):,} of {len(b.ids):,} items have no score")
    if b.kind.total == "mean":
        found = paired(b.values, a.values, b.clusters, confidence, b.unit)
        return found if b.kind.higher else found._replace(won=found.lost, lost=found.won)
    signs = np.sign(b.values - a.values)
    if not b.kind.higher:
        signs = -signs
    counts = int((signs > 0).sum()), int((signs < 0).sum()), int((signs == 0).sum())
    if b.kind.total in CORPUS:
        value = jackknife(lambda at: b.of_rows(at) - a.of_rows(at), b.clusters, confidence)
        p = randomized(a.corpus.counts, b.corpus.counts, b.clusters, b.corpus.score)
        return Paired(value, None, p, *counts, None)
    mean = clustered_ratio(b.logs - a.logs, b.weights, b.clusters)
    error = mean.error if mean.items > 1 else None
    return Paired(around(mean, confidence), error, _p(mean), *counts, None)


def compared(
    first: Results, second: Results, confidence: float = 0.95, keep: dict[str, np.ndarray] | None = None
) -> dict[str, Any]:
    """Every task's primary metric, `second` less `first`; p-values adjusted over the tasks by Holm.

    keep  by task, which items of `second` are clean: the difference is told on them, too

    Raises InputError for two snapshots.
    """
    same_snapshot(first, second)
    tasks = [_task(first, second, task, confidence, (keep or {}).get(task["name"])) for task in second.tasks]
    chances = [(k, t["p"]) for k, t in enumerate(tasks) if t["p"] is not None]
    for (k, _), p in zip(chances, holm([p for _, p in chances]), strict=True):
        tasks[k]["p_holm"] = p
    return {
        "snapshot": second.snapshot,
        "suite": second.suite["name"],
        "first": dict(first.model),
        "second": dict(second.model),
        "confidence": confidence,
        "tasks": tasks,
    }


def _task(
    first: Results, second: Results, task: dict[str, Any], confidence: float, keep: np.ndarray | None
) -> dict[str, Any]:
    name, metric = task["name"], task["primary"]
    a, b = scored(first, name, metric), scored(second, name, metric)
    found = apart(a, b, confidence)
    facts: dict[str, Any] = {"task": name, "metric": metric, "higher": b.kind.higher}
    facts |= {"first": a.estimate(confidence).facts(), "second": b.estimate(confidence).facts()}
    facts |= apart_facts(found, confidence) | {"p_holm": None}
    if lone := len(set(a.ids) ^ set(b.ids)):
        facts["note"] = f"{lone:,} items were asked of one of them alone, and do not count"
    if keep is not None:
        facts["clean"] = apart_facts(apart(a, b, confidence, keep), confidence)
    return facts


def apart_facts(found: Paired, confidence: float) -> dict[str, Any]:
    """As JSON holds it."""
    return {
        "difference": found.value.facts(),
        "error": found.error,
        "p": found.p,
        "mcnemar": found.mcnemar,
        "won": found.won,
        "lost": found.lost,
        "same": found.same,
        "detectable": found.detectable(confidence),
    }


def _p(mean: Means) -> float | None:
    if mean.items < 2 or not isfinite(mean.error):
        return None
    if mean.error == 0:
        return 1.0 if mean.value == 0 else None
    return p_value(mean.value / mean.error, mean.items - 1)


def _none(note: str) -> Paired:
    return Paired(Estimate(None, note=note), None, None, 0, 0, 0, None)
