"""What a run comes to, as report.json: the same bytes wherever, whenever and in whatever order it was run.

No time, host or path is in it: those are in run.json. Numbers are rounded to what does not depend on the machine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import fsum, hypot, isfinite
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from tamis.data.writer import write_bytes, write_parquet
from tamis.errors import UsageError
from tamis.evaluate import contamination as overlap
from tamis.evaluate import lengths as by_length
from tamis.evaluate.compare import compared, same_snapshot
from tamis.evaluate.contamination import Split
from tamis.evaluate.gates import Gates, read_gates, written_out
from tamis.evaluate.junit import junit
from tamis.evaluate.markdown import markdown
from tamis.evaluate.outcomes import Look, outcomes
from tamis.evaluate.results import FORMAT, REPORT, Results, sealed
from tamis.evaluate.scored import LOGS, Scored
from tamis.schemas import SAMPLE, SCORE
from tamis.schemas.sample import SIGNIFICANT
from tamis.snapshot.jcs import canonical_json

DIGITS = 9
"""Significant digits of what is computed by sums whose order a processor may choose; likelihoods have SIGNIFICANT."""

MANY_INVALID = 0.02
"""Share of answers that could not be read, from which on the report begins with it."""


class Beside(NamedTuple):
    """What a run is held against.

    contamination  a row for each item, as contamination.parquet has them; None: nobody looked
    training       what the model was trained on: snapshot, its id, and ref, as docs@1.0.0
    baseline       results of the model it is held against, on the same snapshot
    gates          beside those frozen with the suite
    """

    contamination: pa.Table | None = None
    training: Mapping[str, Any] | None = None
    baseline: Results | None = None
    gates: Gates | None = None


NOTHING = Beside()


def write(folder: Path | str, results: Results, held: Beside = NOTHING, confidence: float = 0.95) -> dict[str, Any]:
    """Write the tables, report.json, report.md and junit.xml into `folder`; return what report.json says.

    What it was held against is kept beside them, as contamination.parquet and the scores of baseline.parquet.

    A gate that failed is no error here: `passed` says so. Raises UsageError and InputError for what cannot be held together.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "samples": results.samples.to_arrow().cast(SAMPLE),
        "scores": results.scores.to_arrow().cast(SCORE),
        "baseline": None if held.baseline is None else held.baseline.scores.to_arrow().cast(SCORE),
        "contamination": held.contamination,
    }
    digests = {
        f"{name}.parquet": write_parquet(folder / f"{name}.parquet", table.to_batches(), table.schema).sha256
        for name, table in tables.items()
        if table is not None
    }
    said = canonical_json(sealed(report(results, held, digests, confidence)))
    write_bytes(folder / REPORT, said)
    # As it will be read again, in the order of its names: what is drawn from it now and later is the same.
    facts: dict[str, Any] = json.loads(said)
    write_bytes(folder / "report.md", markdown(facts).encode("utf-8", "backslashreplace"))
    write_bytes(folder / "junit.xml", junit(facts).encode("utf-8", "backslashreplace"))
    return facts


def report(
    results: Results,
    held: Beside = NOTHING,
    digests: Mapping[str, str] | None = None,
    confidence: float = 0.95,
) -> dict[str, Any]:
    """What report.json says. `digests` are those of the tables, by name."""
    baseline, training = held.baseline, held.training
    if baseline is not None:
        same_snapshot(baseline, results)
        if (baseline.limit, baseline.only) != (results.limit, results.only):
            raise UsageError(
                "one of the run and its baseline was asked a part of the items alone (--limit, --task); run both alike"
            )
    splits = splits_of(results, held.contamination)
    look = Look(results, splits, None if training is None else training.get("snapshot"), baseline)
    against = None if baseline is None else compared(baseline, results, confidence, _clean(splits))
    tasks = [_task(look, task, confidence) for task in results.tasks]
    for k, task in enumerate(tasks):
        task["baseline"] = None if against is None else against["tasks"][k]
    asked, level = _gates(results, held.gates)
    judged = outcomes(look, asked, level)
    facts = {
        "tamis_report": FORMAT,
        "snapshot": results.snapshot,
        "suite": dict(results.suite),
        "model": dict(results.model),
        "training": None if training is None else dict(training),
        "baseline": None if baseline is None else dict(baseline.model),
        "judge": None if results.judge is None else dict(results.judge),
        "confidence": confidence,
        "given": {
            "limit": results.limit,
            "only": results.only and list(results.only),
            "gates": dict(results.gates),
            "gates_confidence": level if judged else None,
        },
        "files": dict(digests or {}),
        "tasks": tasks,
        "overall": _overall(look, confidence),
        "gates": [outcome.facts() for outcome in judged],
        "passed": all(outcome.state == "passed" for outcome in judged) if judged else None,
    }
    stable: dict[str, Any] = rounded(facts)
    stable["warnings"] = warnings(stable)
    for task in stable["tasks"]:
        for number in task["numbers"]:
            number["value"] = _exactly(look.scored(task["name"], number["metric"]), number["value"])
    return stable


