"""What `semantic` and `topics` share: a model, and the vectors of all rows, written once and read block by block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.curate.semantic.encoder import embedded, matrix
from tamis.curate.semantic.place import Place, place_of
from tamis.desk import Desk, Tables
from tamis.errors import UsageError
from tamis.schemas import joined
from tamis.stage import Corpus


class Block(NamedTuple):
    """Vectors at the places from `low` up to, but not including, `high`."""

    low: int
    high: int


@dataclass(frozen=True)
class Embedded(Corpus):
    """A stage on embeddings.

    model  folder of a model, a package that holds one, or its name in the cache of the hub; nothing is downloaded
    on     field or fields to embed; None: all texts of the row, with a blank line between them
    """

    model: str = ""
    on: str | tuple[str, ...] | None = None

    sketches: ClassVar[pa.Schema] = pa.schema([pa.field("vector", pa.large_binary())])
    """On the grid of tamis.kernels.vectors; null where the model sees nothing."""
    stored: ClassVar[bool] = False
    revisits: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if isinstance(self.on, list):
            object.__setattr__(self, "on", tuple(self.on))
        if self.on is not None and not self.on:
            raise UsageError(f"{self.name}: on is {self.on!r}; name a field or several, or leave it out for all texts")

    @property
    def reads(self) -> pa.Schema:
        """The fields of `on`."""
        on = () if self.on is None else (self.on,) if isinstance(self.on, str) else self.on
        return pa.schema([pa.field(name, pa.null()) for name in on])

    @property
    def place(self) -> Place:
        """Where the model lies."""
        return place_of(self.model, self.base, self.name)

    @property
    def stands_on(self) -> dict[str, str]:
        """The model: its digest."""
        return {"model": self.place.digest}

    def vectors(self, batch: pa.RecordBatch) -> pa.Array:
        """The vector of every row."""
        return embedded(joined(batch, self.on), self.place)

    def sketch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The vector of every row."""
        return pa.record_batch([self.vectors(batch)], schema=self.sketches)

    def index(self, sketched: pa.Table) -> Tables:
        """`vectors` by row, of rows that have one."""
        here = sketched.filter(sketched.column("vector").is_valid()).combine_chunks()
        return {"vectors": here.select(["row", "vector"])}


def rows_of(desk: Desk, fragment: int) -> np.ndarray:
    """Places in `fragment`, ascending (k,) int64, of the records that are still in and have a vector."""
    row: np.ndarray = desk.sketch(fragment, "vectors").column("row").to_numpy().astype(np.int64)
    alive: np.ndarray = row[desk.alive(fragment)[row]]
    return alive


def ordinals_of(desk: Desk) -> np.ndarray:
    """Their ordinals in all fragments: (n,) int64, ascending."""
    found = [rows_of(desk, f) + int(desk.bases[f]) for f in range(len(desk.bases) - 1)]
    return np.concatenate([np.zeros(0, np.int64), *found])


def take(desk: Desk, ordinals: np.ndarray) -> np.ndarray:
    """(n, d) int16: the vectors of records at `ordinals` (n,), in any order; all must have one."""
    order = np.argsort(ordinals, kind="stable")
    cuts = np.searchsorted(ordinals[order], desk.bases)
    parts = []
    for fragment in np.flatnonzero(np.diff(cuts)).tolist():
        table = desk.sketch(fragment, "vectors")
        rows = ordinals[order[cuts[fragment] : cuts[fragment + 1]]] - int(desk.bases[fragment])
        at = np.searchsorted(table.column("row").to_numpy(), rows)
        parts.append(matrix(table.column("vector"))[at])
    if not parts:
        return np.zeros((0, 0), np.int16)
    found = np.empty((len(ordinals), parts[0].shape[1]), np.int16)
    found[order] = np.concatenate(parts)
    return found


def places_in(table: pa.Table, first: int, ordinal: np.ndarray) -> pa.Array:
    """Where `table` (`row`, ascending, of a fragment whose first ordinal is `first`) has each of `ordinal` (n,): (n,) int64.

    Null where it has none.
    """
    row, known = ordinal - first, table.column("row").to_numpy()
    if not len(known):
        return pa.nulls(len(row), pa.int64())
    at = np.minimum(np.searchsorted(known, row), len(known) - 1)
    return pa.array(at, mask=known[at] != row)


def as_column(vectors: np.ndarray) -> pa.Array:
    """Vectors (n, d) int16 as their bytes."""
    ends = np.arange(len(vectors) + 1, dtype=np.int64) * (2 * vectors.shape[1])
    data = pa.py_buffer(np.ascontiguousarray(vectors).tobytes())
    return pa.Array.from_buffers(pa.large_binary(), len(vectors), [None, pa.py_buffer(ends), data])


def blocks(n: int, size: int) -> Sequence[Block]:
    """Places 0 to n - 1 in blocks of `size`."""
    return [Block(low, min(n, low + size)) for low in range(0, n, size)]
