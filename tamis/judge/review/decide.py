"""Decisions taken on the command line: lines as raters write them, added to those that were taken before."""

from __future__ import annotations

from collections.abc import Container, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tamis.errors import UsageError
from tamis.judge.reading import each_row
from tamis.judge.review.key import Key
from tamis.judge.review.log import Log, refuse_others
from tamis.judge.review.vote import vote


def record(path: Path, decisions: Sequence[str], by: str, because: str, key: Key, open_to: Container[str]) -> None:
    """Add `decisions` (003=first, 003=correct:4,clear:5) to the file at `path`: all of them, or none.

    open_to  tasks that raters differ on: of others there is nothing to decide

    Raises UsageError where one cannot be taken.
    """
    refuse_others(path)
    with Log(path) as log:
        taken = _taken(path)
        rows = []
        for text in decisions:
            row: dict[str, Any] = {"export": key.export, "rater": by, "decides": True, "note": because}
            row |= {"at": datetime.now(UTC).isoformat(timespec="microseconds"), **_said(text, key)}
            row["revision"] = taken.get((row["task"], by), -1) + 1
            taken[row["task"], by] = row["revision"]
            try:
                found = vote(row, key.form, key.tasks, key.export)
            except ValueError as wrong:
                raise UsageError(f"--decide {text!r}: {wrong}") from wrong
            if found.task not in open_to:
                raise UsageError(f"--decide {text!r}: raters do not differ on that task; there is nothing to decide")
            if not found.is_whole(key.form):
                names = ", ".join(c.name for c in key.form.criteria)
                raise UsageError(f"--decide {text!r}: points for each of {names} are wanted")
            rows.append(row)
        for row in rows:
            log.append(row)


def _said(text: str, key: Key) -> dict[str, Any]:
    task, _, said = text.partition("=")
    if key.form.kind == "pair":
        return {"task": task, "label": said}
    try:
        scores = {name: int(points) for name, _, points in (one.strip().rpartition(":") for one in said.split(","))}
    except ValueError:
        raise UsageError(f"--decide {text!r}: points are written as 003=correct:4,clear:5") from None
    if "" in scores and len(key.form.criteria) == 1:
        scores[key.form.criteria[0].name] = scores.pop("")
    return {"task": task, "scores": scores}


def _taken(path: Path) -> dict[tuple[str, str], int]:
    out: dict[tuple[str, str], int] = {}
    for _, row in each_row([path], []):
        whose, revision = (str(row.get("task")), str(row.get("rater"))), row.get("revision")
        if isinstance(revision, int):
            out[whose] = max(out.get(whose, -1), revision)
    return out
