"""Rows and bytes counted by key, in Arrow: a key costs Python something once, at the end."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

MERGED = 1 << 17
"""Rows that are held back before they are merged into the counts."""

Key = TypeVar("Key", bound=Hashable)


class Count(NamedTuple):
    """How many rows, and how many bytes of text they hold."""

    rows: int = 0
    bytes: int = 0

    def __add__(self, other: Count) -> Count:  # type: ignore[override]
        return Count(self.rows + other.rows, self.bytes + other.bytes)


class Tally:
    """Counts by the values of one or more columns."""

    def __init__(self) -> None:
        self._counted: list[pa.Table] = []
        self._waiting = 0
        self._found: dict[Any, Count] | None = None

    def add(self, bytes: np.ndarray, *keys: pa.Array) -> None:
        """Count rows. bytes (n,) int64; keys: n values each."""
        self._found = None
        rows = pa.array(np.ones(len(bytes), np.int64))
        names = [f"key{k}" for k in range(len(keys))]
        self._counted.append(pa.table([*keys, rows, pa.array(bytes)], names=[*names, "rows", "bytes"]))
        self._waiting += len(bytes)
        if self._waiting >= MERGED:
            self._merge()

    def counts(self) -> dict[Any, Count]:
        """By key, in order of key; a key of one column is its value and never null, one of several is a tuple."""
        if self._found is None:
            self._found = self._told()
        return self._found

    def _told(self) -> dict[Any, Count]:
        self._merge()
        if not self._counted:
            return {}
        *keys, rows, bytes = (column.to_pylist() for column in self._counted[0].columns)
        names = keys[0] if len(keys) == 1 else list(zip(*keys, strict=True))
        found = {k: Count(*c) for k, *c in zip(names, rows, bytes, strict=True) if k is not None}
        return {key: found[key] for key in sorted(found, key=str)}

    def _merge(self) -> None:
        if self._counted:
            table = pa.concat_tables(self._counted)
            names = table.schema.names[:-2]
            merged = table.group_by(names).aggregate([("rows", "sum"), ("bytes", "sum")])
            self._counted = [merged.rename_columns([*names, "rows", "bytes"])]
        self._waiting = 0


def largest(counts: Mapping[Key, Count], most: int) -> list[tuple[Key, Count]]:
    """The `most` entries with most bytes, largest first; ties by name."""
    return sorted(counts.items(), key=lambda item: (-item[1].bytes, -item[1].rows, str(item[0])))[:most]
