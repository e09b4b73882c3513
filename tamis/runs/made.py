"""Rows that a run made: where each lies, what it was made of, and what was made of others.

derived/002-part-00000.parquet   rows made at step 2, as they were made; after those of the input, and of steps before
lineage/step-002.parquet         what each was made of
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamis.data.parquet import read_table
from tamis.runs.folder import Run
from tamis.schemas.rows import RECORD_ID

BATCH = 1024


class Part(NamedTuple):
    """A file of rows made at `step`; `first` is the place of its first row among all records of the run."""

    path: Path
    step: int
    first: int
    rows: int


class Kin(NamedTuple):
    """A parent or a child of a record, how the child was made, and at which step."""

    record_id: str
    kind: str
    step: int


@dataclass(frozen=True)
class MadeRows:
    """What `run` made."""

    run: Run

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The files, in the order of their rows."""
        found, first = [], sum(file["rows"] for file in self.run.facts["inputs"])
        for file in self.run.facts.get("derived", ()):
            found.append(Part(self.run.file(file["file"]), file["step"], first, file["rows"]))
            first += file["rows"]
        return tuple(found)

    def part(self, ordinal: int) -> Part | None:
        """The file that holds the record at place `ordinal`; None: it was read."""
        return next((part for part in self.parts if part.first <= ordinal < part.first + part.rows), None)

    def born(self, ordinal: int) -> int:
        """The step at which the record at place `ordinal` was made; 0: it was read."""
        part = self.part(ordinal)
        return part.step if part else 0

    def born_of(self, record_id: bytes) -> int:
        """The step at which a record was made; 0: it was not."""
        found = self._found(record_id)
        return found[0].step if found else 0

    def place_of(self, record_id: bytes) -> int | None:
        """The place of a row that was made among all records; None: it was not made, or is gone."""
        found = self._found(record_id)
        return int(self._places(found[0], found[2])[found[1]]) if found else None

    def _found(self, record_id: bytes) -> tuple[Part, int, int] | None:
        """The file that holds a row made, the number of its row there, and of how many."""
        wanted = pa.scalar(record_id, RECORD_ID)
        for part in self.parts:
            column = read_table(part.path, columns=["record_id"]).column(0)
            if (row := pc.index(column, wanted).as_py()) >= 0:
                return part, row, len(column)
        return None

    def named(self, own: str) -> list[bytes]:
        """Ids of the rows whose own id is `own`."""
        tables = (pq.read_table(p.path, columns=["record_id"], filters=[("id", "=", own)]) for p in self.parts)
        return [i for table in tables for i in table.column(0).to_pylist()]

    def row(self, ordinal: int) -> tuple[pa.RecordBatch, Part] | None:
        """The record at place `ordinal` as it was made, and its file."""
        part = self.part(ordinal)
        if part is None:
            return None
        row = next((row for _, row in self._rows(part, np.array([ordinal]))), None)
        return (row, part) if row is not None else None

    def at(self, ordinals: np.ndarray) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Records by their places (k,) int64, ascending, each a row; those that were read are left out."""
        for part in self.parts:
            low, high = np.searchsorted(ordinals, [part.first, part.first + part.rows])
            if high > low:
                yield from self._rows(part, ordinals[low:high])

    def _rows(self, part: Part, ordinals: np.ndarray) -> Iterator[tuple[int, pa.RecordBatch]]:
        first = 0
        with pq.ParquetFile(part.path) as file:
            places = self._places(part, file.metadata.num_rows)
            for batch in file.iter_batches(BATCH):
                here = places[first : first + batch.num_rows]
                for k in np.flatnonzero(np.isin(here, ordinals)).tolist():
                    yield int(here[k]), batch.slice(k, 1)
                first += batch.num_rows
                if not here.size or here[-1] >= ordinals[-1]:
                    return

    def _places(self, part: Part, rows: int) -> np.ndarray:
        """Place of each row of a file among all records: (rows,) int64. Those that were erased since are not in it."""
        places: np.ndarray = np.arange(part.first, part.first + part.rows)
        if rows == part.rows:
            return places
        fates = read_table(self.run.path / "fates.parquet", columns=["fate"]).column(0)
        there: np.ndarray = pc.not_equal(fates.slice(part.first, part.rows).cast(pa.string()), "erased").to_numpy()
        left: np.ndarray = places[there]
        return left

    def parents(self, record_id: bytes) -> tuple[Kin, ...]:
        """What a record was made of."""
        return self._kin(record_id, "child", "parent")

    def children(self, record_id: bytes) -> tuple[Kin, ...]:
        """What was made of a record."""
        return self._kin(record_id, "parent", "child")

    def _kin(self, record_id: bytes, mine: str, theirs: str) -> tuple[Kin, ...]:
        wanted = [(mine, "=", pa.scalar(record_id, RECORD_ID))]
        found = []
        for path in self.run.parts("lineage"):
            step = int(path.stem.rpartition("-")[2])
            rows = pq.read_table(path, columns=[theirs, "kind"], filters=wanted).to_pylist()
            found += [Kin(row[theirs].hex(), str(row["kind"]), step) for row in rows]
        return tuple(found)
