"""What judges said, as one HTML file that needs nothing beside it: leaderboard, pairs, bias, attacks, what to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tamis.report.drawn import drawn
from tamis.report.templates import render
from tamis.report.wording import plural

MOST = 12
"""Models of the table of pairs; more do not fit a page."""

TOLD = 15
"""Differences told one by one: those of six models."""

TEXT = 1500
"""Characters of a text that are shown."""


def page(
    facts: Mapping[str, Any],
    board: Mapping[str, Any] | None,
    findings: Sequence[Mapping[str, Any]],
    examples: Sequence[Mapping[str, Any]],
) -> bytes:
    """`html`, or a sentence where it could not be drawn: judgments that were paid for must not be lost to a drawing."""
    return drawn(
        lambda: html(facts, board, findings, examples), "The judgments are whole, but their report", "run.json"
    )


def html(
    facts: Mapping[str, Any],
    board: Mapping[str, Any] | None,
    findings: Sequence[Mapping[str, Any]],
    examples: Sequence[Mapping[str, Any]],
) -> str:
    """The page. Equal arguments give equal pages.

    facts     as run.json has them
    board     as `tamis judge rate --json` prints it; None: nothing could be rated
    findings  as `tamis judge bias --json` has them
    examples  item_id, why, prompt, sides, said
    """
    models = list(board.get("models", ())) if board else []
    return render(
        "judging/page.html.j2",
        ("page.css", "judging/page.css"),
        f=facts,
        lead=lead(facts),
        warnings=warnings(facts, board),
        notes=list(dict.fromkeys([*facts["notes"], *(board or {}).get("notes", ())])),
        board=board,
        models=models,
        names=[m["model"] for m in models[:MOST]],
        cells=cells(board or {}),
        scores=list(board.get("scores", ())) if board else [],
        scale=_ends(board),
        findings=findings,
        examples=examples,
        place=place,
        heat=heat,
        TEXT=TEXT,
        TOLD=TOLD,
    )


def lead(facts: Mapping[str, Any]) -> str:
    """What was done, in a sentence or two."""
    counts = facts["judgments"]
    judges = ", ".join(j["name"] for j in facts["judges"])
    read = counts["ok"] + counts["settled"]
    models, items = plural(len(facts["models"]), "model"), plural(facts["items"], "item")
    said = f"{judges} judged {models} on {items} by {facts['rubric']['name']}."
    rest = counts["in"] - read
    return said + (
        f" {rest:,} of {counts['in']:,} judgments have no verdict."
        if rest
        else f" All {counts['in']:,} have a verdict."
    )


def warnings(facts: Mapping[str, Any], board: Mapping[str, Any] | None) -> list[str]:
    """What is to be read first."""
    counts = facts["judgments"]
    told = []
    if counts["unparsed"] > 0.02 * counts["in"]:
        told.append(
            f"{counts['unparsed']:,} of {counts['in']:,} answers of judges hold no verdict that can be read. They count in no "
            "rate, and they are no ties: what the others say may not hold for them."
        )
    if counts["failed"] or counts["skipped"]:
        told.append(
            f"{counts['failed']:,} requests failed, and {counts['skipped']:,} were not made for want of budget; --resume goes on."
        )
    if board is None:
        told.append("Nothing could be rated: there is no verdict.")
    return told


def cells(board: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Win rates by model and other."""
    return {(one["model"], one["other"]): one for one in board.get("matrix", ())}


def place(value: float | None, low: float = 0.0, high: float = 1.0) -> float:
    """Where `value` stands on a line of 100 units."""
    return 0.0 if value is None else round(100 * min(max((value - low) / (high - low), 0.0), 1.0), 2)


def heat(value: float | None) -> str:
    """The class of a cell: h0 to h10."""
    return "" if value is None else f"h{round(10 * min(max(value, 0.0), 1.0))}"


def _ends(board: Mapping[str, Any] | None) -> tuple[float, float]:
    """The least and the most of all mean scores, with room around."""
    values = [v for s in (board or {}).get("scores", ()) for v in (s["low"], s["value"], s["high"]) if v is not None]
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)
