"""One answer of one rater to one task, as a line.

{"task": "003", "export": "9c1e…", "rater": "ann", "label": "first", "note": "", "seconds": 12.5, "at": "2026-11-21T14:05:00+00:00",
 "revision": 1}      revision: how often the same rater had answered the same task before; the last counts
"""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Mapping
from typing import Any, NamedTuple

from tamis.judge.review.form import Form

LONGEST = {"rater": 80, "note": 10_000}
"""Characters."""


class Vote(NamedTuple):
    """A line that can be used.

    label   first, second or tie; None: a score
    scores  points by criterion; of a form with several some may be missing yet
    decides it is the word of whoever settles what raters left open
    """

    task: str
    rater: str
    label: str | None
    scores: Mapping[str, float]
    note: str
    at: str | None
    revision: int
    decides: bool
    where: str

    @property
    def answer(self) -> object:
        """What was said, to be compared."""
        return self.label if self.label is not None else tuple(sorted(self.scores.items()))

    def is_whole(self, form: Form) -> bool:
        """Has every criterion its points?"""
        return self.label is not None or len(self.scores) == len(form.criteria)


def vote(row: dict[str, Any], form: Form, tasks: Container[str], export: str, where: str = "") -> Vote:
    """The vote in `row`. Raises ValueError with what was found and wanted where it is none."""
    task = row.get("task")
    if not isinstance(task, str) or task not in tasks:
        raise ValueError(f"task is {task!r:.40}, which is not of this export")
    if row.get("export") not in (None, export):
        raise ValueError(f"it is of another export ({row['export']!r:.40}); this one is {export!r}")
    rater = named(row.get("rater"))
    label, scores = row.get("label"), row.get("scores")
    if form.kind == "pair" and (not isinstance(label, str) or label not in form.labels):
        raise ValueError(f"label is {label!r:.40}; it is one of {', '.join(form.labels)}")
    if form.kind == "score":
        label = None
        _check(scores, form)
    note, revision, at = row.get("note") or "", row.get("revision", 0), row.get("at")
    if not isinstance(note, str) or len(note) > LONGEST["note"]:
        raise ValueError(f"note is {note!r:.40}; it is text of at most {LONGEST['note']:,} characters")
    if type(revision) is not int or revision < 0:
        raise ValueError(f"revision is {revision!r:.40}; it counts from 0")
    note = note.encode("utf-8", "replace").decode()  # half of a surrogate pair, which no file can hold
    own = dict(scores) if form.kind == "score" and isinstance(scores, dict) else {}
    return Vote(task, rater, label, own, note, str(at) if at else None, revision, bool(row.get("decides")), where)


def named(rater: Any) -> str:
    """The name of a rater, spaces and forms of letters made one. Raises ValueError where there is none."""
    if not isinstance(rater, str | int) or isinstance(rater, bool):
        raise ValueError(f"rater is {rater!r:.40}; every label names who gave it")
    name = " ".join(unicodedata.normalize("NFC", str(rater)).split())
    if not name or len(name) > LONGEST["rater"] or not name.isprintable():
        raise ValueError(f"rater is {rater!r:.40}; a name has 1 to {LONGEST['rater']} characters that can be seen")
    return name


def _check(scores: Any, form: Form) -> None:
    known = {c.name: c for c in form.criteria}
    if not isinstance(scores, dict) or not scores:
        raise ValueError(f"scores is {scores!r:.40}; it has points for {', '.join(known)}")
    for name, points in scores.items():
        if name not in known:
            raise ValueError(f"scores has {name!r:.40}; criteria are {', '.join(known)}")
        low, high = known[name].low, known[name].high
        if type(points) is not int or not low <= points <= high:
            raise ValueError(f"{name} is {points!r:.40}; its scale goes from {low} to {high}")
