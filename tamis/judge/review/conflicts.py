"""Tasks that raters do not agree on, and what was decided of them, with all that was decided before."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tamis.data.writer import write_bytes
from tamis.errors import OutputError
from tamis.judge.reading import each_row
from tamis.judge.review.incoming import Came
from tamis.judge.review.key import Key
from tamis.judge.review.vote import Vote, vote


class Conflict(NamedTuple):
    """votes: what raters said; decision: the last word on it, or None."""

    task: str
    votes: list[Vote]
    decision: Vote | None

    def facts(self) -> dict[str, Any]:
        """As JSON holds it: places, no models, so that whoever decides stays blind."""
        own = [{"rater": v.rater, **said(v)} for v in self.votes]
        decided = None if self.decision is None else {"by": self.decision.rater, **said(self.decision)}
        return {"task": self.task, "votes": own, "decision": decided}


def said(vote: Vote) -> dict[str, Any]:
    """What a vote says, and its note."""
    own: dict[str, Any] = {"label": vote.label} if vote.label is not None else {"scores": dict(vote.scores)}
    return {**own, "note": vote.note} if vote.note else own


def by_task(came: Came, key: Key, without: Collection[str] = ()) -> dict[str, list[Vote]]:
    """The votes on each task that is asked, in the order of tasks."""
    own = defaultdict[str, list[Vote]](list)
    for one in came.votes:
        if one.task in key.asked and one.rater not in without:
            own[one.task].append(one)
    return {task: own[task] for task in key.tasks if task in own}


def differ(votes: list[Vote], apart: int) -> bool:
    """Do votes on a task differ, scores by more than `apart` points?"""
    if votes[0].label is not None:
        return len({v.label for v in votes}) > 1
    names = votes[0].scores
    return any(max(v.scores[n] for v in votes) - min(v.scores[n] for v in votes) > apart for n in names)


def conflicts(came: Came, key: Key, apart: int = 1, without: Collection[str] = ()) -> list[Conflict]:
    """Every task that raters differ on, in the order of tasks."""
    last = decided(came)
    return [
        Conflict(task, votes, last.get(task))
        for task, votes in by_task(came, key, without).items()
        if differ(votes, apart)
    ]


def decided(came: Came) -> dict[str, Vote]:
    """The last word on each task: the latest, where several have one."""
    out: dict[str, Vote] = {}
    for one in sorted(came.decisions, key=lambda v: v.at or ""):
        out[one.task] = one
    return out


def history(paths: Sequence[Path], key: Key) -> dict[str, list[dict[str, Any]]]:
    """All that was ever decided of each task, the oldest first: by, answer, note, at."""
    found = []
    for where, row in each_row(paths, []):
        try:
            own = vote(row, key.form, key.tasks, key.export, where)
        except ValueError:
            continue
        if own.decides:
            found.append(own)
    out = defaultdict[str, list[dict[str, Any]]](list)
    for own in sorted(found, key=lambda v: v.at or ""):
        answer = own.label or ", ".join(f"{name} {points:g}" for name, points in own.scores.items())
        out[own.task].append({"by": own.rater, "answer": answer, "note": own.note, "at": own.at})
    return dict(out)


def write_conflicts(path: Path, found: Sequence[Conflict]) -> None:
    """Write a line for each, without who said what: for `tamis review serve --conflicts`.

    Raises OutputError where `path` is a file of anything else: it may be the labels.
    """
    if path.is_file() and not _are_conflicts(path):
        raise OutputError(f"{path} is there already and holds no conflicts; name another file with -o")
    lines = []
    for one in found:
        facts = one.facts()
        votes = [{name: v for name, v in own.items() if name != "rater"} for own in facts["votes"]]
        lines.append(json.dumps({"task": one.task, "votes": votes}, ensure_ascii=False) + "\n")
    write_bytes(path, "".join(lines).encode())


def _are_conflicts(path: Path) -> bool:
    problems: list[str] = []
    return all(isinstance(row.get("votes"), list) for _, row in each_row([path], problems)) and not problems
