"""Prompts of a task as they are sent: the template with an item placed in it, after solved examples where there are any."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from tamis.evaluate.items import Item
from tamis.evaluate.suite import FIELDS, SuiteError, Task
from tamis.prompts import Template, TemplateError, read
from tamis.schemas._field import field

REQUEST = pa.schema(
    [
        field("task", pa.string(), "The task.", False),
        field("item_id", pa.string(), "The item.", False),
        field("prompt", pa.large_string(), "The prompt, whole.", False),
        field("continuations", pa.list_(pa.large_string()), "What is put behind it, to be weighed."),
        field("sha256", pa.binary(32), "SHA-256 of prompt and continuations, as JSON.", False),
    ]
)


class Rendered(NamedTuple):
    """One request."""

    task: str
    item_id: str
    prompt: str
    continuations: list[str] | None

    @property
    def sha256(self) -> bytes:
        """Of prompt and continuations."""
        told = json.dumps([self.prompt, self.continuations], ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(told.encode("utf-8", "surrogatepass")).digest()


class _Bytes(NamedTuple):
    data: bytes

    def read_bytes(self) -> bytes:
        return self.data


def template_bytes(task: Task, folder: Path) -> bytes:
    """The prompt's template: the text in the suite, or the file that it names."""
    if "{{" in task.prompt or not task.prompt.endswith((".jinja", ".j2", ".jinja2")):
        return task.prompt.encode()
    try:
        return (folder / task.prompt).read_bytes()
    except OSError as gone:
        raise SuiteError(f"the prompt {task.prompt} cannot be read: {gone.strerror}", folder, task.name) from None


def render(
    task: Task, template: bytes, items: Sequence[Item], pool: Sequence[Item] | None, chat: bool = False
) -> list[Rendered]:
    """The requests of a task, one an item, in the order of items.

    pool  what examples are drawn from; None: the items
    chat  the prompt is a message, and an answer begins another: no delimiter stands before a choice
    """
    known = frozenset(FIELDS) | {name for item in items[:1] for name in item.names}
    parsed = read(_Bytes(template), known, f"prompt of {task.name}")
    draw = _Shots(task, parsed, items, pool)
    out = []
    for item in items:
        prompt = task.description + draw(item) + placed(parsed, item)
        behind = None if item.choices is None else [("" if chat else task.delimiter) + c for c in item.choices]
        out.append(Rendered(task.name, item.item_id, prompt, behind))
    return out


def placed(template: Template, item: Item) -> str:
    """The prompt of one item. Raises TemplateError that names it."""
    try:
        return template.text(**item.names)
    except TemplateError as wrong:
        raise TemplateError(f"item {item.item_id!r}: {wrong}", template.label) from None


class _Shots:
    """Draws solved examples as lm-eval does: one generator for all items, in their order."""

    def __init__(self, task: Task, template: Template, items: Sequence[Item], pool: Sequence[Item] | None) -> None:
        self.few, self.delimiter, self.template = task.fewshot, task.delimiter, template
        self.own = pool is None
        self.pool = list(items if pool is None else pool)
        if self.few is None:
            return
        self.random = random.Random(self.few.seed)
        have = len(self.pool) - self.own
        if have < self.few.n:
            raise SuiteError(f"{self.few.n} examples are wanted and {have} are there", task.name, "fewshot")

    def __call__(self, item: Item) -> str:
        """The examples before `item`, "" where there are none."""
        between = self.few.between if self.few else ""
        return "".join(placed(self.template, e) + self.delimiter + e.shown + between for e in self._drawn(item))

    def _drawn(self, item: Item) -> list[Item]:
        if self.few is None:
            return []
        n = self.few.n
        if self.few.sampler == "first_n":
            return [e for e in self.pool[: n + self.own] if not self.own or e.item_id != item.item_id][:n]
        drawn = self.random.sample(self.pool, n + self.own)
        return [e for e in drawn if not self.own or e.item_id != item.item_id][:n]


def request_table(requests: Sequence[Rendered]) -> pa.Table:
    """`requests` as REQUEST."""
    return pa.Table.from_pylist([{**r._asdict(), "sha256": r.sha256} for r in requests], REQUEST)
