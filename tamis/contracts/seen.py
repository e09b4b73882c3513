"""What stands in a dataset, column by column: what a contract for it can promise.

Seen("lang", "string", rows=9000, nulls=3, distinct=4, values=("de", "en", …), shortest=2, longest=2)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from tamis.contracts.columns import member, named
from tamis.contracts.formats import STRING_FORMATS
from tamis.contracts.json_lines import objects, read_json_lines
from tamis.contracts.model import Property
from tamis.contracts.sources import UNREADABLE, Part
from tamis.contracts.temporal import parsed
from tamis.contracts.types import LOGICAL

FEW = 20
"""Values at most that a contract lists."""

PATTERNS = {
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}$": "a day",
    "^[0-9a-f]{32}$": "32 hexadecimal digits",
    "^[0-9a-f]{40}$": "40 hexadecimal digits",
    "^[0-9a-f]{64}$": "64 hexadecimal digits",
    "^https?://": "an address of the web",
}
"""Forms of text, beside those of `format`, that are told from the values; none matches by chance."""

_FORMATS = ("uuid", "email", "ipv4")


@dataclass
class Seen:
    """A column, a field or the items of an array, over all rows."""

    name: str
    logical: str | None
    """None: nothing a contract has a word for, or values of several types."""
    rows: int = 0
    nulls: int = 0
    distinct: int | None = None
    values: tuple[Any, ...] = ()
    """All of them, sorted, where they are few."""
    low: Any = None
    high: Any = None
    shortest: int | None = None
    """Characters, or items."""
    longest: int | None = None
    form: str | None = None
    """Word of `format` or pattern that all texts have."""
    physical: str | None = None
    said: str = ""
    """Why there is no type, for a comment."""
    items: Seen | None = None
    fields: list[Seen] = field(default_factory=list)


def look(parts: Sequence[Part]) -> list[Seen]:
    """Every column of `parts`. Raises InputError, with the file, where one is damaged."""
    try:
        return _look(parts)
    except UNREADABLE:
        for part in parts:  # which of them it is, polars does not tell
            with part.readable():
                _look([part])
        raise


def _look(parts: Sequence[Part]) -> list[Seen]:
    found: list[Seen] = []
    with _columns(parts) as (lazy, schema, kinds):
        rows = lazy.select(pl.len()).collect(engine="streaming").item()
        for name, dtype in schema.items():
            kind = kinds.get(name)
            seen = _column(lazy.select(named(name)), name, dtype, rows, kind)
            found.append(seen)
    return found


@contextmanager
def _columns(parts: Sequence[Part]) -> Iterator[tuple[pl.LazyFrame, dict[str, pl.DataType], dict[str, _Kind]]]:
    """All rows as one frame with its types, and what JSON Lines had of each column, as long as the block lasts."""
    kinds: dict[str, _Kind] = {}
    for part in parts:
        if part.is_json:
            assert part.path is not None
            _kinds(part.path, kinds)
    properties = [kind.property(name) for name, kind in kinds.items()]
    with TemporaryDirectory(prefix="tamis-init-") as folder:
        frames: list[pl.LazyFrame] = []
        for k, part in enumerate(parts):
            if part.lazy is not None:
                frames.append(part.lazy)
                continue
            assert part.path is not None
            for n, batch in enumerate(read_json_lines(part.path, properties, ())):
                place = Path(folder) / f"{k}-{n:06}.parquet"
                batch.frame.select(
                    named(c).cast(_narrow(t), strict=False) for c, t in batch.frame.schema.items()
                ).write_parquet(place)
                frames.append(pl.scan_parquet(place, glob=False, hive_partitioning=False))
        lazy = frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal_relaxed")
        yield lazy, dict(lazy.collect_schema()), kinds


def _narrow(dtype: Any) -> Any:
    """`dtype` with whole numbers as Parquet can hold them."""
    if isinstance(dtype, pl.List):
        return pl.List(_narrow(dtype.inner))
    if isinstance(dtype, pl.Struct):
        return pl.Struct({f.name: _narrow(f.dtype) for f in dtype.fields})
    return pl.Int64() if dtype == pl.Int128 else dtype


def _column(lazy: pl.LazyFrame, name: str, dtype: Any, rows: int, kind: _Kind | None) -> Seen:
    logical = next((word for word, fits in LOGICAL.items() if fits(dtype)), None)
    logical = "array" if logical == "map" else logical
    seen = Seen(name, logical, rows)
    column = named(name)
    if kind is not None and kind.logical is None:
        seen.logical, seen.said = None, kind.said()
    elif dtype == pl.Null:
        seen.logical, seen.said = None, "every value is null"
    elif logical is None:
        seen.physical = "binary" if dtype == pl.Binary else None
        seen.said = "" if seen.physical else f"{dtype} has no type in a contract"
    seen.nulls = lazy.select(column.null_count()).collect(engine="streaming").item()
    if isinstance(dtype, pl.Array):
        column = column.arr.to_list()
    if seen.logical in ("string", "integer", "number", "boolean", "date", "timestamp"):
        _single(lazy, column, dtype, seen)
    elif seen.logical == "array":
        lengths = lazy.select(a=column.list.len().min(), b=column.list.len().max()).collect(engine="streaming")
        seen.shortest, seen.longest = lengths.row(0)
        inner = lazy.select(column.list.explode(keep_nulls=True, empty_as_null=False).alias("items"))
        count = inner.select(pl.len()).collect(engine="streaming").item()
        if count:
            seen.items = _column(inner, "items", dtype.inner, count, kind.items if kind else None)
    elif seen.logical == "object":
        there = lazy.filter(column.is_not_null())
        count = rows - seen.nulls
        names = [one.name for one in dtype.fields]
        for one in dtype.fields:
            inside = kind.fields.get(one.name) if kind else None
            if kind is not None and inside is None:
                continue
            part = there.select(member(column, one.name, names).alias(one.name))
            seen.fields.append(_column(part, one.name, one.dtype, count, inside))
    return seen


def _single(lazy: pl.LazyFrame, column: pl.Expr, dtype: Any, seen: Seen) -> None:
    value = column.cast(pl.String) if seen.logical == "string" else column
    asked = [value.drop_nulls().n_unique().alias("distinct")]
    if seen.logical == "string":
        length = value.str.len_chars()
        asked += [length.min().alias("shortest"), length.max().alias("longest")]
        forms = {f"format:{f}": STRING_FORMATS[f] for f in _FORMATS} | {p: p for p in PATTERNS}
        asked += [value.str.contains(str(p)).all().alias(f"form:{name}") for name, p in forms.items()]
        moment = value.is_null() | parsed(value, "timestamp", {}).is_not_null()
        asked.append(moment.all().alias("form:timestamp"))
    elif seen.logical != "boolean":
        finite = value.filter(value.is_finite()) if dtype.is_float() else value
        asked += [finite.min().alias("low"), finite.max().alias("high")]
        if dtype.is_float():
            asked.append((~value.is_finite()).any().alias("odd"))
    found = lazy.select(asked).collect(engine="streaming").row(0, named=True)
    seen.distinct = found["distinct"]
    for name in ("low", "high", "shortest", "longest"):
        setattr(seen, name, found.get(name))
    if found.get("odd"):
        seen.low = seen.high = None
    if seen.nulls < seen.rows:
        seen.form = next((n[5:] for n, holds in found.items() if n.startswith("form:") and holds), None)
    if seen.logical == "string" and (seen.distinct or 0) <= FEW:
        seen.values = tuple(
            lazy.select(value.drop_nulls().unique().sort()).collect(engine="streaming").to_series().to_list()
        )


@dataclass
class _Kind:
    """Types that a member of JSON objects has, and how often."""

    counts: dict[str, int] = field(default_factory=dict)
    items: _Kind | None = None
    fields: dict[str, _Kind] = field(default_factory=dict)

    def add(self, value: Any) -> None:
        """Take one value."""
        word = _word(value)
        self.counts[word] = self.counts.get(word, 0) + 1
        if isinstance(value, list):
            self.items = self.items or _Kind()
            for item in value:
                self.items.add(item)
        elif isinstance(value, dict):
            for name, member in value.items():
                self.fields.setdefault(name, _Kind()).add(member)

    @property
    def logical(self) -> str | None:
        """The one type of all values that are not null; None where there are several, or none."""
        words = set(self.counts) - {"null"}
        if words == {"integer", "number"}:
            return "number"
        return words.pop() if len(words) == 1 and words != {"other"} else None

    def said(self) -> str:
        """Why there is no type."""
        words = {w: n for w, n in self.counts.items() if w != "null"}
        return (
            "values of several types: " + ", ".join(f"{w} {n:,}" for w, n in words.items())
            if words
            else "every value is null"
        )

    def property(self, name: str) -> Property:
        """What the values are read as."""
        inner = self.items.property("items") if self.items and self.items.logical else None
        members = tuple(k.property(n) for n, k in self.fields.items() if n) if self.logical == "object" else ()
        return Property(name, name, 0, self.logical, properties=members, items=inner)


def _word(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer" if -(1 << 63) <= value < 1 << 63 else "other"
    return {float: "number", str: "string", list: "array", dict: "object"}[type(value)]


def _kinds(path: Path, kinds: dict[str, _Kind]) -> None:
    for _, row in objects(path):
        for name, value in row.items():
            kinds.setdefault(name, _Kind()).add(value)


PRIVATE = re.compile(
    r"(^|_)(e?mail|phone|tel|mobile|name|first_?name|last_?name|address|street|ip|ip_address|ssn|birth\w*|dob|iban|user|username)s?$",
    re.I,
)
"""Names of columns that are about persons more often than not."""
