"""The evaluation items that records are held against, read from files of any layout.

{"id": "gsm8k-17", "question": "…", "answer": "18"}        question and answer, as they stand
{"id": "q3", "question": "…", "choices": [...], "answer_index": 1}     the answer is the choice
{"text": "…"}                                              the text is the question
{"messages": [...]}, {"instruction": …, "output": …}       what users say is the question, what follows the answer
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.data import Reading, find, fragments, read, recognise
from tamis.data.canonical import stem
from tamis.data.inputs import InputFile
from tamis.data.unread import Unread, damaged
from tamis.errors import InputError
from tamis.schemas import MESSAGE, flat, joined
from tamis.schemas._field import field

ITEM = pa.schema(
    [
        field("eval", pa.string(), "Evaluation set: the file's name without folders and endings.", False),
        field("id", pa.string(), "The item's own id, else @ and its line or row in the file.", False),
        field("question", pa.string(), "What is asked.", False),
        field("context", pa.string(), "Passage the question is about."),
        field("answer", pa.string(), "The right answer."),
        field("url", pa.string(), "Where the item was found."),
    ]
)

_NOT_ITS_OWN = ("record_id", "source", "meta")
"""Columns that rows have whether their file has them or not."""


class Items(NamedTuple):
    """All items, in the order of the files' names and of their lines.

    table    ITEM rows
    refused  eval set -> lines that could not be read as an item
    unread   the first of those of each set, by file and place
    """

    table: pa.Table
    refused: dict[str, int]
    unread: tuple[str, ...] = ()


def read_items(paths: Sequence[str | Path], fields: Mapping[str, str | None] | None = None) -> Items:
    """The items of the files, folders and globs `paths`. fields: our name of a field -> its name there.

    Raises InputError for a file without an item, and for a field of `fields` that no item of a file has; DamagedError for
    one that breaks off.
    """
    tables, refused, unread = [pa.Table.from_batches([], ITEM)], {}, []
    files = find(paths)
    names = _apart([stem(file.name) for file in files])
    for file, name in zip(files, names, strict=True):
        table, bad = _read(file, name, fields or {})
        tables.append(table)
        refused[name] = bad.rows
        unread += bad.named(file)
    return Items(pa.concat_tables(tables).combine_chunks(), refused, tuple(unread))


def _read(file: InputFile, name: str, fields: Mapping[str, str | None]) -> tuple[pa.Table, Unread]:
    only = "eval_item" if "question" in fields else None
    try:
        kind = recognise([file], only, fields).kind
    except InputError:
        kind = "eval_item"  # a bare question is an item; whatever else this is, reading says so row by row
    parts, bad, said = list[pa.RecordBatch](), Unread(), ""
    for fragment in fragments(file):
        here = Unread()
        for block in read(fragment, Reading(kind, fields)):
            if block.damage:
                raise damaged(fragment, block.damage, sum(part.num_rows for part in parts), "an evaluation set")
            here = here.and_of(block, fragment)
            if block.bad.num_rows and not said:
                said = block.bad.column("message")[0].as_py()
            if block.rows.num_rows:
                _mapped(block.rows, fields, file.name)
                parts.append(_items(block.rows, name, block.line, fragment.first))
        bad = bad.then(here)
    if not parts:
        reason = f"none of its {bad.rows:,} rows is one; the first has {said}" if bad.rows else "it is empty"
        raise InputError(
            f"{file.path}: no evaluation item in it: {reason}. Say which field is which, "
            f"as in   fields: {{question: prompt, answer: target}}"
        )
    return pa.Table.from_batches(parts, ITEM), bad


def _mapped(rows: pa.RecordBatch, fields: Mapping[str, str | None], file: str) -> None:
    """Raise InputError where a field that was mapped is in no row."""
    for ours, theirs in fields.items():
        if theirs is None or ours not in rows.schema.names or rows.column(ours).null_count < rows.num_rows:
            continue
        held = json.loads(next((meta for meta in rows.column("meta").to_pylist() if meta), "{}"))
        filled = [n for n in rows.schema.names if n not in _NOT_ITS_OWN and rows.column(n).null_count < rows.num_rows]
        there = [*(fields.get(name) or name for name in filled), *held]
        raise InputError(
            f"{file}: no row has {theirs!r}, which fields names as the {ours}; its rows have {', '.join(map(repr, there))}"
        )


def _items(rows: pa.RecordBatch, name: str, line: np.ndarray, first: int) -> pa.RecordBatch:
    n = rows.num_rows
    question, context, answer = _texts(rows)
    place = pc.binary_join_element_wise("@", pa.array(line + first + 1).cast(pa.string()), "")
    columns = [
        pa.repeat(pa.scalar(name), n),
        pc.coalesce(rows.column("id"), place),
        pc.fill_null(question, ""),
        pa.nulls(n, pa.string()) if context is None else context,
        pa.nulls(n, pa.string()) if answer is None else answer,
        rows.column("url"),
    ]
    return pa.record_batch(columns, schema=ITEM)


def _texts(rows: pa.RecordBatch) -> tuple[pa.Array, pa.Array | None, pa.Array | None]:
    """Question, context and answer of rows of any kind."""
    names = rows.schema.names
    if "question" in names:
        return rows.column("question"), rows.column("context"), _answer(rows)
    if "text" in names:
        return rows.column("text"), None, None
    if "chosen" in names:
        return joined(rows, "prompt"), None, joined(rows, "chosen")
    messages = rows.column("messages")
    return _said(messages, by_users=True), None, _said(messages, by_users=False)


def _answer(rows: pa.RecordBatch) -> pa.Array:
    """The answer; the choice that `answer_index` names where there is none."""
    answer, index = rows.column("answer"), rows.column("answer_index")
    choices, offsets = flat(rows.column("choices"))
    assert offsets is not None
    at = pc.fill_null(index, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    is_one = (at >= 0) & (at < np.diff(offsets))
    chosen = choices.take(pa.array(np.where(is_one, offsets[:-1] + at, 0), mask=~is_one))
    answer = pc.if_else(pc.equal(pc.utf8_length(pc.fill_null(answer, "")), 0), chosen, answer)
    # Several math sets write every answer as a float, which nobody does in a text.
    return pc.replace_substring_regex(answer, r"^([+-]?\d+)\.0+$", r"\1")


def _said(messages: pa.ListArray, by_users: bool) -> pa.StringArray:
    """What users say, all but what assistants do, or else what assistants say: one string a row."""
    strings, offsets = flat(messages)
    assert offsets is not None and messages.type.value_type == MESSAGE
    role = pc.struct_field(messages.flatten(), "role")
    taken = pc.fill_null(pc.equal(role, "assistant"), False).to_numpy(zero_copy_only=False) != by_users
    ends = np.concatenate([[0], np.cumsum(taken)])[offsets].astype(np.int32)
    lists = pa.ListArray.from_arrays(pa.array(ends), pc.fill_null(strings, "").filter(pa.array(taken)))
    return pc.binary_join(lists, "\n\n")


def _apart(names: list[str]) -> list[str]:
    """The names, those that come again with a number."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return out
