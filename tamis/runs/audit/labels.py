"""Labels as they come back: JSON Lines of task, label and rater, from one file or several."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Literal, NamedTuple, cast, get_args

from tamis.errors import InputError

Verdict = Literal["keep", "drop"]


class Label(NamedTuple):
    """What `rater` would have done with the text of `task`."""

    task: str
    label: Verdict
    rater: str


class Labels(NamedTuple):
    """Labels, each task at most once for a rater; `repeated` were given twice, the same both times."""

    given: list[Label]
    repeated: int


def read_labels(paths: Iterable[Path], tasks: Container[str]) -> Labels:
    """The labels in `paths`, of the tasks of a sample.

    Raises InputError with file and line where a line is no label, its task is none of `tasks`, or its rater had said otherwise.
    """
    said: dict[tuple[str, str], tuple[Label, str]] = {}
    repeated = 0
    for path in paths:
        for number, line in enumerate(_lines(path), 1):
            if not line.strip():
                continue
            where = f"{path}:{number}"
            label = _label(line, where)
            if label.task not in tasks:
                raise InputError(
                    f"{where}: the sample has no task {label.task!r}; do these labels belong to another sample?"
                )
            before = said.setdefault((label.task, label.rater), (label, where))
            repeated += before[1] != where
            if before[0] != label:
                by = f"rater {label.rater!r}" if label.rater else "a rater without a name"
                raise InputError(
                    f"{where}: {by} says {label.label} of task {label.task!r}, and said {before[0].label} in {before[1]}; "
                    "take one of the two lines out, or name the raters if they are two"
                )
    return Labels([label for label, _ in said.values()], repeated)


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def _label(line: bytes, where: str) -> Label:
    wanted = 'a line is {"task": "017", "label": "keep", "rater": "ana"}'
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: this is no JSON ({error}); {wanted}") from error
    if not isinstance(row, dict) or not isinstance(row.get("task"), str):
        raise InputError(f"{where}: there is no task, which is text; {wanted}")
    label = str(row.get("label", "")).strip().lower()
    if label not in get_args(Verdict):
        raise InputError(f"{where}: the label of task {row['task']!r} is {row.get('label')!r}; it can be keep or drop")
    return Label(row["task"], cast(Verdict, label), str(row.get("rater") or ""))
