"""What the tasks of an export are, kept from those who rate them.

{"tamis_review": 1, "export": "9c1e…", "seed": 0, "form": {…}, "tasks": {
  "003": {"item_id": "q7", "model_a": "base", "model_b": "large", "order": "ba", "why": "judges disagree"},
  "004": {"item_id": "gold 1", …, "gold": "a"}, "017": {…, "repeats": "003"}}, "seal": "…"}
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from tamis.data.writer import write_json
from tamis.errors import InputError
from tamis.judge.review.form import Form

FORMAT = 1


class Entry(NamedTuple):
    """A task as nobody who rates it knows it.

    model_b  None: one answer, rated by itself
    order    ab: the answer of model_a is the first; ba: that of model_b
    gold     what is right, known before: a, b or tie, or points by criterion; None: it is not known
    repeats  the task that this one is again, sides swapped
    why      why people are asked
    """

    item_id: str
    model_a: str
    model_b: str | None = None
    order: str | None = None
    gold: str | dict[str, int] | None = None
    repeats: str | None = None
    why: str = ""

    def verdict(self, label: str) -> str:
        """first, second or tie as a, b or tie."""
        if label == "tie":
            return label
        return "a" if (label == "first") == (self.order == "ab") else "b"


@dataclass(frozen=True)
class Key:
    """A key as it was written.

    export  digest of the tasks: every label that came back from elsewhere says of which export it is
    """

    export: str
    form: Form
    tasks: dict[str, Entry]
    facts: dict[str, Any]

    @cached_property
    def asked(self) -> dict[str, Entry]:
        """The tasks that are neither gold nor repeats: those that become labels."""
        return {task: e for task, e in self.tasks.items() if e.gold is None and e.repeats is None}


def write_key(path: Path, export: str, form: Form, tasks: dict[str, Entry], **how: Any) -> Key:
    """Seal and write a key. Raises OutputError."""
    rows = {task: {k: v for k, v in e._asdict().items() if v is not None and v != ""} for task, e in tasks.items()}
    facts = {"tamis_review": FORMAT, "export": export, **how, "form": form.facts(), "tasks": rows}
    facts["seal"] = _seal(facts)
    write_json(path, facts)
    path.chmod(0o600)  # raters may have accounts on this machine
    return Key(export, form, tasks, facts)


def open_key(path: str | Path) -> Key:
    """The key at `path`. Raises InputError where it is none, or was changed since it was sealed."""
    try:
        facts = json.loads(Path(path).read_bytes())
        found, seal = facts["tamis_review"], facts["seal"]
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); the key lies beside the export") from error
    except (ValueError, KeyError, TypeError, RecursionError) as damage:
        raise InputError(f"{path} is no key of a review ({damage!r:.80}); `tamis review export` writes one") from damage
    if found != FORMAT:
        raise InputError(f"{path} was written by a newer tamis (format {found}, this one reads {FORMAT}); update tamis")
    if seal != _seal(facts):
        raise InputError(f"{path} was changed since it was sealed; take the one that was written with the export")
    try:
        tasks = {task: Entry(**entry) for task, entry in facts["tasks"].items()}
        return Key(facts["export"], Form.of(facts["form"]), tasks, facts)
    except (KeyError, TypeError, AttributeError) as damage:
        raise InputError(f"{path} is no key of a review ({damage!r:.80}); `tamis review export` writes one") from damage


def _seal(facts: dict[str, Any]) -> str:
    sealed = {name: value for name, value in facts.items() if name != "seal"}
    return hashlib.sha256(json.dumps(sealed, sort_keys=True).encode()).hexdigest()
