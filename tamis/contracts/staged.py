"""Measures that a stage makes: what it would take out or change is counted.

Stages live two floors up, and a contract is read where they are not known. So this is the one place that reaches up, when a
contract asks for it and not before, as `Stage.__call__` does for the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tamis.contracts.measures import KINDS
from tamis.contracts.model import Measure, Property
from tamis.contracts.result import Found
from tamis.contracts.sources import Part

_PARAMS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "language": lambda given: {"keep": given["languages"], **_only(given, "threshold")},
}
"""Parameters of the stage, where they are not the arguments as they stand."""

_SAYS = {
    "contamination": "hold text of an evaluation set",
    "duplicates": "are the same as an earlier row",
    "language": "are in another language",
    "license": "have a licence that the policy does not let through",
    "near": "are nearly the same as another row",
    "pii": "hold private data",
}


def staged(measure: Measure, prop: Property | None, parts: Sequence[Part], rows: int, show: int) -> Found:
    """What the stage of `measure` decides about `rows` rows of `parts`. Raises TamisError where it cannot be carried out."""
    from tamis.recipes.asked import decided

    stage = KINDS[measure.name].stage or str(measure.arguments["stage"])
    given = measure.arguments
    params = given.get("params", {}) if measure.name == "stage" else _PARAMS.get(measure.name, dict)(given)
    source: Any = [part.path for part in parts if part.path is not None] or _frame(parts)
    found = decided(stage, params, source, prop.column if prop else None, measure.base)
    starts = _starts(parts, found.files)
    numbers = np.sort(np.concatenate([starts[file] + at for file, at in found.rows] or [np.zeros(0, np.int64)]))
    says = _SAYS.get(measure.name, f"would not pass {stage} as they are")
    if found.unread:
        says = f"not checked: {found.unread:,} of {rows:,} rows could not be read as records"
        return Found(None, says=says, checked=False)
    first = numbers[:show].tolist()
    if measure.name == "language":
        inside = rows - len(numbers)
        share: float | int = 100 * inside / rows if measure.promised.unit == "percent" else inside
        languages = ", ".join(given["languages"])
        said = f"{inside:,} of {rows:,} rows are in {languages} ({100 * inside / rows:.4g} percent)"
        return Found(None, first, share, said)
    return Found(len(numbers), first, says=says)


def token_counter(path: Path) -> Callable[[pl.Series], np.ndarray]:
    """Counts the tokens of each text by the tokenizer.json at `path`."""
    from tamis.curate.tokens import token_counter as counter

    return counter(path)


def _frame(parts: Sequence[Part]) -> pl.DataFrame:
    (part,) = parts
    assert part.lazy is not None
    return part.lazy.collect(engine="streaming")


def _starts(parts: Sequence[Part], files: Sequence[tuple[str | None, int]]) -> dict[str | None, int]:
    """Number of the first row of each file, over all parts in their order."""
    counts = dict(files)
    starts, at = {}, 0
    for part in parts:
        name = str(part.path.resolve()) if part.path else None
        starts[name] = at
        at += counts.get(name, 0)
    return starts


def _only(given: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: given[name] for name in names if name in given}
