"""Texts of some of the records kept, and how long they are."""

from __future__ import annotations

from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.report.facts import Histogram
from tamis.report.groups import Groups
from tamis.report.histogram import histogram
from tamis.runs import Run
from tamis.schemas import ENVELOPE, joined, kind
from tamis.schemas.ids import halves
from tamis.schemas.rows import RECORD_ID

MOST_GROUPS = 4
"""Row groups of data read, each up to 16,384 records or 8 MB of text."""

SHOWN = 240
"""Characters of a text that are shown."""

NAMES = ["record_id", "id", "source"]


class Shown(NamedTuple):
    """One record kept: its own id, its source and the beginning of its text."""

    id: str | None
    source: str
    text: str


class Texts:
    """Records of a few row groups of data/, evenly spaced."""

    def __init__(self, run: Run) -> None:
        self._groups = Groups(run.parts("data"), MOST_GROUPS)
        on = kind(run.facts["kind"]).texts
        texts, tables, lengths = [], [], []
        for table in self._groups.read([*NAMES, *on]):
            text = pa.chunked_array([joined(batch, on) for batch in table.to_batches()], pa.string())
            lengths.append(pc.utf8_length(text).to_numpy())
            texts.append(pc.utf8_slice_codeunits(text, 0, SHOWN + 1))
            tables.append(table.select(NAMES))
        self._rows = pa.concat_tables(tables) if tables else pa.schema([ENVELOPE.field(n) for n in NAMES]).empty_table()
        self._texts = pa.chunked_array([chunk for text in texts for chunk in text.chunks], pa.string())
        self._lengths = np.concatenate(lengths).astype(np.float64) if lengths else np.empty(0)

    def lengths(self) -> Histogram | None:
        """Characters of the texts of a record; None where nothing was kept."""
        return histogram(self._lengths, total=self._groups.total)

    @cached_property
    def _order(self) -> np.ndarray:
        return np.argsort(self._keys, kind="stable")

    @cached_property
    def _keys(self) -> np.ndarray:
        return first_half(self._rows.column("record_id"))

    def holds(self, ids: Any) -> np.ndarray:
        """Which of `ids` (16 bytes each, or null) are likely among the records here: (n,) bool, by their first half."""
        return self._at(first_half(ids)) >= 0

    def find(self, record_id: bytes | None) -> Shown | None:
        """The record, where it is one of those here."""
        if record_id is None:
            return None
        at = int(self._at(np.frombuffer(record_id[:8], ">u8").astype(np.uint64))[0])
        if at < 0 or self._rows.column("record_id")[at].as_py() != record_id:
            return None
        text = self._texts[at].as_py()
        own, source = (self._rows.column(name)[at].as_py() for name in ("id", "source"))
        return Shown(own, source, text if len(text) <= SHOWN else text[:SHOWN] + "…")

    def _at(self, keys: np.ndarray) -> np.ndarray:
        """Row of each key (n,) uint64, -1 where there is none."""
        if not len(self._keys):
            return np.full(len(keys), -1)
        sorted_keys = self._keys[self._order]
        place = np.minimum(np.searchsorted(sorted_keys, keys), len(sorted_keys) - 1)
        found: np.ndarray = np.where(sorted_keys[place] == keys, self._order[place], -1)
        return found


def first_half(ids: Any) -> np.ndarray:
    """The first 8 bytes of each record id as a number: (n,) uint64; 0 where there is none."""
    return halves(pc.fill_null(ids, _no_id()))[:, 0]


@cache
def _no_id() -> Any:
    # Not at import: the first value of Python that pyarrow takes makes it import pandas where that is installed, 0.35 s.
    return pa.scalar(bytes(16), RECORD_ID)
