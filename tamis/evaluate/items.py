"""The items of a task: rows of its data, brought to one form by `fields`.

{"id": "q7", "question": "2 + 3?", "choices": ["4", "5"], "answer": "B"}  ->  item q7, target "5", right [1]
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from math import isfinite
from typing import Any, NamedTuple

import pyarrow as pa

from tamis.errors import InputError
from tamis.evaluate.extract import extract
from tamis.evaluate.metrics import JUDGED
from tamis.evaluate.patience import TooSlow
from tamis.evaluate.suite import FIELDS, Task
from tamis.schemas._field import field

ITEM = pa.schema(
    [
        field("item_id", pa.string(), "The item's own id, as text.", False),
        field("cluster", pa.string(), "Items of one passage, document or template hang together."),
        field("category", pa.string(), "What it is counted under."),
        field("answer", pa.large_string(), "The right answer as the data has it; JSON of several."),
        field("target", pa.large_string(), "The right answer as it is compared; JSON of several.", False),
        field("choices", pa.list_(pa.large_string()), "Answers to choose from."),
        field("right", pa.list_(pa.int32()), "Which of them are right, from 0."),
        field("passages", pa.list_(pa.large_string()), "What a response may cite, [1] the first."),
        field("supporting", pa.list_(pa.int32()), "Which of them support the answer, from 1."),
        field("tests", pa.large_string(), "Code that fails where a response to this item is wrong."),
        field("fields", pa.large_string(), "The row as JSON: what a template can place.", False),
    ]
)
"""A row for every item of a task, in the order of its file."""

MOST = 5
"""Problems of a file that are told."""


class Item(NamedTuple):
    """One item; its fields are those of ITEM, `fields` read."""

    item_id: str
    cluster: str | None
    category: str | None
    answer: str | None
    target: str
    choices: list[str] | None
    right: list[int] | None
    passages: list[str] | None
    supporting: list[int] | None
    tests: str | None
    fields: dict[str, Any]

    @property
    def names(self) -> dict[str, Any]:
        """What a template can place: the row's own columns, and the fields by their names."""
        own = {"id": self.item_id, "choices": self.choices, "context": self.fields.get("context")}
        return {**self.fields, **{k: v for k, v in own.items() if v is not None}}

    @property
    def length(self) -> int | None:
        """How long it is, in whatever its data counts; None: it does not tell."""
        told = self.fields.get("length")
        return told if _counts(told) else None

    @property
    def shown(self) -> str:
        """The right answer as a solved example shows it."""
        if self.choices and self.right:
            return self.choices[self.right[0]]
        return several(self.answer or self.target)[0]


def several(text: str) -> list[str]:
    """The texts that a column `answer` or `target` holds."""
    if text.startswith('["') and text.endswith("]"):
        return [str(t) for t in json.loads(text)]
    return [text]


def items_of(rows: Iterable[tuple[str, dict[str, Any]]], task: Task, what: str) -> list[Item]:
    """The items in `rows`. Raises InputError that tells up to MOST rows that are none, and where ids are there twice."""
    items, problems, places = [], [], dict[str, str]()
    for k, (place, row) in enumerate(rows):
        try:
            item = _item(row, task, k)
        except InputError as wrong:
            problems.append(f"{place}: {wrong}")
            continue
        except TooSlow as wrong:  # nobody waits for it at every row
            raise TooSlow(f"{place}: extract_target of task {task.name!r}: {wrong}") from None
        if item.item_id in places:
            problems.append(f"{place}: the id {item.item_id!r} is that of {places[item.item_id]}, too")
        places.setdefault(item.item_id, place)
        items.append(item)
    if problems:
        more = f"\n… and {len(problems) - MOST:,} more" if len(problems) > MOST else ""
        raise InputError("\n".join(problems[:MOST]) + f"{more}\nmend the data of task {task.name!r}, or its `fields`")
    if not items:
        raise InputError(f"{what} holds no rows; task {task.name!r} wants one or more")
    return items


def table(items: Iterable[Item]) -> pa.Table:
    """`items` as ITEM."""
    rows = [item._asdict() | {"fields": json.dumps(item.fields, ensure_ascii=False, sort_keys=True)} for item in items]
    return pa.Table.from_pylist(rows, ITEM)


def untable(found: pa.Table) -> list[Item]:
    """The items of a table ITEM."""
    return [Item(**row | {"fields": json.loads(row["fields"])}) for row in found.to_pylist()]


