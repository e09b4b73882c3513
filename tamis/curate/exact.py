"""Exact duplicates: of all records with the same text, or the same value of any field, one stays.

    exact@1: {}                                   the same text, whatever its case, white space and composition
    exact@1: {normalise: false}                   the same bytes
    exact@1: {on: url, keep: longest}             the same page, the longest copy of it
    exact@1: {on: prompt, keep: "best:score"}     the same question, the answer with the highest score

Two records are the same when their 128-bit keys are: that any two of 10^12 texts share one by chance has odds of 1.5 in
10^15. Keys are made string by string, so that ("ab", "c") is not ("a", "bc"); a message is its role and its content.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.curate import survivor
from tamis.curate.hot import Cut, cut, entries_of
from tamis.desk import Desk, KeyRange, Tables
from tamis.errors import UsageError
from tamis.kernels.fold import folded_keys
from tamis.kernels.hash import SECOND_SEED, bytes_of, key_all, keys
from tamis.kernels.url import normalised
from tamis.schemas import flat, text_fields
from tamis.schemas.ids import halves
from tamis.schemas.rows import RECORD_ID
from tamis.stage import RESOLUTION, Corpus, Rule, by_rule

ENTRY_BYTES = 256
"""Memory for each record of a range of keys while it is resolved."""


@dataclass(frozen=True)
class Exact(Corpus):
    """Keep one of all records that are the same in `on`: by default, in all their texts.

    on         field or fields to compare; None: all texts of the row. Where they are all empty, it is never compared.
    normalise  compare without regard to case (simple lower case), runs of white space and Unicode composition (NFC);
               `url`: see tamis.kernels.url. False: byte for byte.
    keep       which one stays: `first`, `longest`, `newest`, `license` or `best:COLUMN`; see tamis.curate.survivor
    """

    on: str | tuple[str, ...] | None = None
    normalise: bool = True
    keep: str = "first"

    name: ClassVar[str] = "exact"
    sketches: ClassVar[pa.Schema] = pa.schema([pa.field("key", RECORD_ID), pa.field("rank", pa.float64())])
    """`rank`: the highest stays."""
    measured_by: ClassVar[frozenset[str]] = frozenset(("on", "normalise", "keep"))

    def __post_init__(self) -> None:
        if isinstance(self.on, list):
            object.__setattr__(self, "on", tuple(self.on))
        if self.on is not None and not self.on:
            raise UsageError(f"exact: on is {self.on!r}; name a field or several, or leave it out to compare all texts")
        survivor.check(self.keep, "exact")

    @property
    def reads(self) -> pa.Schema:
        """The fields of `on` and the column that `keep` looks at, whatever their types: `sketch` knows which will do."""
        on = () if self.on is None else (self.on,) if isinstance(self.on, str) else self.on
        fields = {name: pa.null() for name in on}
        fields |= {column.name: column.type for column in survivor.columns(self.keep)}
        return pa.schema(list(fields.items()))

    @property
    def rules(self) -> tuple[Rule, ...]:
        """One rule; its value is the similarity."""
        return (Rule("duplicate", "drop", says="the same as a record that stays"),)

    def sketch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """`key` and `rank` of every row."""
        parts = [self._field(name, batch.column(name)) for name in text_fields(batch.schema, self.on)]
        pairs, filled = parts[0]
        if len(parts) > 1:
            pairs = _hashed(np.concatenate([pairs for pairs, _ in parts], axis=1), None)
            filled = np.logical_or.reduce([filled for _, filled in parts])
        key = keys(pairs, None if filled.all() else pa.array(filled))
        rank = survivor.rank(batch, self.keep, "exact")
        return pa.record_batch([key, pa.array(rank, pa.float64())], schema=self.sketches)

    def settle(self, desk: Desk) -> None:
        """Ranges of keys, those that too many records share a window of the input at a time."""
        desk.run("resolved", cut(desk, desk.ranges(entry_bytes=ENTRY_BYTES), ENTRY_BYTES))

    def spread(self, desk: Desk, number: int, ranges: Sequence[KeyRange]) -> Tables:
        """See tamis.curate.hot."""
        return {"spread": entries_of(ranges, desk.sketch(number))}

    def best(self, desk: Desk, number: int, window: Cut) -> Tables:
        """The record of each key that stays, were a window all there is."""
        met = desk.meet(window.keys, among=range(window.first, window.end))
        return {"best": met.filter(pc.invert(pc.is_in(met.column("ordinal"), self.resolve(met).column("ordinal"))))}

    def resolved(self, desk: Desk, number: int, keys: KeyRange | Cut) -> Tables:
        """Resolve the records whose keys are in a range, or those of a window that are."""
        if isinstance(keys, KeyRange):
            return super().resolved(desk, number, keys)
        met = desk.meet(keys.keys, among=range(keys.first, keys.end))
        low, high = (int(desk.bases[k]) for k in (keys.first, keys.end))
        others = [_outside(desk.table("best", k), low, high) for k in keys.best]
        # In the order of the input, as `resolve` wants them: what is before the window, the window, what is after it.
        both = pa.concat_tables([met, *others]).sort_by("ordinal")
        return {"resolved": _outside(self.resolve(both.combine_chunks()), low, high, wanted=False)}

    def resolve(self, sketches: pa.Table) -> pa.Table:
        """Who lost, to whom."""
        words = halves(sketches.column("key"))
        rows = np.flatnonzero(sketches.column("key").is_valid().to_numpy())
        rows = rows[_shared(words[rows, 0])]
        rank = sketches.column("rank").to_numpy()[rows]
        # `rows` ascends as the ordinals do, and lexsort is stable: the first of a group is the best, then the earliest.
        rows = rows[np.lexsort((-rank, words[rows, 1], words[rows, 0]))]
        starts = np.ones(len(rows), np.bool_)
        starts[1:] = (words[rows[1:]] != words[rows[:-1]]).any(axis=1)
        survivor = rows[np.flatnonzero(starts)[np.cumsum(starts) - 1]] if len(rows) else rows
        lost = np.flatnonzero(~starts)
        lost = lost[np.argsort(rows[lost])]
        n = len(lost)
        columns = [
            sketches.column("ordinal").take(pa.array(rows[lost])),
            by_rule("duplicate", n),
            pa.array(np.ones(n, np.float32)),
            sketches.column("record_id").take(pa.array(survivor[lost])),
        ]
        return pa.table(columns, schema=RESOLUTION)

    def _field(self, name: str, column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Of one field of every row: key (n, 2) uint64, and whether anything is in it (n,) bool."""
        if not pa.types.is_list(column.type):
            return self._strings(name, _as_strings(name, column))
        strings, offsets = flat(column)
        assert offsets is not None
        pairs, filled = self._strings(name, _as_strings(name, strings))
        if pa.types.is_struct(column.type.value_type):
            roles, _ = self._strings(name, pc.struct_field(column.flatten(), "role"))
            pairs = np.concatenate([roles, pairs], axis=1)
        count = np.concatenate([[0], np.cumsum(filled)])
        return _hashed(pairs, offsets), count[offsets[1:]] > count[offsets[:-1]]

    def _strings(self, name: str, strings: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        if self.normalise and name == "url":
            strings = normalised(strings)
        elif self.normalise and not _is_binary(strings.type):
            return folded_keys(strings)
        strings = pc.fill_null(strings, b"" if _is_binary(strings.type) else "") if strings.null_count else strings
        data, offsets = bytes_of(strings)
        pairs = np.empty((len(strings), 2), np.uint64)
        key_all(data, offsets, np.uint64(SECOND_SEED), pairs)
        return pairs, np.diff(offsets) > 0


def _outside(table: pa.Table, low: int, high: int, wanted: bool = True) -> pa.Table:
    """Rows of `table` whose ordinals are below `low` or not below `high`; where that is not `wanted`, the others."""
    ordinal = table.column("ordinal").to_numpy()
    return table.filter(pa.array(((ordinal < low) | (ordinal >= high)) == wanted))


def _hashed(pairs: np.ndarray, offsets: np.ndarray | None) -> np.ndarray:
    """One key (n, 2) uint64 of several: of rows `offsets[i]:offsets[i + 1]` of `pairs` (m, k) uint64, or of each."""
    width = pairs.shape[1] * 8
    if offsets is None:
        offsets = np.arange(len(pairs) + 1)
    out = np.empty((len(offsets) - 1, 2), np.uint64)
    data = np.ascontiguousarray(pairs).reshape(-1).view(np.uint8)
    key_all(data, offsets.astype(np.int64) * width, np.uint64(SECOND_SEED), out)
    return out


def _shared(words: np.ndarray) -> np.ndarray:
    """Positions, ascending, of the numbers in `words` (n,) uint64 that occur more than once."""
    order = np.argsort(words)
    same = words[order[1:]] == words[order[:-1]]
    twice = np.zeros(len(words), np.bool_)
    twice[order[1:][same]] = True
    twice[order[:-1][same]] = True
    return np.flatnonzero(twice)


def _is_binary(type: pa.DataType) -> bool:
    return bool(pa.types.is_binary(type) or pa.types.is_large_binary(type))


def _as_strings(name: str, column: pa.Array) -> pa.Array:
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type) or _is_binary(column.type):
        return column
    try:
        return column.cast(pa.binary() if pa.types.is_fixed_size_binary(column.type) else pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as odd:
        raise UsageError(f"exact: on: {name!r} is {column.type}; it can be text, a number or a list of either") from odd
