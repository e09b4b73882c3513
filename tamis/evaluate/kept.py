"""Answers of a run that is not finished, one a line as they come: a run that was stopped goes on where it was.

{"model":{…},"snapshot":"sha256:…"}
{"task":"sums","item_id":"a","repeat":0,"response":"It is #### 5",…}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from tamis.data.disk import disk_errors
from tamis.errors import InputError
from tamis.evaluate.answer import Answer, repeats
from tamis.evaluate.frozen import FrozenTask

ANSWERS = "answers.jsonl"


class Kept:
    """The answers in the file `path`, which need not be there, of `model` to `snapshot`. Raises InputError where of another."""

    def __init__(self, path: Path, snapshot: str, model: dict[str, Any]) -> None:
        self._path, self._head = path, {"snapshot": snapshot, "model": model}
        self._file: IO[bytes] | None = None
        self.answers: list[Answer] = []
        if path.exists():
            self.answers = list(self._read())

    def left(self, tasks: Iterable[FrozenTask]) -> list[FrozenTask]:
        """`tasks` without items of which every answer is here."""
        done = {(a.task, a.item_id, a.repeat) for a in self.answers}
        found = []
        for task in tasks:
            name, n = task.task.name, repeats(task)
            keep = [not all((name, item.item_id, r) in done for r in range(n)) for item in task.items]
            items = [item for item, wanted in zip(task.items, keep, strict=True) if wanted]
            requests = [request for request, wanted in zip(task.requests, keep, strict=True) if wanted]
            if items:
                found.append(replace(task, items=items, requests=requests))
        again = {(t.task.name, item.item_id) for t in found for item in t.items}
        self.answers = [a for a in self.answers if (a.task, a.item_id) not in again]
        return found

    def keep(self, answers: Iterable[Answer]) -> Iterator[Answer]:
        """`answers`, each written down before it is passed on."""
        try:
            for one in answers:
                if one.status == "ok":  # another may be had next time
                    self._write({**one._asdict(), "cost": None if one.cost is None else str(one.cost)})
                yield one
        finally:
            if self._file is not None:
                with suppress(OSError):  # it tries once more to write what could not be written
                    self._file.close()

    def _write(self, row: dict[str, Any]) -> None:
        with disk_errors(self._path):
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._path.open("ab")
                if not self._file.tell():
                    self._file.write(json.dumps(self._head, sort_keys=True).encode() + b"\n")
            self._file.write(json.dumps(row).encode() + b"\n")
            self._file.flush()

    def _read(self) -> Iterator[Answer]:
        data = self._path.read_bytes()
        whole, _, torn = data.rpartition(b"\n")
        if torn:  # a line that was being written when the process ended
            self._path.write_bytes(whole + b"\n" if whole else b"")
        lines = whole.split(b"\n") if whole else []
        try:
            rows = [json.loads(line) for line in lines]
            if rows and rows[0] != self._head:
                raise InputError(
                    f"{self._path} has answers of another model or to another snapshot; name a new folder, or go on with those"
                )
            for row in rows[1:]:
                yield Answer(**{**row, "cost": None if row["cost"] is None else Decimal(row["cost"])})
        except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError):
            raise InputError(f"{self._path} is damaged; remove it, and run it anew") from None
