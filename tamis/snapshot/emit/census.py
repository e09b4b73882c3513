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
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.schemas.constant import constant
from tamis.schemas.texts import flat, text_fields
from tamis.snapshot.emit.tally import Count, Tally

HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?:[Ww]{3}\.)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^/?#:@\s]+)"
"""Host of a URL; user, password, port and a leading www. left out."""

DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.A)

LONGEST_NAME = 120
"""Characters of a licence, source or host that a document quotes; what is longer may be text, and its digest is given."""

LANGUAGE = ("language", "lang")
"""Columns that name the language of a row, the first that is there counts; a member `lang` of meta does not."""


class Census:
    """Counts over all rows seen so far."""

    def __init__(self) -> None:
        self._splits, self._groups, self._domains, self._languages = Tally(), Tally(), Tally(), Tally()
        self.first_day: str | None = None
        """smallest and largest day of `collected_at`"""
        self.last_day: str | None = None
        self.undated = 0
        """rows whose `collected_at` is no ISO day"""

    @property
    def splits(self) -> dict[str, Count]:
        """By split; one without rows is not there."""
        return self._splits.counts()

    @property
    def groups(self) -> dict[tuple[str, str | None], Count]:
        """By source and licence, as declared."""
        return self._groups.counts()

    @property
    def domains(self) -> dict[str, Count]:
        """By host of `url`."""
        return self._domains.counts()

    @property
    def languages(self) -> dict[str, Count]:
        """By language; empty where no column says it."""
        return self._languages.counts()

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
        named = split is None and "split" in batch.schema.names
        self._splits.add(
            bytes, _texts(batch, "split") if named else pa.repeat(constant(split or "train"), batch.num_rows)
        )
        self._groups.add(bytes, _texts(batch, "source"), _texts(batch, "license"))
        if "url" in batch.schema.names:
            hosts = pc.struct_field(pc.extract_regex(_texts(batch, "url"), HOST), "host")
            self._domains.add(bytes, pc.utf8_lower(hosts))
        if (column := next((name for name in LANGUAGE if name in batch.schema.names), None)) is not None:
            self._languages.add(bytes, _texts(batch, column))
        self._date(_texts(batch, "collected_at"))

    def _date(self, column: pa.Array) -> None:
        days = pc.value_counts(pc.utf8_slice_codeunits(column, 0, 10))
        for day, rows in zip(*(days.field(k).to_pylist() for k in range(2)), strict=True):
            if day is None or not DAY.fullmatch(day):
                self.undated += rows
            else:
                self.first_day = min(self.first_day or day, day)
                self.last_day = max(self.last_day or day, day)


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
