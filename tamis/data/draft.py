"""Rows of JSON on their way to a kind: which members have been taken, and what is wrong with which row."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.data.jsonl import JsonRows
from tamis.data.shapes import SAYS, Fields
from tamis.kernels.grammar import NULL, STRING

Says = str | Callable[[int], str]
"""What is wrong, or a function that says it of a row."""


class Refusal(NamedTuple):
    """Why rows were refused: a rule, and what to say of a row."""

    rule: str
    says: Says

    def of(self, row: int) -> str:
        """What to say of `row`."""
        return self.says if isinstance(self.says, str) else self.says(row)


class Draft:
    """Fields of m rows, taken one by one. What is left in the end is `meta`; the first thing wrong with a row counts.

    used     (m, k) bool   whether the k-th of `fields.wanted` was taken
    refused  (m,) int16    position in `refusals`, -1: nothing is wrong
    remains                what is left of members that were taken in part: name, and JSON or null
    """

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        self.used = np.zeros((fields.rows.lines, len(fields.wanted)), np.bool_)
        self.refused = np.full(fields.rows.lines, -1, np.int16)
        self.refusals: list[Refusal] = []
        self.remains: list[tuple[str, pa.StringArray]] = []

    def refuse(self, rows: np.ndarray, rule: str, says: Says) -> None:
        """Refuse `rows`, (m,) bool, but for those that are refused already."""
        rows = rows & (self.refused < 0)
        if rows.any():
            self.refused[rows] = len(self.refusals)
            self.refusals.append(Refusal(rule, says))

    def use(self, field: str, rows: np.ndarray) -> None:
        """Take `field` of `rows`, (m,) bool, out of what is left."""
        which = self.fields.which(field)
        for k, name in enumerate(self.fields.names[field]):
            self.used[:, self.fields.wanted.index(name)] |= rows & (which == k)

    def rest(self) -> pa.StringArray:
        """All that was not taken, as one JSON object; null where nothing is left."""
        found = self.fields.rows.rest(self.used)
        for name, left in self.remains:
            found = with_member(found, name, left)
        return found

    def string(self, field: str, rows: np.ndarray) -> pa.StringArray:
        """The string under `field`, null where there is none; `rows` where something else stands there are refused."""
        kinds = self.fields.type(field)
        self.refuse(
            rows & (kinds > NULL) & (kinds != STRING),
            "not_text",
            lambda row: f"{self.name(field, row)} is {SAYS[kinds[row]]}; a string was wanted",
        )
        taken = rows & (kinds == STRING)
        self.use(field, taken | (rows & (kinds == NULL)))
        return self._text(field, taken)

    def scalar(self, field: str, rows: np.ndarray) -> pa.StringArray:
        """The string, number or boolean under `field` in `rows` as text; null where anything else is, which is left."""
        kinds = self.fields.type(field)
        self.use(field, rows & (kinds <= STRING))
        return self.peek(field, rows)

    def peek(self, field: str, rows: np.ndarray) -> pa.StringArray:
        """What `scalar` gives, and it stays where it is."""
        kinds = self.fields.type(field)
        return self._text(field, rows & (kinds > NULL) & (kinds <= STRING))

    def name(self, field: str, row: int) -> str:
        """The name `field` was found under, in quotes."""
        names = self.fields.names[field]
        return repr(names[self.fields.which(field)[row]] if names else field)

    def _text(self, field: str, taken: np.ndarray) -> pa.StringArray:
        """Text of `field` in the rows of `taken`, null elsewhere; those with half a surrogate pair are refused."""
        rows, which, text = self.fields.rows, self.fields.which(field), None
        for k, name in enumerate(self.fields.names[field]):
            here = taken & (which == k)
            if not here.any():
                continue
            self.refuse(
                here & rows.lone_surrogates(name),
                "lone_surrogate",
                f"{name!r} has half a surrogate pair (\\ud800 to \\udfff), which no UTF-8 text can hold",
            )
            found = only(rows.text(name), here)
            text = found if text is None else pc.coalesce(text, found)
        return pa.nulls(rows.lines, pa.string()) if text is None else text


def only(strings: pa.StringArray, rows: np.ndarray) -> pa.StringArray:
    """`strings` in `rows`, null elsewhere. rows (m,) bool"""
    if len(strings) - strings.null_count == np.count_nonzero(rows):
        return strings
    return pc.if_else(pa.array(rows), strings, None)


def with_member(objects: pa.StringArray, name: str, values: pa.StringArray) -> pa.StringArray:
    """JSON `objects`, null where they have no member, with `values` (JSON; null: none) under `name` at the end."""
    member = pc.binary_join_element_wise(json.dumps(name, ensure_ascii=False), values, ":")
    alone = pc.binary_join_element_wise("{", member, "}", "")
    among = pc.binary_join_element_wise(pc.utf8_slice_codeunits(objects, 0, -1), ",", member, "}", "")
    return pc.coalesce(among, alone, objects)


def lines_of(texts: pa.StringArray, wanted: Sequence[str]) -> JsonRows:
    """The JSON objects of `texts` read anew, one a row; a null is an object without members."""
    block = pc.binary_join_element_wise(pc.fill_null(texts, "{}"), "\n", "")
    return JsonRows(block.buffers()[2] or b"", wanted)
