"""A folder for raters, and a key beside it that is not for them.

review/tasks.jsonl       {"task": "003", "export": "9c1e…", "prompt": "…", "first": "…", "second": "…"}
review/form.json         what is asked, and what may be answered
review/contract.odcs.yaml  what labels have to keep
review/labelstudio.*, review/argilla.*   the same tasks for others, where asked for
review.key.json          what the tasks are
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tamis.data.disk import disk_errors
from tamis.data.writer import write_bytes, write_json
from tamis.errors import OutputError, UsageError
from tamis.judge.review import argilla, labelstudio
from tamis.judge.review.draw import Task
from tamis.judge.review.form import Form
from tamis.judge.review.key import Key, write_key
from tamis.judge.review.promised import contract

FORMATS: dict[str, Callable[[Path, Form, list[dict[str, Any]]], None]] = {
    "jsonl": lambda folder, form, rows: None,  # always written
    "labelstudio": labelstudio.write,
    "argilla": argilla.write,
}

MASK = "[model]"


class Export(NamedTuple):
    """What was written.

    named  tasks whose texts name a model; masked or not
    """

    folder: Path
    key_path: Path
    key: Key
    named: list[str]


def export(
    tasks: Sequence[Task],
    form: Form,
    folder: Path,
    formats: Sequence[str] = ("jsonl",),
    models: Sequence[str] = (),
    mask: bool = False,
    **how: Any,
) -> Export:
    """Write `tasks` to `folder` and the key beside it; `how` is noted in the key.

    models  names that no text should tell; `mask` puts [model] in their place

    Raises UsageError where there is no task, OutputError where there is something already.
    """
    if not tasks:
        raise UsageError("there is nothing to rate: no item has the answers that are needed, or all of them are equal")
    if not folder.name:
        raise UsageError(f"{folder} has no name to call the key by; name a folder with -o, as review")
    beside = folder.with_name(f"{folder.name}.key.json")
    for path in (folder, beside):
        if path.exists():
            raise OutputError(f"{path} is there already, and may be half rated; name another folder with -o")
    name = _naming(models, tasks)
    rows, named = [], []
    for one in tasks:
        fields = {
            "prompt": one.prompt,
            "reference": one.reference or "",
            **dict(zip(fields_of(form), one.texts, strict=True)),
        }
        if name is not None and any(name.search(text) for text in fields.values()):
            named.append(one.task)
            if mask:
                fields = {k: name.sub(MASK, text) for k, text in fields.items()}
        rows.append({"task": one.task, **{k: _text(v) for k, v in fields.items()}})
    digest = hashlib.sha256(json.dumps([form.facts(), rows]).encode()).hexdigest()[:32]
    rows = [{"task": row["task"], "export": digest, **row} for row in rows]
    with disk_errors(folder):
        folder.mkdir(parents=True)
    write_bytes(folder / "tasks.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())
    write_json(folder / "form.json", {"export": digest, **form.facts()})
    write_bytes(folder / "contract.odcs.yaml", contract(form).encode())
    for one_format in formats:
        FORMATS[one_format](folder, form, rows)
    key = write_key(beside, digest, form, {one.task: one.entry for one in tasks}, masked=mask, **how)
    return Export(folder, beside, key, named)


def fields_of(form: Form) -> tuple[str, ...]:
    """Names of the texts of a task, beside its prompt."""
    return ("first", "second") if form.kind == "pair" else ("answer",)


def _naming(models: Sequence[str], tasks: Sequence[Task]) -> re.Pattern[str] | None:
    """Finds a model's name as a word of its own; names of two letters and fewer are words of any text."""
    texts = "\n".join(text.lower() for one in tasks for text in (one.prompt, one.reference or "", *one.texts))
    # Names that stand nowhere are left out first: a pattern of thousands would be tried at every letter.
    long = sorted({m for m in models if len(m) > 2 and m.lower() in texts}, key=lambda m: (-len(m), m))
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, long))})(?!\w)", re.I) if long else None


def _text(text: str) -> str:
    """`text` as UTF-8 can hold it: half of a surrogate pair becomes U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
