"""Where the records of a snapshot come from, and under which licences they and those behind them are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tamis.snapshot import Snapshot

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


def by_source(snapshot: Snapshot) -> dict[str, Counter[str | None]]:
    """Records of each source, by licence as declared; two columns are read."""
    found: dict[str, Counter[str | None]] = {}
    if not snapshot.parts():
        return found
    columns = [name for name in ("source", "license") if name in snapshot.schema.names]
    if "source" not in columns:
        return found
    for batch in snapshot.batches(columns):
        counted = pa.Table.from_batches([batch]).group_by(columns).aggregate([([], "count_all")])
        for row in counted.to_pylist():
            found.setdefault(str(row["source"]), Counter())[row.get("license")] += row["count_all"]
    return found


def origins(counts: dict[str, Counter[str | None]]) -> tuple[Origin, ...]:
    """The largest sources, then the others as one."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1].total(), item[0]))
    found = [Origin(name, c.total(), tuple(c.most_common())) for name, c in ordered[:MOST]]
    if rest := ordered[MOST:]:
        together = _sum(c for _, c in rest)
        found.append(Origin(OTHERS, together.total(), tuple(together.most_common()), len(rest)))
    return tuple(found)


def licences(snapshot: Snapshot) -> Licences | None:
    """What licenses.json says; None where there is none."""
    path = snapshot.path / "licenses.json"
    if not path.is_file():
        return None
    said = json.loads(path.read_bytes())
    groups = (Licence(g["declared"], tuple(g["inherited"]), g["rows"], g["permits"]) for g in said["groups"])
    return Licences(tuple(groups), tuple(said["conflicts"]), tuple(said["notes"]))


def _sum(counters: Iterable[Counter[str | None]]) -> Counter[str | None]:
    total: Counter[str | None] = Counter()
    for counter in counters:
        total.update(counter)
    return total
