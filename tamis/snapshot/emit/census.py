"""What documents tell of rows: counts, and nothing of any text.

    census = Census()
    census.add(batch, "train")              as the rows go by; no second reading
    census.groups["web", "CC-BY-4.0"]       Count(rows=120, bytes=88_201)
    census.domains["example.org"]           Count(rows=7, bytes=4_310)

Bytes are those of the text fields in UTF-8.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.schemas.texts import flat, text_fields

HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?:[Ww]{3}\.)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^/?#:@\s]+)"
"""Host of a URL; user, password, port and a leading www. left out."""

DAY = r"^\d{4}-\d{2}-\d{2}"

LONGEST_NAME = 120
"""Characters of a licence, source or host that a document quotes; what is longer may be text, and its digest is given."""

LANGUAGE = ("language", "lang")
"""Columns that name the language of a row, the first that is there counts; a member `lang` of meta does not."""

Key = TypeVar("Key", bound=Hashable)


class Count(NamedTuple):
    """How many rows, and how many bytes of text they hold."""

    rows: int = 0
    bytes: int = 0

    def __add__(self, other: Count) -> Count:  # type: ignore[override]
        return Count(self.rows + other.rows, self.bytes + other.bytes)


@dataclass
class Census:
    """Counts over all rows seen so far."""

    splits: dict[str, Count] = field(default_factory=dict)
    groups: dict[tuple[str, str | None], Count] = field(default_factory=dict)
    """by source and licence, as declared"""
    domains: dict[str, Count] = field(default_factory=dict)
    """by host of `url`"""
    languages: dict[str, Count] = field(default_factory=dict)
    """by language; empty where no column says it"""
    first_day: str | None = None
    """smallest and largest day of `collected_at`"""
    last_day: str | None = None
    undated: int = 0
    """rows whose `collected_at` is no ISO day"""

    @property
    def total(self) -> Count:
        """All rows."""
        return sum(self.splits.values(), Count())

    @property
    def sources(self) -> dict[str, Count]:
        """By source, in order of name."""
        return _by(self.groups, 0)

    @property
    def licenses(self) -> dict[str | None, Count]:
        """By licence as declared, most rows first."""
        return dict(sorted(_by(self.groups, 1).items(), key=lambda item: (-item[1].rows, item[0] or "")))

    def split(self, name: str) -> Count:
        """Rows of one split."""
        return self.splits.get(name, Count())

    def add(self, batch: pa.RecordBatch, split: str | None = None) -> None:
        """Count the rows of `batch`, which has the columns of its kind; None: of the splits that its column names."""
        bytes = text_bytes(batch)
        if split is None and "split" in batch.schema.names:
            _count(self.splits, bytes, _texts(batch, "split"))
        else:
            split = split or "train"
            self.splits[split] = self.split(split) + Count(batch.num_rows, int(bytes.sum()))
        sources, licenses = _texts(batch, "source"), _texts(batch, "license")
        _count(self.groups, bytes, sources, licenses)
        if "url" in batch.schema.names:
            hosts = pc.struct_field(pc.extract_regex(_texts(batch, "url"), HOST), "host")
            _count(self.domains, bytes, pc.utf8_lower(hosts))
        if (named := next((name for name in LANGUAGE if name in batch.schema.names), None)) is not None:
            _count(self.languages, bytes, _texts(batch, named))
        self._date(_texts(batch, "collected_at"))

    def _date(self, column: pa.Array) -> None:
        dated = pc.fill_null(pc.match_substring_regex(column, DAY), False)
        days = pc.utf8_slice_codeunits(column.filter(dated), 0, 10)
        self.undated += len(column) - len(days)
        if len(days):
            found = pc.min_max(days)
            self.first_day = min(filter(None, (self.first_day, found["min"].as_py())))
            self.last_day = max(filter(None, (self.last_day, found["max"].as_py())))


def text_bytes(batch: pa.RecordBatch) -> np.ndarray:
    """(n,) int64: bytes of the text fields of every row."""
    found = np.zeros(batch.num_rows, np.int64)
    for name in text_fields(batch.schema):
        strings, offsets = flat(batch.column(name))
        sizes = pc.fill_null(pc.binary_length(strings), 0).to_numpy(zero_copy_only=False).astype(np.int64)
        if offsets is None:
            found += sizes
        else:
            ends = np.concatenate([[0], np.cumsum(sizes)])
            found += ends[offsets[1:]] - ends[offsets[:-1]]
    return found


def shown(name: str | None, unset: str = "UNKNOWN") -> str:
    """A name from a row as a document may quote it: one line, no control characters, not as long as a text."""
    if name is None:
        return unset
    line = " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", " ", name).split())
    if len(line) > LONGEST_NAME:
        digest = hashlib.sha256(name.encode()).hexdigest()[:12]
        return f"({len(name)} characters, sha256 {digest}…)"
    return line or unset


def largest(counts: Mapping[Key, Count], most: int) -> list[tuple[Key, Count]]:
    """The `most` entries with most bytes, largest first; ties by name."""
    return sorted(counts.items(), key=lambda item: (-item[1].bytes, -item[1].rows, str(item[0])))[:most]


def _by(groups: Mapping[tuple[Any, ...], Count], place: int) -> dict[Any, Count]:
    found: dict[Any, Count] = {}
    for key in sorted(groups, key=lambda key: str(key[place])):
        found[key[place]] = found.get(key[place], Count()) + groups[key]
    return found


def _texts(batch: pa.RecordBatch, name: str) -> pa.Array:
    """A column as strings, all null where there is none."""
    if name not in batch.schema.names:
        return pa.nulls(batch.num_rows, pa.string())
    column = batch.column(name)
    return column if column.type == pa.string() else column.cast(pa.string())


def _count(into: dict[Any, Count], bytes: np.ndarray, *keys: pa.Array) -> None:
    """Add the rows of each key; of one column those that are null are left out."""
    names = [f"k{k}" for k in range(len(keys))]
    table = pa.table([*keys, pa.array(bytes)], names=[*names, "bytes"])
    counted = table.group_by(names).aggregate([("bytes", "sum"), ("bytes", "count")])
    for row in zip(*(column.to_pylist() for column in counted.columns), strict=True):
        key = row[0] if len(keys) == 1 else row[: len(keys)]
        if key is not None:
            into[key] = into.get(key, Count()) + Count(row[-1], row[-2])
