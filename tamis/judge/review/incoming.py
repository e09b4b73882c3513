"""Labels that came back, whatever made them: lines of ours, an export of Label Studio, one of Argilla."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from tamis.errors import InputError
from tamis.judge.reading import each_row
from tamis.judge.review import argilla, labelstudio
from tamis.judge.review.form import Form
from tamis.judge.review.key import Key
from tamis.judge.review.vote import Vote, vote


class Came(NamedTuple):
    """What counts of the labels that came.

    votes       one for each task and rater, the last where it was changed
    decisions   the words of those who settled what raters left open, likewise
    problems    one for each line that does not count: file, line, what was found and wanted
    changed     answers that another one of the same rater took the place of
    repeated    lines that were there before
    unfinished  answers that lack points for some criterion
    """

    votes: list[Vote]
    decisions: list[Vote]
    problems: list[str]
    changed: int
    repeated: int
    unfinished: int

    @property
    def raters(self) -> list[str]:
        """Who answered."""
        return sorted({v.rater for v in self.votes})


def read_votes(paths: Sequence[str | Path], key: Key, rename: Mapping[str, str] | None = None) -> Came:
    """The labels of all files. Raises InputError where a file cannot be read, or no line of any of them counts.

    rename  names for raters that are called otherwise where they come from: by name, or by file and name, as b.jsonl:ann
    """
    problems: list[str] = []
    found: list[list[Vote]] = []
    for path in map(Path, paths):
        found.append([])
        for where, row in _lines(path, key.form, problems):
            if rename:
                row = {**row, "rater": _renamed(row.get("rater"), path, rename)}
            try:
                found[-1].append(vote(row, key.form, key.tasks, key.export, where))
            except ValueError as wrong:
                problems.append(f"{where}: {wrong}")
    if not any(found):
        why = f" counts; {problems[0]}" if problems else "; a line has task, rater and label"
        raise InputError(f"no label in {', '.join(map(str, paths))}{why}")
    return _last(found, key.form, problems)


def _renamed(rater: Any, path: Path, rename: Mapping[str, str]) -> Any:
    own = (rename.get(f"{file}:{rater}") for file in (path, path.name))
    return next((name for name in own if name is not None), rename.get(str(rater), rater))


def _last(files: Sequence[Sequence[Vote]], form: Form, problems: list[str]) -> Came:
    """What counts: the last answers of a file. One file does not change what another says: that may be somebody else."""
    own = defaultdict[tuple[str, str, bool], list[Vote]](list)
    changed = repeated = unfinished = 0
    for votes in files:
        here = defaultdict[tuple[str, str, bool], list[Vote]](list)
        for one in votes:
            here[one.task, one.rater, one.decides].append(one)
        for whose, answers in here.items():
            newest = max(v.revision for v in answers)
            own[whose] += [v for v in answers if v.revision == newest]
            changed += len({v.revision for v in answers if v.is_whole(form)} - {newest})
    kept: list[Vote] = []
    for (task, rater, _), last in own.items():
        if len({v.answer for v in last}) > 1:
            places = " and ".join(v.where for v in last)
            problems.append(
                f"{places}: different answers of {rater!r} to {task}; neither counts; two people? --rename FILE:{rater}=NAME"
            )
        elif not last[-1].is_whole(form):
            unfinished += 1
        else:
            repeated += len(last) - 1
            kept.append(last[-1])
    _alike({v.rater for v in kept}, problems)
    decisions = [v for v in kept if v.decides]
    return Came([v for v in kept if not v.decides], decisions, problems, changed, repeated, unfinished)


def _alike(raters: set[str], problems: list[str]) -> None:
    folded = defaultdict[str, list[str]](list)
    for rater in sorted(raters):
        folded[rater.casefold()].append(rater)
    for names in folded.values():
        if len(names) > 1:
            problems.append(f"{' and '.join(map(repr, names))} count as different raters; --rename makes them one")


def _lines(path: Path, form: Form, problems: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for where, row in each_row([path], problems, halves=True):
        if labelstudio.is_one(row):
            yield from ((where, own) for own in labelstudio.votes(row, form))
        elif argilla.is_one(row):
            yield from ((where, own) for own in argilla.votes(row, form))
        else:
            yield where, row


def frame(votes: Sequence[Vote], form: Form) -> pl.DataFrame:
    """Columns task, rater, label or scores, note: what a contract of labels speaks of."""
    columns: dict[str, Any] = {"task": [v.task for v in votes], "rater": [v.rater for v in votes]}
    types: dict[str, Any] = {"task": pl.String, "rater": pl.String}
    if form.kind == "pair":
        columns["label"], types["label"] = [v.label for v in votes], pl.String
    else:
        columns["scores"] = [dict(v.scores) for v in votes]
        types["scores"] = pl.Struct({c.name: pl.Int64 for c in form.criteria})
    return pl.DataFrame({**columns, "note": [v.note for v in votes]}, schema={**types, "note": pl.String})
