"""What an evaluation found, as one HTML file that needs nothing beside it: scores, gates, contamination, items to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tamis.report.drawn import drawn
from tamis.report.evaluation.curve import UNITS, curve
from tamis.report.judging.page import place
from tamis.report.templates import render
from tamis.report.wording import plural

CATEGORIES = 80
"""Categories of a task that a page lists: MMLU has 57."""

STATES = {"passed": "passed", "failed": "failed", "underpowered": "too few items"}


def page(facts: Mapping[str, Any], items: Mapping[str, Sequence[Mapping[str, Any]]]) -> bytes:
    """`html`, or a sentence where it could not be drawn: answers that took hours must not be lost to a drawing."""
    return drawn(lambda: html(facts, items), "The numbers are whole, but their report", "report.json")


def html(facts: Mapping[str, Any], items: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """The page. Equal arguments give equal pages.

    facts  as report.json has them
    items  by task, those to read: item_id, status, prompt, response, target, extracted, scores, before, overlap
    """
    return render(
        "evaluation/page.html.j2",
        ("page.css", "judging/page.css", "evaluation/page.css"),
        f=facts,
        lead=lead(facts),
        tasks=[
            {**task, "own": own(task), "scale": scale(task), "shown": items.get(task["name"], ())}
            for task in facts["tasks"]
        ],
        contaminated=[task for task in facts["tasks"] if task["contamination"]],
        long=[task for task in facts["tasks"] if task.get("lengths")],
        curve=curve,
        units=UNITS,
        states=STATES,
        place=place,
        number=number,
        CATEGORIES=CATEGORIES,
    )


def lead(facts: Mapping[str, Any]) -> str:
    """What was asked and what came of it, in a sentence or two."""
    items = sum(task["counts"]["items"] for task in facts["tasks"])
    said = f"{facts['model']['name']} was asked {plural(items, 'item')} of {plural(len(facts['tasks']), 'task')}."
    if facts["passed"] is None:
        return f"{said} No gate was set."
    failed = sum(gate["state"] != "passed" for gate in facts["gates"])
    gates = plural(len(facts["gates"]), "gate")
    return f"{said} It passes {gates}." if facts["passed"] else f"{said} It fails {failed:,} of {gates}."


def own(task: Mapping[str, Any]) -> Mapping[str, Any]:
    """The number of a task that stands for it."""
    found: Mapping[str, Any] = next(n for n in task["numbers"] if n["metric"] == task["primary"])
    return found


def scale(task: Mapping[str, Any]) -> tuple[float, float]:
    """The ends of a line on which all numbers of a task that can be compared stand: 0 and 1 for shares."""
    rows = [own(task), *task["categories"], *((task.get("lengths") or {}).get("bins", ()))]
    if task["contamination"]:
        rows += [task["contamination"][name] for name in ("clean", "dirty")]
    if task["baseline"]:
        rows.append(task["baseline"]["first"])
    values = [v for row in rows for v in (row["low"], row["value"], row["high"]) if v is not None]
    if not values or (min(values) >= 0 and max(values) <= 1):
        return 0.0, 1.0
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def number(value: float | None, sign: bool = False) -> str:
    """Three digits after the point, one where it is 10 or more."""
    if value is None:
        return "—"
    return f"{value:{'+' if sign else ''}.{3 if abs(value) < 10 else 1}f}"
