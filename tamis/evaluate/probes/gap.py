"""What a model loses where an evaluation is put in other words, and whether it loses more on items it was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Any

import numpy as np

from tamis.errors import InputError
from tamis.evaluate.compare import apart, apart_facts
from tamis.evaluate.contamination import FEWEST, Split
from tamis.evaluate.report import rounded
from tamis.evaluate.results import Results
from tamis.evaluate.scored import Scored, scored
from tamis.statistics import Estimate, Means, Paired, around


def gaps(
    original: Results, other: Results, splits: Mapping[str, Split] | None = None, confidence: float = 0.95
) -> dict[str, Any]:
    """Of each task that both have: how much more it scores in other words, with its interval; and on dirty items beside clean.

    A loss alone proves nothing, as a model that has never seen an item may stumble over a misspelled word, too: what tells is
    a larger loss on items that stand in the training data.

    Raises InputError where the two have no task in common, or are of two models; of answers that were stored nobody can tell.
    """
    if "replay" not in (original.model.get("backend"), other.model.get("backend")) and original.model != other.model:
        raise InputError(
            f"the runs are of two models, {original.model['name']} and {other.model['name']}; run one on both"
        )
    names = {task["name"] for task in original.tasks}
    tasks = [task for task in other.tasks if task["name"] in names]
    if not tasks:
        raise InputError(
            "the runs have no task in common; the second is to be of a suite that `tamis eval probe perturb` wrote"
        )
    told: dict[str, Any] = rounded({"tasks": [_task(original, other, task, splits, confidence) for task in tasks]})
    return told


def _task(
    original: Results, other: Results, task: Mapping[str, Any], splits: Mapping[str, Split] | None, confidence: float
) -> dict[str, Any]:
    name, metric = task["name"], task["primary"]
    a, b = scored(original, name, metric), scored(other, name, metric)
    found = apart(a, b, confidence)
    facts: dict[str, Any] = {"task": name, "metric": metric}
    facts |= {"original": a.estimate(confidence).facts(), "perturbed": b.estimate(confidence).facts()}
    facts |= apart_facts(found, confidence) | {"says": _says(found, b)}
    split = (splits or {}).get(name)
    if split is not None and split.eval is not None:
        more = _more(a, b, split, confidence)
        facts["dirty_less_clean"] = more.facts()
    return facts


def _more(a: Scored, b: Scored, split: Split, confidence: float) -> Estimate:
    """Mean difference on dirty items less that on clean ones, by clusters."""
    kinds = dict(zip(a.ids, split.status.tolist(), strict=True))
    both = [k for k, name in enumerate(b.ids) if name in kinds]
    at = {name: k for k, name in enumerate(a.ids)}
    if b.kind.total != "mean" or not both:
        return Estimate(None, note="not told for a number that is no mean of its items")
    values = b.values[both] - a.values[[at[b.ids[k]] for k in both]]
    clusters = b.clusters[both]
    status = np.array([kinds[b.ids[k]] for k in both])
    dirty, clean = status == "dirty", status == "clean"
    fewest = min(np.unique(clusters[dirty]).size, np.unique(clusters[clean]).size)
    if fewest < FEWEST:
        return Estimate(None, note=f"too few items: {fewest} dirty or clean, and {FEWEST} of each are wanted")
    means = float(values[dirty].mean()), float(values[clean].mean())
    residual = np.where(dirty, (values - means[0]) / dirty.sum(), 0) - np.where(
        clean, (values - means[1]) / clean.sum(), 0
    )
    sums = np.bincount(clusters, weights=residual)
    items = int((np.bincount(clusters) > 0).sum())
    error = sqrt(float(sums @ sums) * items / (items - 1))
    return around(Means(means[0] - means[1], error, items), confidence)


def _says(found: Paired, own: Scored) -> str:
    value, low, high = found.value.value, found.value.low, found.value.high
    if value is None or low is None or high is None:
        return f"nothing can be told: {found.value.note}"
    if not own.kind.higher:
        low, high = -high, -low
    if high < 0:
        return "it does worse in other words: by chance that is unlikely, but a model that never saw the items may, too"
    least = found.detectable()
    seen = "" if least is None else f" of {least:.3f} or more"
    return f"no loss is shown; so many items would show one{seen}" if low <= 0 else "it does better in other words"
