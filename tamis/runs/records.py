"""The records of a run by their ids: what became of them, what was decided, and where their rows still are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamis.data.parquet import open_file, plain, read_table
from tamis.errors import InputError
from tamis.runs.again import Again
from tamis.runs.folder import Run
from tamis.schemas.rows import RECORD_ID


class Place(NamedTuple):
    """kept, dropped or quarantined, and the place of the record in the input, from 0."""

    fate: str
    ordinal: int


class Stored(NamedTuple):
    """The row of a record, and where it is: data/, quarantine/, or a file of the input, where it is as it came in."""

    row: pa.RecordBatch
    where: str
    came_in: bool = False


class Veil(Protocol):
    """Takes out of a row that came in what stages of the run hide."""

    @property
    def label(self) -> str:
        """Those stages."""
        ...

    def __call__(self, row: pa.RecordBatch) -> pa.RecordBatch:
        """The row without. Raises InputError that says why it cannot be had."""
        ...


@dataclass
class Records:
    """Records of `run`, and of earlier corpora that they lost to; rows that the run does not hold are read `again`."""

    run: Run
    again: Again
    edited: Callable[[pa.RecordBatch, int], pa.RecordBatch | None] = lambda row, step: None
    """What the steps before one make of a row that came in; None where that cannot be told from the row alone."""
    veil: Veil | None = None
    """What takes out of a row that came in what the run hides; None: it hides nothing."""
    _places: dict[bytes, Place | None] = field(default_factory=dict)
    _read: dict[bytes, Stored] = field(default_factory=dict)

    def place(self, record_id: bytes) -> Place | None:
        """Fate and place of a record; None where the run has no such record."""
        if record_id not in self._places:
            self._places[record_id] = _place(self.run, record_id)
        return self._places[record_id]

    def verdicts(self, record_id: bytes) -> list[dict[str, Any]]:
        """What was decided about a record, by step."""
        wanted = [("record_id", "=", pa.scalar(record_id, RECORD_ID))]  # sorted by it: few row groups are read
        tables = (pq.read_table(plain(part), filters=wanted) for part in self.run.parts("verdicts"))
        return [row for table in tables for row in table.to_pylist()]

    def held(self, record_id: bytes) -> Stored | None:
        """The row of a record as it came out of the run; None where the run does not hold it."""
        place = self.place(record_id)
        if place is None or place.fate == "dropped":
            return None
        where = "data" if place.fate == "kept" else "quarantine"
        rows = (_row(part, record_id) for part in self.run.parts(where))
        return next((Stored(row, f"{where}/") for row in rows if row is not None), None)

    def read(self, record_id: bytes) -> Stored:
        """The row of a record as it came in. Raises InputError that says why it cannot be had, and what to do."""
        if record_id not in self._read:
            place = self.place(record_id)
            found = self.again.record(place.ordinal, record_id) if place else self.again.elsewhere(record_id)
            row, where = found.row, str(found.path)
            if self.veil:
                row, where = self.veil(row), f"{where}, without what {self.veil.label} takes out"
            self._read[record_id] = Stored(row, where, True)
        return self._read[record_id]

    def own_id(self, record_id: bytes) -> str | None:
        """The row's own id, where it has one that can be had."""
        try:
            row = (self.held(record_id) or self.read(record_id)).row
        except InputError:
            return None
        own: str | None = row.column("id")[0].as_py()
        return own


def _place(run: Run, record_id: bytes) -> Place | None:
    fates = read_table(run.path / "fates.parquet", columns=["record_id", "fate"])
    wanted = pa.scalar(record_id, RECORD_ID)
    at = pc.index(fates.column("record_id"), wanted).as_py()
    if at >= 0:
        return Place(str(fates.column("fate")[at]), at)
    seen = 0
    for part in run.parts("data"):
        ids = read_table(part, columns=["record_id"]).column("record_id")
        at = pc.index(ids, wanted).as_py()
        if at >= 0:
            kept = pc.equal(fates.column("fate").cast(pa.string()), "kept").to_numpy()
            return Place("kept", int(np.flatnonzero(kept)[seen + at]))
        seen += len(ids)
    return None


def _row(part: Path, record_id: bytes) -> pa.RecordBatch | None:
    """The row of a record in a Parquet file: of all row groups the ids are read, of one the rest."""
    wanted = pa.scalar(record_id, RECORD_ID)
    with open_file(part) as file:
        for group in range(file.num_row_groups):
            at = pc.index(file.read_row_group(group, columns=["record_id"]).column(0), wanted).as_py()
            if at < 0:
                continue
            for batch in file.iter_batches(1024, row_groups=[group]):
                if at < batch.num_rows:
                    return batch.slice(at, 1)
                at -= batch.num_rows
    return None
