"""Where the records of a snapshot come from, and under which licences they and those behind them are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.data.parquet import open_file
from tamis.snapshot import Snapshot
from tamis.snapshot.folder import reading

MOST = 30
"""Rows of a table; what is beyond is told as one row."""

OTHERS = ""
"""Name of the row that stands for all others; no source is called that."""


@dataclass(frozen=True)
class Origin:
    """One source, or `sources` of them together: records, and how many are under which licence; None: none declared."""

    source: str
    rows: int
    licences: tuple[tuple[str | None, int], ...]
    sources: int = 1


@dataclass(frozen=True)
class Licence:
    """Records with the same licence of their own and the same ones behind them, and what that permits."""

    declared: str | None
    inherited: tuple[str | None, ...]
    rows: int
    permits: dict[str, Any]

    @property
    def key(self) -> tuple[str | None, tuple[str | None, ...]]:
        """What it is by, in any snapshot."""
        return self.declared, self.inherited


@dataclass(frozen=True)
class Licences:
    """All of them, most records first, what does not go together, and what one should know."""

    groups: tuple[Licence, ...]
    conflicts: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]


COUNTED = pa.schema([("source", pa.string()), ("license", pa.string()), ("rows", pa.int64())])
"""Records by source and licence, as declared."""

COMPACT = 1_000_000
"""Counts that are held before they are added up: every record may have a source of its own."""


def by_source(snapshot: Snapshot) -> pa.Table:
    """COUNTED rows of `snapshot`, each source and licence once; two columns are read."""
    parts: list[pa.Table] = [COUNTED.empty_table()]
    names = ["source", "license"]
    if not snapshot.parts() or not set(names) <= set(snapshot.schema.names):
        return parts[0]
    for part in snapshot.parts():
        # As dictionaries, which they are in the file: counted by code, a text costs something once a file.
        with reading(part), open_file(part, names) as file:
            rows = file.read(names, use_threads=False)
        ones = pa.array(np.ones(len(rows), np.int64))
        parts.append(_added(rows.unify_dictionaries().combine_chunks().append_column("rows", ones)))
        if sum(map(len, parts)) > COMPACT:
            parts = [_added(pa.concat_tables(parts))]
    return _added(pa.concat_tables(parts))


def _added(table: pa.Table) -> pa.Table:
    summed = table.group_by(["source", "license"]).aggregate([("rows", "sum")])
    return summed.rename_columns({"rows_sum": "rows"}).select(COUNTED.names).cast(COUNTED)


def totals(counts: pa.Table) -> pa.Table:
    """Records of each source (`source`, `rows`), the largest first."""
    summed = counts.group_by(["source"]).aggregate([("rows", "sum")]).rename_columns({"rows_sum": "rows"})
    return summed.select(["source", "rows"]).sort_by([("rows", "descending"), ("source", "ascending")])


def origins(counts: pa.Table) -> tuple[Origin, ...]:
    """The largest sources of COUNTED rows, then the others as one."""
    ordered = totals(counts)
    named = ordered.slice(0, MOST)
    found = [
        Origin(row["source"], row["rows"], _licences(counts.filter(pc.equal(counts["source"], row["source"]))))
        for row in named.to_pylist()
    ]
    rest = counts.filter(pc.invert(pc.is_in(counts["source"], named["source"].combine_chunks())))
    if rest.num_rows:
        others = len(ordered) - len(named)
        found.append(Origin(OTHERS, pc.sum(rest["rows"]).as_py(), _licences(rest), others))
    return tuple(found)


def _licences(counts: pa.Table) -> tuple[tuple[str | None, int], ...]:
    summed = counts.group_by(["license"]).aggregate([("rows", "sum")])
    ordered = summed.sort_by([("rows_sum", "descending"), ("license", "ascending")])
    return tuple((row["license"], row["rows_sum"]) for row in ordered.to_pylist())


def licences(snapshot: Snapshot) -> Licences | None:
    """What licenses.json says; None where there is none."""
    path = snapshot.path / "licenses.json"
    if not path.is_file():
        return None
    said = json.loads(path.read_bytes())
    groups = (Licence(g["declared"], tuple(g["inherited"]), g["rows"], g["permits"]) for g in said["groups"])
    return Licences(tuple(groups), tuple(said["conflicts"]), tuple(said["notes"]))
