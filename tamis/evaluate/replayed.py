"""replay:FILE: answers that were stored, scored without asking anyone.

{"task": "sums", "item_id": "a", "response": "It is #### 5"}
{"task": "capitals", "item_id": "1", "loglikelihoods": [-3.2, -1.5]}

Rows are JSON Lines or Parquet; samples.parquet of a run is such a file.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from tamis.data.inputs import legible
from tamis.errors import InputError
from tamis.evaluate.answer import Answer
from tamis.evaluate.frozen import FrozenTask
from tamis.evaluate.rows import each_row
from tamis.schemas.sample import Status

_TOLD = Answer._fields.index("latency_ms")
"""Fields of an answer that a file can tell: those behind are not replayed."""


class Replayed:
    """The answers in the file `path`."""

    def __init__(self, path: Path) -> None:
        try:
            data = path.read_bytes()
        except OSError as gone:
            raise InputError(f"the answers {path} cannot be read: {gone.strerror or gone}") from None
        self._rows = list(each_row(data, legible(path.name)))
        if not self._rows:
            raise InputError(
                f"{path} holds no answers; rows of task, item_id and response or loglikelihoods were wanted"
            )
        self.model: dict[str, Any] = {"backend": "replay", "name": legible(path.name)}
        self.varies: dict[str, Any] = {}

    def answers(self, tasks: list[FrozenTask]) -> Iterator[Answer]:
        """Answers to items of `tasks`; those to others are counted in `varies`.

        The digest of them all is in `model` then: of what they say, in whatever order they stand.
        """
        prompts = {(t.task.name, r.item_id): r.sha256 for t in tasks for r in t.requests}
        only = tasks[0].task.name if len(tasks) == 1 else None
        other: Counter[str] = Counter()
        digests: list[bytes] = []
        for place, row in self._rows:
            one = _answer(row, only, place)
            prompt = prompts.get((one.task, one.item_id))
            if prompt is None:
                other[one.task] += 1
                continue
            if isinstance(row.get("prompt_sha256"), bytes) and row["prompt_sha256"] != prompt:
                raise InputError(
                    f"{place}: item {one.item_id!r} of {one.task} was asked by another prompt; these answers are to another "
                    "snapshot"
                )
            digests.append(hashlib.sha256(json.dumps(one[:_TOLD], default=str).encode()).digest())
            yield one
        if not digests:
            raise InputError(
                f"{self.model['name']} has no answer to an item of this snapshot; are task and item_id those of it?"
            )
        self.model["answers"] = f"sha256:{hashlib.sha256(b''.join(sorted(digests))).hexdigest()}"
        if other:
            self.varies["answers_to_other_items"] = dict(sorted(other.items()))


def _answer(row: dict[str, Any], only: str | None, place: str) -> Answer:
    task, key = row.get("task", only), row.get("item_id", row.get("id"))
    if not isinstance(task, str) or key is None or isinstance(key, (bool, list, dict)):
        raise InputError(f"{place}: task is {task!r:.40} and item_id is {key!r:.40}; both were wanted")
    response, lls = row.get("response"), row.get("loglikelihoods")
    status: Any = row.get("status") or ("missing" if response is None and lls is None else "ok")
    repeat = row.get("repeat") or 0
    if response is not None and not isinstance(response, str):
        raise InputError(f"{place}: response is {response!r:.40}; text was wanted")
    if lls is not None and not isinstance(lls, list):
        raise InputError(f"{place}: loglikelihoods is {lls!r:.40}; a list of numbers was wanted")
    if status not in get_args(Status):
        raise InputError(f"{place}: status is {status!r:.40}; it is one of {', '.join(get_args(Status))}")
    if isinstance(repeat, bool) or not isinstance(repeat, int) or not 0 <= repeat < 2**15:
        raise InputError(f"{place}: repeat is {repeat!r:.40}; a number from 0 was wanted")
    counts = {k: row[k] for k in ("tokens_in", "tokens_out") if row.get(k) is not None}
    for name, count in counts.items():
        if type(count) is not int or not 0 <= count < 2**31:
            raise InputError(f"{place}: {name} is {count!r:.40}; a number of tokens was wanted")
    truncated = row.get("truncated") or False
    if not isinstance(truncated, bool):
        raise InputError(f"{place}: truncated is {truncated!r:.40}; true or false was wanted")
    known: Status = status
    return Answer(task, str(key), repeat, response, lls, known, truncated, **counts)
