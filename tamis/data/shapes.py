"""The shapes rows come in, and the kind each becomes.

    {"text": "…"}                                            plain text           document
    {"messages": [{"role": "user", "content": "…"}, …]}      OpenAI messages      chat
    {"conversations": [{"from": "human", "value": "…"}, …]}  ShareGPT             chat
    {"instruction": "…", "input": "…", "output": "…"}        Alpaca               chat
    {"prompt": "…", "completion": "…"}                       prompt/completion    chat
    {"prompt": "…", "chosen": "…", "rejected": "…"}          chosen/rejected      preference
    {"question": "…", "choices": […], "answer_index": 1}     question/answer      eval_item

A shape is told row by row: rows of one file may differ in it. A recipe may say under which name a field stands
(`fields: {text: body}`), or that it is not to be taken at all (`fields: {id: null}`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import NamedTuple

import numpy as np

from tamis.data.jsonl import JsonRows
from tamis.errors import UsageError
from tamis.kernels.grammar import NULL
from tamis.schemas import kind

SAYS = ("nothing", "null", "false", "true", "a number", "a string", "a list", "an object")
"""A type code of JSON values (tamis.kernels.json) in words."""

NAMES: dict[str, tuple[str, ...]] = {
    "id": ("id",),
    "source": ("source",),
    "url": ("url",),
    "license": ("license", "licence"),
    "collected_at": ("collected_at",),
    "meta": ("meta",),
    "text": ("text", "content", "raw_content"),
    "messages": ("messages",),
    "conversations": ("conversations", "conversation"),
    "system": ("system",),
    "instruction": ("instruction",),
    "input": ("input",),
    "output": ("output",),
    "prompt": ("prompt",),
    "completion": ("completion",),
    "chosen": ("chosen",),
    "rejected": ("rejected",),
    "question": ("question",),
    "context": ("context",),
    "choices": ("choices",),
    "answer_index": ("answer_index",),
    "answer_key": ("answerKey",),
    "answer": ("answer",),
}
"""Fields that are looked for, and the names they are looked for under: the first that holds something is taken."""

Names = dict[str, tuple[str, ...]]

LONG = 1 << 20
"""Bytes of a row whose keys are not worth a Python object each."""


class Shape(NamedTuple):
    """A shape has all fields of `all`, and one of `any` where that is not empty."""

    name: str
    kind: str
    all: tuple[str, ...]
    any: tuple[str, ...] = ()


SHAPES = (
    Shape("chosen/rejected", "preference", ("chosen", "rejected")),
    Shape("OpenAI messages", "chat", ("messages",)),
    Shape("ShareGPT", "chat", ("conversations",)),
    Shape("Alpaca", "chat", ("instruction", "output")),
    Shape("prompt/completion", "chat", ("prompt", "completion")),
    Shape("question/answer", "eval_item", ("question",), ("answer", "choices", "answer_index", "answer_key")),
    Shape("plain text", "document", ("text",)),
)
"""In the order in which they are asked; the first that fits is taken."""

BARE_QUESTION = Shape("question", "eval_item", ("question",))
"""Fits only where the recipe says that rows are eval items."""


def names_for(fields: Mapping[str, str | None] | None) -> Names:
    """NAMES as `fields` of a recipe change them. Raises UsageError for a field that is not one."""
    names = dict(NAMES)
    for field, name in (fields or {}).items():
        if field not in names:
            near = get_close_matches(field, names, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
            raise UsageError(f"fields: no field is called {field!r}; {hint}")
        names[field] = () if name is None else (name,)
    return names


def wanted(names: Names) -> list[str]:
    """Every input name of `names`, once."""
    return list(dict.fromkeys(name for candidates in names.values() for name in candidates))


class Fields:
    """The fields of rows of JSON: which name each was found under, and what type it has."""

    def __init__(self, rows: JsonRows, names: Names) -> None:
        self.rows, self.names = rows, names
        self.wanted = wanted(names)
        self._found: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def which(self, field: str) -> np.ndarray:
        """(m,) int8: position among `names[field]` of the name it was found under; 0 where it was not."""
        return self._find(field)[0]

    def type(self, field: str) -> np.ndarray:
        """(m,) uint8: its type code, 0 on lines with errors."""
        return self._find(field)[1]

    def has(self, field: str) -> np.ndarray:
        """(m,) bool: it is there, and not null."""
        return self.type(field) > NULL

    def _find(self, field: str) -> tuple[np.ndarray, np.ndarray]:
        if field not in self._found:
            m = self.rows.lines
            which, types = np.zeros(m, np.int8), np.zeros(m, np.uint8)
            for k, name in enumerate(self.names[field]):
                found = self.rows.type_of(name)
                better = (types <= NULL) & (found > types)
                which[better], types[better] = k, found[better]
            self._found[field] = which, types
        return self._found[field]

    def fits(self, shape: Shape) -> np.ndarray:
        """(m,) bool: rows of `shape`."""
        fit: np.ndarray = np.logical_and.reduce([self.has(field) for field in shape.all])
        if shape.any:
            fit &= np.logical_or.reduce([self.has(field) for field in shape.any])
        return fit


def shape_of(fields: Fields, only: str | None = None) -> np.ndarray:
    """(m,) int8: position in SHAPES of each row's shape (one past: BARE_QUESTION), -1: none. `only`: of that kind."""
    shape = np.full(fields.rows.lines, -1, np.int8)
    for k, candidate in enumerate((*SHAPES, BARE_QUESTION)):
        if (only is None and candidate is not BARE_QUESTION) or candidate.kind == only:
            shape[(shape < 0) & fields.fits(candidate)] = k
    return shape


def keys_of(rows: JsonRows, row: int) -> str:
    """The first keys of a row, in quotes."""
    if rows.end[row] - rows.start[row] > LONG:
        return "(a long row)"
    # Numbers stay text: Python refuses to make one of more than 4,300 digits.
    keys = list(json.loads(rows.raw(row), parse_int=str, parse_float=str))
    return ", ".join(map(repr, keys[:12])) + (", …" if len(keys) > 12 else "") if keys else "(none)"


class Recognised(NamedTuple):
    """What rows were taken for: `shapes` counts the rows of each shape of `kind`; `other` rows fit none of them."""

    kind: str
    shapes: dict[str, int]
    other: int

    @property
    def says(self) -> str:
        """`OpenAI messages -> chat`"""
        return f"{', '.join(self.shapes) or 'no known shape'} -> {self.kind}"


def majority(fields: Fields, only: str | None = None) -> Recognised | None:
    """The kind most rows are of, `only` if given; None where no row fits. Equal counts: the one asked first."""
    if only is not None:
        kind(only)
    shape = shape_of(fields, only)
    counts = {s: int(np.count_nonzero(shape == k)) for k, s in enumerate((*SHAPES, BARE_QUESTION))}
    kinds: dict[str, int] = {}
    for s, n in counts.items():
        kinds[s.kind] = kinds.get(s.kind, 0) + n
    best = only or max(kinds, key=lambda name: kinds[name])
    if not kinds[best]:
        return None
    taken = {s.name: n for s, n in counts.items() if s.kind == best and n}
    return Recognised(best, taken, len(shape) - sum(taken.values()))
