"""Which records are meant: by a field and its value, by licence, by id.

meta.email=alice@example.org     a member of meta, or of a list there, is this text
source=crawl-2026-10             a column is this text
text~Alice Adams                 a column holds this text; of messages and lists, one of their texts
any~alice@example.org            any column holds it

Values are text, never patterns. Upper and lower case differ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Literal

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from tamis.errors import UsageError
from tamis.schemas import flat
from tamis.schemas.ids import halves
from tamis.snapshot.fields import member_texts
from tamis.snapshot.names import told

ANY = "any"
"""The field that stands for all columns."""

_RECORD_ID = re.compile(r"[0-9a-fA-F]{32}")


@dataclass(frozen=True)
class Match:
    """Rows whose `field` is (`=`) or holds (`~`) `value`; or, for `license`, names a licence like it (`like`)."""

    field: str
    how: Literal["=", "~", "like"]
    value: str

    def columns(self, schema: pa.Schema) -> list[str]:
        """Those of `schema` it looks at; [] where no row of it can match."""
        if self.field == ANY:
            return [f.name for f in schema if _is_text(f.type) or _holds_texts(f.type)]
        name = "meta" if self.field.startswith("meta.") else self.field
        return [name] if name in schema.names else []

    def __call__(self, batch: pa.RecordBatch) -> np.ndarray:
        """Which rows are meant: (n,) bool. Lines that could not be read as rows (`raw`) are where they hold the value."""
        found = np.zeros(batch.num_rows, np.bool_)
        for name in self.columns(batch.schema):
            found |= self._in(batch.column(name))
        if "raw" in batch.schema.names and self.how != "like":
            found |= self._in_raw(batch.column("raw"))
        return found

    def _in(self, column: pa.Array) -> np.ndarray:
        if self.field.startswith("meta."):
            rows = member_texts(
                _series(column), self.field.removeprefix("meta."), self.value if self.how == "=" else None
            )
            wanted = (
                pl.col("text") == self.value
                if self.how == "="
                else pl.col("text").str.contains(self.value, literal=True)
            )
            found = np.zeros(len(column), np.bool_)
            found[rows.filter(wanted).get_column("row").to_numpy()] = True
            return found
        if _holds_texts(column.type):
            strings, offsets = flat(column)
            assert offsets is not None
            before = np.concatenate([[0], np.cumsum(self._texts(strings))])
            return before[offsets[1:]] > before[offsets[:-1]]  # type: ignore[no-any-return]
        return self._texts(column)

    def _texts(self, column: pa.Array) -> np.ndarray:
        """Which values of a flat column are meant."""
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pa.types.is_fixed_size_binary(column.type):
            wanted = self.value.lower()
            if self.how != "=" or not _RECORD_ID.fullmatch(wanted):
                return np.zeros(len(column), np.bool_)
            hits = pc.equal(column, pa.scalar(bytes.fromhex(wanted), column.type))
        elif self.how == "like":
            hits = _licences(column, self.value)
        else:
            texts = column if _is_text(column.type) else column.cast(pa.string())
            hits = pc.equal(texts, self.value) if self.how == "=" else pc.match_substring(texts, self.value)
        found: np.ndarray = pc.fill_null(hits, False).to_numpy(zero_copy_only=False)
        return found

    def _in_raw(self, column: pa.Array) -> np.ndarray:
        spelled = {self.value, *(json.dumps(self.value, ensure_ascii=a)[1:-1] for a in (True, False))}
        hits = [pc.fill_null(pc.match_substring(column, text.encode()), False) for text in sorted(spelled)]
        found: np.ndarray = np.any([h.to_numpy(zero_copy_only=False) for h in hits], axis=0)
        return found


def match(spelled: str) -> Match:
    """`field=value` or `field~value`. Raises UsageError."""
    found = re.match(r"([^=~]+)([=~])(.+)", spelled, re.DOTALL)
    if found is None:
        raise UsageError(
            f"{spelled!r} names no rows: write field=value (is) or field~value (holds), as meta.email=alice@example.org"
        )
    field, how, value = found.groups()
    if field == ANY and how == "=":
        how = "~"
    return Match(field.strip(), how, told(value))  # type: ignore[arg-type]


def record(spelled: str) -> Match:
    """A record id (32 hexadecimal digits), else a row's own id."""
    return Match("record_id" if _RECORD_ID.fullmatch(spelled) else "id", "=", told(spelled))


def source(name: str) -> Match:
    """Rows of a source."""
    return Match("source", "=", told(name))


def licence(name: str) -> Match:
    """Rows whose licence expression names one like it: an SPDX id, `*` for any letters, case set aside."""
    return Match("license", "like", told(name))


def meant(batch: pa.RecordBatch, matches: Iterable[Match]) -> np.ndarray:
    """Rows that any of `matches` means: (n,) bool."""
    found = np.zeros(batch.num_rows, np.bool_)
    for one in matches:
        found |= one(batch)
    return found


def spelled_ids(matches: Iterable[Match]) -> np.ndarray:
    """The record ids that `matches` name outright: (n, 2) uint64. They need not be in any snapshot: a parent may be gone."""
    ids = [bytes.fromhex(m.value) for m in matches if m.field == "record_id" and _RECORD_ID.fullmatch(m.value)]
    return halves(pa.array(ids, pa.binary(16)))


def by_record(matches: Iterable[Match]) -> bool:
    """Whether any of `matches` names a record id."""
    return any(m.field == "record_id" for m in matches)


def demand_fields(matches: Iterable[Match], schemas: Iterable[pa.Schema]) -> None:
    """Raises UsageError where a field of `matches` is a column of none of `schemas`."""
    schemas = list(schemas)
    names = sorted({name for schema in schemas for name in schema.names})
    for one in matches:
        if schemas and not any(one.columns(schema) for schema in schemas):
            near = get_close_matches(one.field, [*names, ANY], 1, 0.5)
            meant = f"did you mean {near[0]!r}? " if near else ""
            raise UsageError(
                f"no column is called {one.field!r}; {meant}there are {', '.join(names)}, {ANY}, and meta.NAME for a member of "
                "what else a row held"
            )


def _licences(column: pa.Array, pattern: str) -> pa.Array:
    coded = column.dictionary_encode()
    fits = [any(fnmatchcase(name, pattern.lower()) for name in _named(text)) for text in coded.dictionary.to_pylist()]
    return pa.array(fits, pa.bool_()).take(coded.indices) if fits else pa.nulls(len(column), pa.bool_())


def _named(expression: str | None) -> list[str]:
    """The licences an expression names, and the expression itself, in lower case."""
    text = (expression or "").lower()
    return [text, *(part for part in re.split(r"[\s()]+", text) if part not in ("and", "or", "with", ""))]


def _series(column: pa.Array) -> pl.Series:
    found = pl.from_arrow(column)
    assert isinstance(found, pl.Series)
    return found.cast(pl.String)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _holds_texts(kind: pa.DataType) -> bool:
    if not pa.types.is_list(kind):
        return False
    inner = kind.value_type
    return _is_text(inner) or (pa.types.is_struct(inner) and inner.get_field_index("content") >= 0)
