"""A whole walk as one HTML file: what came of it, each step with its counts, its command and the page of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tamis.report.drawn import drawn
from tamis.report.evaluation.page import STATES
from tamis.report.templates import render
from tamis.report.wording import plural, span

PAGES = {
    "sieve": "runs/docs/report.html",
    "freeze": "snapshots/docs/1.0.0/report.html",
    "questions": "evals/docs/eval.json",
    "write": "runs/pairs/report.html",
    "freeze-pairs": "snapshots/pairs/1.0.0/report.html",
    "train": "adapters/docs-lora/README.md",
    "before": "runs/before/report.html",
    "after": "runs/after/report.html",
    "judge": "runs/judged/report.html",
}
"""What there is to open of each step."""


def page(steps: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]) -> bytes:
    """`html`, or a sentence where it could not be drawn: every step has a page of its own."""
    return drawn(lambda: html(steps, facts), "The walk is whole, but its page", "walk.json")


def html(steps: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]) -> str:
    """The page.

    steps  name, title, typed, says, seconds, cpu_seconds, exit
    facts  as the files of the walk say them: docs, pairs, snapshots, trained, before, after, judged, sitting
    """
    return render(
        "walk/page.html.j2",
        ("page.css", "judging/page.css", "evaluation/page.css", "walk/page.css"),
        f=facts,
        lead=lead(steps, facts),
        steps=[{**step, "page": PAGES.get(step["name"]), "spent": span(step["seconds"])} for step in steps],
        funnel=funnel(facts),
        tasks=list(compared(facts)),
        models=[m for m in (facts["judged"] or {}).get("models", []) if m["win_rate"]],
        states=STATES,
        total=span(sum(step["seconds"] for step in steps)),
        cpu=span(sum(step["cpu_seconds"] for step in steps)),
    )


def lead(steps: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]) -> str:
    """What came of it, in two sentences."""
    rows, made = facts["docs"]["rows"], facts["pairs"]["rows"]
    verdict = "may be used: every gate passed" if steps[-1]["exit"] == 0 else "may not be used: a gate did not pass"
    return (
        f"{plural(rows['in'], 'text')} were sieved to {rows['kept']:,}, {plural(made['kept'], 'pair')} written of them, and an "
        f"adapter was trained on those. By {plural(sum(t['items'] for t in facts['after']['tasks']), 'question')} that it had "
        f"not seen, it {verdict}."
    )


def funnel(facts: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Numbers of rows from the first file to the last verdict."""
    docs, pairs, data = facts["docs"]["rows"], facts["pairs"]["rows"], facts["trained"]["lengths"]
    return [
        ("texts in the corpus", docs["in"]),
        ("kept", docs["kept"]),
        ("seeds drawn", facts["snapshots"][0]["splits"].get("seeds", docs["kept"])),
        ("pairs written", pairs["derived"]),
        ("kept", pairs["kept"]),
        ("trained on", data["kept"]),
        ("questions asked", sum(t["items"] for t in facts["after"]["tasks"])),
        ("verdicts", facts["sitting"]["judgments"]["ok"] + facts["sitting"]["judgments"]["settled"]),
    ]


def compared(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of each task the number before and after, and the paired difference with its interval."""
    found = []
    for base, own in zip(facts["before"]["tasks"], facts["after"]["tasks"], strict=True):
        numbers = [next(n for n in t["numbers"] if n["metric"] == t["primary"]) for t in (base, own)]
        items = (own["contamination"] or {}).get("items", {})
        found.append(
            {
                "name": own["name"],
                "items": own["items"],
                "metric": own["primary"],
                "higher": numbers[0]["higher"],
                "before": numbers[0],
                "after": numbers[1],
                "difference": (own["baseline"] or {}).get("difference"),
                "dirty": items.get("dirty"),
            }
        )
    return found
