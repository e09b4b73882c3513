"""What became of each gate: passed, failed, or not to be told on so few items, which is no pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf
from typing import Any, Literal, NamedTuple

import numpy as np
import polars as pl

from tamis.evaluate import contamination
from tamis.evaluate.compare import apart
from tamis.evaluate.contamination import Split
from tamis.evaluate.gates import SCORES, SHARES, Gate
from tamis.evaluate.results import Results
from tamis.evaluate.scored import LOGS, Scored, scored
from tamis.statistics import Estimate, detectable, needed

State = Literal["passed", "failed", "underpowered"]
"""underpowered: the numbers are fine, but so few items cannot show what the gate asks for. It does not pass."""


class Outcome(NamedTuple):
    """What became of one gate.

    found       what was held against the limit
    estimate    the number behind it, with its interval; None: it is a count, of all there is
    detectable  least effect that as many items show in four samples of five
    needed      items that would show what the gate asks for; None: there are enough, or there is no telling
    """

    gate: Gate
    state: State
    found: float | str | None
    says: str
    estimate: Estimate | None = None
    detectable: float | None = None
    needed: int | None = None

    def facts(self) -> dict[str, Any]:
        """As JSON holds it."""
        gate = self.gate
        own = {"gate": gate.kind, "task": gate.task, "metric": gate.metric, "on": gate.on, "limit": gate.limit}
        own |= {"state": self.state, "found": self.found, "says": self.says}
        own |= {"detectable": self.detectable, "needed": self.needed}
        return own | ({"estimate": self.estimate.facts()} if self.estimate else {})


@dataclass(frozen=True)
class Look:
    """All that gates are asked of.

    splits    by task: its items by what training data holds of them; None: it is not known what the model was trained on
    training  id of the snapshot that it was trained on
    baseline  results of the model it is held against
    """

    results: Results
    splits: Mapping[str, Split] | None = None
    training: str | None = None
    baseline: Results | None = None
    kept: dict[tuple[str, str], Scored] = field(default_factory=dict, repr=False, compare=False)

    def scored(self, task: str, metric: str) -> Scored:
        """The scores of a metric, put together once."""
        if (task, metric) not in self.kept:
            self.kept[task, metric] = scored(self.results, task, metric)
        return self.kept[task, metric]

    @cached_property
    def counts(self) -> dict[str, dict[str, int]]:
        """Of every task: samples by status, those truncated, items there and items wanted."""
        return {task["name"]: _counts(self.results, task) for task in self.results.tasks}


def outcomes(look: Look, gates: Sequence[Gate], confidence: float) -> list[Outcome]:
    """What became of each gate, and first of all whether every item was asked."""
    if not gates:
        return []
    primary = {task["name"]: task["primary"] for task in look.results.suite["tasks"]}
    out = _whole(look)
    for gate in gates:
        if gate.kind in SCORES and gate.metric is None:
            gate = replace(gate, metric=primary[str(gate.task)])
        asked = gate.task is None or gate.task in look.counts
        out.append(
            _outcome(look, gate, confidence) if asked else Outcome(gate, "failed", None, "the task was not asked")
        )
    return out


def _outcome(look: Look, gate: Gate, confidence: float) -> Outcome:
    if gate.kind == "snapshot":
        return _same(gate, look.results.snapshot, "the evaluation snapshot")
    if gate.kind == "dataset":
        return _same(gate, look.training, "the training snapshot")
    if gate.kind == "min_items":
        items = len(look.scored(str(gate.task), _primary(look, gate)).ids)
        return _limit(gate, float(items), items >= float(gate.limit), f"{items:,} items, and {gate.limit:g} are wanted")
    if gate.kind in SHARES:
        return _share(look, gate)
    if gate.kind == "max_regression":
        return _regression(look, gate, confidence)
    return _score(look, gate, confidence)


def _score(look: Look, gate: Gate, confidence: float) -> Outcome:
    """min, max and min_low: on the number itself, or on the low end of its interval."""
    own = look.scored(str(gate.task), str(gate.metric))
    keep, why = _kept(look, gate, own)
    if keep is None:
        return Outcome(gate, "failed", None, why)
    own = own.only(keep)
    level = 2 * confidence - 1
    found = (
        own.estimate(level) if gate.on == "all" else contamination.clean(own, np.ones(len(own.ids), np.bool_), level)
    )
    value = found.low if gate.kind == "min_low" else found.value
    where = f"{gate.metric}{' on clean items' if gate.on == 'clean' else ''}"
    if value is None:
        return Outcome(gate, "failed", None, f"{where} is not there: {found.note}", found)
    limit = float(gate.limit)
    passed = value <= limit if gate.kind == "max" else value >= limit
    least, error = _least(own, found, confidence)
    number = f"{where} is {_told(value)}" + (" at the low end" if gate.kind == "min_low" else "")
    says = f"{number}, and {'at most' if gate.kind == 'max' else 'at least'} {limit:g} is wanted"
    if gate.kind != "min_low" and found.low is not None and found.high is not None and found.low < limit < found.high:
        says += f"; its interval, {_told(found.low)} to {_told(found.high)}, has the limit in it"
    # Of min_low the score itself must lie so far above the limit that the low end does, too.
    effect = float(found.value or 0.0) - limit if gate.kind == "min_low" else abs(value - limit)
    wanted = None if least is None or passed else needed(least, found.items, effect, bool(error))
    return Outcome(gate, "passed" if passed else "failed", value, says, found, _finite(least), wanted)


def _regression(look: Look, gate: Gate, confidence: float) -> Outcome:
    """Non-inferiority: the interval of the paired difference must lie above what may be lost."""
    if look.baseline is None:
        return Outcome(gate, "failed", None, "there is nothing to be held against; name a run with --baseline")
    own = look.scored(str(gate.task), str(gate.metric))
    keep, why = _kept(look, gate, own)
    if keep is None:
        return Outcome(gate, "failed", None, why)
    if gate.on == "clean" and not contamination.enough(own, keep):
        return Outcome(gate, "failed", None, contamination.clean(own, keep).note)
    found = apart(scored(look.baseline, own.task, own.metric), own, 2 * confidence - 1, keep)
    value, low, high = _gained(found.value, own)
    if value is None or low is None or high is None:
        return Outcome(gate, "failed", value, f"{own.metric} has no difference: {found.value.note}", found.value)
    limit, least = float(gate.limit), found.detectable(confidence, sides=1)
    lost = f"{own.metric} is {_told(abs(value))} {'better' if value > 0 else 'worse'} than the baseline's"
    lost = lost if value else f"{own.metric} is the baseline's"
    span = f"{_told(low)} to {_told(high)} by {found.value.items:,} independent items"
    if low > -limit:
        return Outcome(
            gate, "passed", value, f"{lost} ({span}); less than {limit:g} is lost", found.value, _finite(least)
        )
    if value > -limit and least is not None and least > limit:
        enough = needed(least, found.value.items, limit, bool(found.error))
        many = f"; about {enough:,} independent items would show it" if enough else ""
        says = f"{lost} ({span}), but so few items cannot rule out a loss of {limit:g}: they show {_told(least)} or more{many}"
        return Outcome(gate, "underpowered", value, says, found.value, _finite(least), enough)
    says = f"{lost} ({span}); " + (
        f"more than {limit:g} is lost" if high < -limit else f"a loss of {limit:g} or more is not ruled out"
    )
    return Outcome(gate, "failed", value, says, found.value, _finite(least))


def _least(own: Scored, found: Estimate, confidence: float) -> tuple[float | None, float | None]:
    """The least effect that as many items show, and the standard error it is of; None: there is no telling.

    Where all items score alike their spread says nothing, and no effect would be too small. Of a share the interval does say
    how far the score may be off: the least effect is the distance to its farther end.
    """
    error = own.error()
    if error is None:
        return None, None
    if error:
        return detectable(error, found.items, confidence, sides=1), error
    if not own.unit or found.value is None or found.low is None or found.high is None:
        return None, error
    return max(found.value - found.low, found.high - found.value), error


def _share(look: Look, gate: Gate) -> Outcome:
    """max_contaminated and the like: a share of all there is, so there is no doubt about it but what was not looked at."""
    task = str(gate.task)
    count = look.counts[task]
    if gate.kind == "max_contaminated":
        split = (look.splits or {}).get(task)
        if split is None:
            return Outcome(
                gate, "failed", None, "it is not known what the model was trained on; give --train or --contamination"
            )
        if split.eval is None:
            return Outcome(gate, "failed", None, f"contamination.parquet has none of the items of {task}")
        unknown = int((split.status == "unknown").sum())
        part, whole = int(split.dirty.sum()) + unknown, split.status.size
        what = f"items stand in the training data{f', {unknown:,} of them not looked at' if unknown else ''}"
    else:
        whole, kind = count["samples"] + count["absent"], gate.kind
        part = {
            "max_truncated": count["truncated"],
            "max_invalid": count["invalid"],
            "max_failed": count["failed"] + count["missing"] + count["absent"],
        }[kind]
        what = {
            "max_truncated": "answers were cut for their length, or their prompt was",
            "max_invalid": "responses have no answer in them that could be read",
            "max_failed": "answers never came",
        }[kind]
    if not whole:
        return Outcome(gate, "failed", None, "there is no item")
    found = part / whole
    return _limit(
        gate, found, found <= float(gate.limit), f"{part:,} of {whole:,} {what}; at most {gate.limit:g} is wanted"
    )


def _whole(look: Look) -> list[Outcome]:
    """A failed outcome where not every item was asked: gates are of whole runs."""
    told = "a gate is asked of a whole run"
    if look.results.limit is not None:
        says = f"only the first {look.results.limit:,} items of each task were asked (--limit); {told}"
        return [Outcome(Gate("min_items", "all"), "failed", None, says)]
    out = []
    for task in look.results.tasks:
        if absent := look.counts[task["name"]]["absent"]:
            says = f"{absent:,} of {task['items']:,} items are not there; {told}"
            out.append(Outcome(Gate("min_items", "all", task["name"]), "failed", None, says))
    return out


def _kept(look: Look, gate: Gate, own: Scored) -> tuple[np.ndarray | None, str]:
    """Which items a gate is asked of, or why that cannot be told."""
    if gate.on == "all":
        return np.ones(len(own.ids), np.bool_), ""
    split = (look.splits or {}).get(own.task)
    if split is None or split.eval is None:
        return None, "it is not known which items are clean; give --train or --contamination"
    return split.clean, ""


def _gained(apart: Estimate, own: Scored) -> tuple[float | None, float | None, float | None]:
    """The difference, more being better; of a perplexity, in shares of it."""
    value, low, high = apart.value, apart.low, apart.high
    if own.kind.total in LOGS and own.kind.total != "bits":
        value, low, high = (None if v is None else float(np.expm1(v)) for v in (value, low, high))
    if own.kind.higher:
        return value, low, high
    return None if value is None else -value, None if high is None else -high, None if low is None else -low


def _same(gate: Gate, found: str | None, what: str) -> Outcome:
    if found is None:
        return Outcome(gate, "failed", None, f"{what} is not told; name it with --train")
    if found == gate.limit:
        return Outcome(gate, "passed", found, f"{what} is {found[:19]}…")
    return Outcome(gate, "failed", found, f"{what} is {found[:19]}…, and {str(gate.limit)[:19]}… is wanted")


def _limit(gate: Gate, found: float, passed: bool, says: str) -> Outcome:
    return Outcome(gate, "passed" if passed else "failed", found, says)


def _primary(look: Look, gate: Gate) -> str:
    return next(str(task["primary"]) for task in look.results.tasks if task["name"] == gate.task)


def _counts(results: Results, task: Mapping[str, Any]) -> dict[str, int]:
    own = results.samples.filter(pl.col("task") == task["name"])
    status = dict(own["status"].value_counts().iter_rows())
    items = own["item_id"].n_unique()
    wanted = task["items"] if results.limit is None else min(task["items"], results.limit)
    return {
        "items": items,
        "absent": max(0, wanted - items),
        "samples": own.height,
        "truncated": int(own["truncated"].sum()),
        **{name: int(status.get(name, 0)) for name in ("ok", "invalid", "failed", "missing")},
    }


def _finite(value: float | None) -> float | None:
    return None if value is None or value == inf else value


def _told(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