def _item(row: dict[str, Any], task: Task, number: int) -> Item:
    given = {name: _at(row, task.fields[name]) for name in task.fields} | {
        name: row[name] for name in FIELDS if name in row and name not in task.fields
    }
    named = {k: v for k, v in given.items() if v is not None}
    keyed = "id" in named or "id" in task.fields
    key = _text(named, "id", str(task.fields.get("id", "id"))) if keyed else str(number)
    if "question" in given and given["question"] is None:
        raise InputError("the question is null; a text was wanted")
    choices, right, answer, target = None, None, None, ""
    if task.type == "multiple_choice":
        choices = _choices(named)
        right = _right(named, row, choices)
        target = json.dumps([choices[k] for k in right], ensure_ascii=False) if len(right) > 1 else choices[right[0]]
    elif task.type == "generation":
        answer, target = _answers(named, task)
    else:
        text = named["text"] if "text" in named else row.get("text")
        if not isinstance(text, str) or not text.strip():
            raise InputError(f"the text is {text!r:.40}; text was wanted")
        target = text
    passages = named.get("context")
    passages = [passages] if isinstance(passages, str) else passages
    if passages is not None and not isinstance(passages, list):
        raise InputError(f"the context is {passages!r:.40}; a text, or a list of passages, was wanted")
    if passages is not None:
        passages = [str(p["text"]) if isinstance(p, dict) and "text" in p else str(p) for p in passages]
    supporting = named.get("citations")
    if supporting is not None and not (
        isinstance(supporting, list) and all(type(n) is int and 0 < n < 2**31 for n in supporting)
    ):
        raise InputError(f"citations is {supporting!r:.40}; numbers of passages, from 1, were wanted")
    if "length" in task.fields and not _counts(named.get("length")):
        raise InputError(f"the length is {named.get('length')!r:.40}; a whole number from 0 was wanted")
    fields = {**row, **{k: v for k, v in named.items() if k != "choices"}}
    cluster, category, tests = (
        None if named.get(n) is None else str(named[n]) for n in ("cluster", "category", "tests")
    )
    return Item(key, cluster, category, answer, target, choices, right, passages, supporting, tests, _jsonable(fields))


def _counts(told: Any) -> bool:
    return isinstance(told, int) and not isinstance(told, bool) and 0 <= told < 2**62


def _at(row: dict[str, Any], name: Any) -> Any:
    """The column `name`, or the part of one: `choices.text`; of a list of names the list of their values."""
    if isinstance(name, list):
        return [_at(row, n) for n in name]
    if name in row:
        return row[name]
    found: Any = row
    for part in str(name).split("."):
        if not isinstance(found, dict) or part not in found:
            raise InputError(f"no {name!r}; there are {', '.join(map(repr, list(row)[:12]))}")
        found = found[part]
    return found


def _text(named: dict[str, Any], field: str, column: str) -> str:
    value = named.get(field)
    if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
        raise InputError(f"{column!r} is {value!r:.40}; the item's {field} was wanted")
    return str(value)


def _choices(named: dict[str, Any]) -> list[str]:
    found = named.get("choices")
    if isinstance(found, dict):
        found = list(found.values()) if "text" not in found else found["text"]
    if not isinstance(found, list) or len(found) < 2 or any(c is None or isinstance(c, (dict, list)) for c in found):
        raise InputError(f"choices is {found!r:.40}; a list of two or more was wanted")
    texts = [str(c) for c in found]
    if not all(texts):
        raise InputError(f"a choice is empty: {texts!r:.60}")
    return texts


def _right(named: dict[str, Any], row: dict[str, Any], choices: list[str]) -> list[int]:
    """Positions of the right choices, from 0: told as positions, letters, labels, or the choices themselves."""
    told = named.get("answer", row.get("answer_index"))
    if isinstance(row.get("answer_index"), int) and "answer_index" in row and (told is None or isinstance(told, str)):
        told = row["answer_index"]
    labels = named.get("labels")
    found = []
    for one in told if isinstance(told, list) else [told]:
        if isinstance(labels, list) and str(one) in [str(x) for x in labels]:
            found.append([str(x) for x in labels].index(str(one)))
        elif isinstance(one, int) and not isinstance(one, bool) and labels is None:
            found.append(one)
        elif isinstance(one, str) and one in choices:
            found.append(choices.index(one))
        elif isinstance(one, str) and len(one) == 1 and one.isascii() and one.isalpha():
            found.append(ord(one.upper()) - 65)
        else:
            raise InputError(f"the answer is {one!r:.40}; a position from 0, a letter, a label or a choice was wanted")
    if not found or any(not 0 <= k < len(choices) for k in found):
        raise InputError(f"the answer is {told!r:.40}, and there are {len(choices)} choices")
    return found


def _answers(named: dict[str, Any], task: Task) -> tuple[str | None, str]:
    """The answer as it stands, and as it is compared."""
    told = named.get("answer")
    if told is None or told == []:
        if {"refusal", *JUDGED} | {m for m in task.metrics if m.startswith("pass@")} >= set(
            task.metrics
        ) or task.scoring:
            return None, ""
        raise InputError(f"no answer; {', '.join(task.metrics)} want one")
    given = told if isinstance(told, list) else [told]
    if any(t is None or isinstance(t, (list, dict)) for t in given):
        raise InputError(f"the answer is {told!r:.40}; a text, or a list of texts, was wanted")
    if any(isinstance(t, float) and not isfinite(t) for t in given):
        raise InputError(f"the answer is {told!r:.40}; no number is right or wrong beside that")
    texts = [str(t) for t in given]
    plain = [extract(t, task.extract_target) for t in texts]
    if None in plain:
        raise InputError(f"extract_target finds nothing in the answer {texts[plain.index(None)]!r:.60}")
    return _spelled(texts), _spelled([p for p in plain if p is not None])


def _spelled(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 and not texts[0].startswith('["') else json.dumps(texts, ensure_ascii=False)


def _jsonable(row: dict[str, Any]) -> dict[str, Any]:
    """`row` as JSON can hold it: what it cannot hold as text."""
    found: dict[str, Any] = json.loads(json.dumps(row, ensure_ascii=False, default=str))
    return found
