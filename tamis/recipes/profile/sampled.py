"""The records that were drawn: their texts, and what was measured of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.recipes.profile.counted import scores
from tamis.recipes.profile.look import CLIP, COUNTED, DRAWN, FAMILIES
from tamis.recipes.profile.private import Clean
from tamis.recipes.profile.walk import Walk
from tamis.report.profile.facts import Sample
from tamis.stage import first_broken


@dataclass(frozen=True)
class Drawn:
    """n records in the order of their draws, of `of` that could be read.

    rows      DRAWN and COUNTED columns
    texts     (n,) string: the first CLIP characters of each
    language  (n,) string, null where it is not known
    """

    rows: pa.RecordBatch
    texts: pa.StringArray
    language: pa.StringArray
    of: int

    @property
    def n(self) -> int:
        """How many."""
        return int(self.rows.num_rows)

    def numbers(self, name: str) -> np.ndarray:
        """A column of COUNTED: (n,) float64."""
        found: np.ndarray = self.rows.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
        return found

    def strings(self, name: str) -> list[Any]:
        """A column of DRAWN, by what it is called there but for `drawn_`."""
        values: list[Any] = self.rows.column(f"drawn_{name}").to_pylist()
        return values

    def keeps(self) -> np.ndarray:
        """(n,) bool: all quality families would keep it."""
        kept = np.ones(self.n, bool)
        for family in FAMILIES:
            kept[first_broken(family.rules, self.rows).column("row").to_numpy()] = False
        return kept

    def named(self, clean: Clean) -> Drawn:
        """The same with ids and sources as `clean` leaves them: an address is as private there as in a text."""
        rows = self.rows
        for name in ("drawn_id", "drawn_source"):
            was = rows.column(name)
            new = pc.if_else(was.is_valid(), clean(pc.fill_null(was, "")), was)
            rows = rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), new)
        return replace(self, rows=rows)

    def facts(self) -> Sample:
        """How it was drawn."""
        return Sample(self.n, self.of, CLIP, int(np.count_nonzero(self.numbers("chars") > CLIP)))


def drawn(walk: Walk, sample: int, of: int) -> Drawn:
    """The `sample` records of lowest draw; all of them, where there are no more."""
    names = [*COUNTED.names, *DRAWN.names]
    known = "language" in walk.step_of
    spoken = scores(walk, "language", ["language"]) if known else None
    parts: list[pa.Table] = []
    for table in scores(walk, "look", names):
        column = next(spoken).column(0) if spoken else pa.nulls(table.num_rows, pa.string())
        table = table.append_column("language", column)
        parts = [_lowest(pa.concat_tables([*parts, table.filter(table.column("draw").is_valid())]), sample)]
    whole = parts[0] if parts else pa.schema([*COUNTED, *DRAWN, pa.field("language", pa.string())]).empty_table()
    rows = whole.combine_chunks().to_batches()
    batch = rows[0] if rows else pa.RecordBatch.from_pylist([], schema=whole.schema)
    return Drawn(batch.select(names), batch.column("drawn_text"), batch.column("language"), of)


def _lowest(table: pa.Table, most: int) -> pa.Table:
    order = pc.sort_indices(table, [("draw", "ascending"), ("drawn_record_id", "ascending")])
    return table.take(order[:most])
