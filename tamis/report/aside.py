"""What was set aside, by rule, with the first lines of each."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tamis.report.facts import AsideRow
from tamis.report.groups import Groups
from tamis.report.texts import SHOWN
from tamis.runs import Run
from tamis.schemas import joined, kind

EACH, MOST_GROUPS = 3, 8
"""Rows shown for each rule, and row groups of quarantine/ read for them: 32 thousand rows or 64 MB."""

WHERE = ["step", "rule", "file", "line", "offset", "message", "id", "source"]


def first_rows(run: Run) -> dict[tuple[int, str], tuple[AsideRow, ...]]:
    """For each step and rule the first few rows set aside."""
    found: dict[tuple[int, str], list[AsideRow]] = {}
    groups = Groups(run.parts("quarantine"), MOST_GROUPS)
    # Where stages made rows of another kind, there are seeds among those set aside.
    on = (*dict.fromkeys([*kind(run.facts["kind"]).texts, *kind(run.read_as).texts]),)
    for group, where in enumerate(groups.read(WHERE)):
        wanted = _first(where, found)
        if not wanted:
            continue
        # Contents are read only where a row of the group is shown: a line may be as long as the reader allows.
        contents = groups.one(group, ["raw", *on]).take(pa.array(wanted))
        for row, content in zip(where.take(pa.array(wanted)).to_pylist(), _contents(contents, on), strict=True):
            found.setdefault((row["step"], row["rule"]), []).append(_row(row, content))
    return {key: tuple(rows) for key, rows in found.items()}


def _first(where: pa.Table, found: dict[tuple[int, str], list[AsideRow]]) -> list[int]:
    """Places of the rows of `where` that are among the first of their step and rule."""
    seen = {key: len(rows) for key, rows in found.items()}
    wanted = []
    keys = zip(where.column("step").to_pylist(), where.column("rule").to_pylist(), strict=True)
    for place, key in enumerate(keys):
        if seen.get(key, 0) < EACH:
            seen[key] = seen.get(key, 0) + 1
            wanted.append(place)
    return wanted


def _contents(rows: pa.Table, on: tuple[str, ...]) -> list[str | None]:
    """The beginning of each line as it stood, or else of the record's text."""
    raw = pc.binary_slice(rows.column("raw"), 0, 4 * SHOWN).to_pylist()
    texts = [
        text
        for batch in rows.select(on).to_batches()
        for text in pc.utf8_slice_codeunits(joined(batch, on), 0, SHOWN + 1).to_pylist()
    ]
    shown = [
        r.decode("utf-8", "backslashreplace") if r is not None else text or None
        for r, text in zip(raw, texts, strict=True)
    ]
    return [s if s is None or len(s) <= SHOWN else s[:SHOWN] + "…" for s in shown]


def _row(row: dict[str, Any], content: str | None) -> AsideRow:
    line = "" if row["line"] is None else f", line {row['line']:,}"
    offset = "" if row["offset"] is None else f", byte {row['offset']:,}"
    own = row["message"] or ", ".join(f"{name} {row[name]!r}" for name in ("id", "source") if row[name] is not None)
    return AsideRow(f"{row['file'] or 'unknown'}{line}{offset}", own, content)
