"""A plan beside the run it was made for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tamis.errors import UsageError
from tamis.recipes.planning.estimate import FORMAT
from tamis.runs import Run

LARGEST = 1 << 20
"""Bytes of a file that may be a plan: these have a few thousand."""


class Compared(NamedTuple):
    """One figure: what was planned, what it was, and whether that lies between the least and the most that was said.

    actual  None: the run does not say
    by      actual by estimate
    """

    name: str
    estimate: float
    least: float
    most: float
    actual: float | None
    by: float | None
    within: bool | None


def load_plan(path: Path) -> dict[str, Any]:
    """A plan that was saved. Raises UsageError."""
    try:
        with path.open("rb") as file:
            plan: dict[str, Any] = json.loads(file.read(LARGEST))
        numbers = [found[name] for found in plan["estimates"].values() for name in ("estimate", "least", "most")]
        if (
            plan["format"] == FORMAT
            and isinstance(plan["recipe"], str)
            and all(type(n) in (int, float) for n in numbers)
        ):
            return plan
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise UsageError(f"{path} is no plan; `tamis plan RECIPE -i DATA -o plan.json` writes one")


def compare(plan: Mapping[str, Any], run: Run) -> list[Compared]:
    """Each figure of `plan` beside that of `run`. Raises UsageError where the run is of another recipe."""
    if plan["recipe"] != run.facts["name"]:
        other = f"{run.path} is a run of {run.facts['name']!r}"
        raise UsageError(f"the plan is for the recipe {plan['recipe']!r}, and {other}; name a run of that recipe")
    varies = run.facts["varies"]
    work = varies.get("work", {})
    output = sum(file.stat().st_size for file in run.path.rglob("*") if file.is_file())
    actual = {
        "rows": run.facts["rows"]["in"],
        "kept": run.facts["rows"]["kept"],
        "tasks": work.get("tasks"),
        "cpu_seconds": varies.get("cpu_seconds"),
        "peak_bytes": varies.get("held_bytes"),
        "exchanged_bytes": work.get("exchanged"),
        "output_bytes": output,
        "disk_bytes": output + work["bytes"] if work else None,
    }
    return [_one(name, found, actual.get(name)) for name, found in plan["estimates"].items()]


def _one(name: str, found: Mapping[str, float], actual: float | None) -> Compared:
    value, least, most = found["estimate"], found["least"], found["most"]
    by = actual / value if actual is not None and value else None
    within = None if actual is None else least <= actual <= most
    return Compared(name, value, least, most, actual, None if by is None else round(by, 3), within)