def warnings(facts: Mapping[str, Any]) -> list[str]:
    """What is to be read first."""
    told = []
    if facts["given"]["limit"] is not None:
        told.append(f"Only the first {facts['given']['limit']:,} items of each task were asked.")
    if facts["given"]["only"] is not None:
        told.append(f"Only {len(facts['given']['only'])} of {len(facts['suite']['tasks'])} tasks were asked.")
    for task in facts["tasks"]:
        name, count = task["name"], task["counts"]
        lost = count["failed"] + count["missing"] + count["absent"]
        if lost:
            some = "1 answer never came. It counts" if lost == 1 else f"{lost:,} answers never came. They count"
            told.append(f"{name}: {some} as wrong where that can be said.")
        if count["samples"] and count["invalid"] > MANY_INVALID * count["samples"]:
            told.append(
                f"{name}: {count['invalid']:,} of {count['samples']:,} responses have no answer in them; they count as wrong."
            )
        if count["truncated"]:
            some = (
                "1 prompt or response was"
                if count["truncated"] == 1
                else f"{count['truncated']:,} prompts or responses were"
            )
            told.append(f"{name}: {some} cut for their length.")
        if unread := (facts["judge"] or {}).get("unread", {}).get(name):
            told.append(
                f"{name}: the judge said nothing that could be read of {unread:,} responses; they count as the worst."
            )
        found = task["contamination"]
        if found and found["eval"] is None:
            told.append(f"{name}: contamination.parquet has none of its items.")
        elif found and found["items"]["dirty"]:
            share = f"{100 * found['share']:.0f} percent of its items stand in the training data"
            rest = "its score rests on them" if found["enough"] else "too few clean items are left for a score"
            told.append(f"{name}: {share}; {rest}.")
    for gate in facts["gates"]:
        if gate["state"] == "underpowered":
            told.append(f"The gate {gate['gate']} of {gate['task']} asks for more than so few items can show.")
    return told


def rounded(value: Any, digits: int = DIGITS) -> Any:
    """`value` with all floats in it rounded to `digits` significant digits; null for those that are none."""
    if isinstance(value, float):
        return float(f"{value:.{digits}g}") if isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: rounded(own, digits) for key, own in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(own, digits) for own in value]
    return value


def _task(look: Look, task: Mapping[str, Any], confidence: float) -> dict[str, Any]:
    name = task["name"]
    own = look.scored(name, task["primary"])
    split = None if look.splits is None else look.splits[name]
    samples = look.results.samples.filter(pl.col("task") == name)
    tokens = samples.select(pl.col("tokens_in", "tokens_out").sum())
    sizes = by_length.lengths(samples)
    return {
        **{key: task[key] for key in ("name", "type", "items", "metrics", "primary")},
        "clusters": int(np.unique(own.clusters).size),
        "counts": look.counts[name],
        "tokens": {key: int(tokens[key][0]) for key in tokens.columns},
        "numbers": [_number(look.scored(name, metric), confidence) for metric in task["metrics"]],
        "categories": _categories(own, confidence),
        "lengths": None if sizes is None else by_length.facts(own, sizes, confidence),
        "contamination": None if split is None else overlap.facts(own, split, confidence),
    }


def _number(own: Scored, confidence: float) -> dict[str, Any]:
    found = own.estimate(confidence)
    facts = {"metric": own.metric, "higher": own.kind.higher, **found.facts(), "error": own.error()}
    return rounded(facts, SIGNIFICANT) if own.kind.total in LOGS else facts


def _exactly(own: Scored, value: float | None) -> float | None:
    """The number as it is where it is a mean: its sum was rounded once, in no order."""
    return own.number() if value is not None and own.kind.total == "mean" else value


def _categories(own: Scored, confidence: float) -> list[dict[str, Any]]:
    names = sorted({name for name in own.category if name is not None})
    kept = np.array([name or "" for name in own.category])
    return [
        {"category": name, "rows": int((kept == name).sum()), **own.only(kept == name).estimate(confidence).facts()}
        for name in names
    ]


def _overall(look: Look, confidence: float) -> dict[str, Any] | None:
    """Mean of the tasks' primary scores, each counting alike; None where they are not all shares of one kind.

    Its interval is put together from those of the tasks, which share no items (Zou & Donner 2008): the end of a mean of k lies
    sqrt(sum of squares of how far each task's own end lies from its score) / k away. It holds at scores of 0 and 1, too.
    """
    own = [look.scored(task["name"], task["primary"]) for task in look.results.tasks]
    if len(own) < 2 or not all(o.unit and o.kind.higher and o.ids and not o.lacking for o in own):
        return None
    value, tasks = fsum(o.number() for o in own) / len(own), len(own)
    ends = [(o.number(), found.low, found.high) for o in own for found in [o.estimate(confidence)]]
    below = [at - low for at, low, _ in ends if low is not None]
    above = [high - at for at, _, high in ends if high is not None]
    if len(below) < tasks or len(above) < tasks:
        return {"value": value, "low": None, "high": None, "tasks": tasks}
    low, high = value - hypot(*below) / tasks, value + hypot(*above) / tasks
    return {"value": value, "low": max(low, 0.0), "high": min(high, 1.0), "tasks": tasks}


def _gates(results: Results, given: Gates | None) -> tuple[list[Any], float]:
    own = read_gates(dict(results.gates), f"the gates of suite {results.suite['name']}")
    tasks = results.suite["tasks"]
    metrics = {task["name"]: task["metrics"] for task in tasks}
    return written_out([own, *([given] if given else [])], list(metrics), metrics)


def splits_of(results: Results, contamination: pa.Table | None) -> dict[str, Split] | None:
    """Of each task its items by what training data holds of them; None: nobody looked."""
    if contamination is None:
        return None
    table, found = overlap.read_contamination(pl.DataFrame(contamination)), {}
    for name in (task["name"] for task in results.tasks):
        own = results.samples.filter(pl.col("task") == name)
        found[name] = overlap.split(table, name, own["item_id"].unique(maintain_order=True).to_list())
    return found


def _clean(splits: Mapping[str, Split] | None) -> dict[str, np.ndarray]:
    """By task, which items are clean, where enough are known to be."""
    return {name: own.clean for name, own in (splits or {}).items() if own.eval is not None and not own.clean.all()}
