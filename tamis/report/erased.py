"""How many records of each source were erased since the run was made, from what is left of it.

Tallies of sources stay as they were counted, so what they say beyond the rows that are there was erased. Rows that were dropped
lie nowhere: theirs can be told where one source alone, or none, has any left.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamis.data.parquet import plain, read_table
from tamis.runs import Run

FATES = ("kept", "dropped", "quarantined")

Gone = dict[str, dict[str, int]]
"""Records erased, by the fate they had and by source."""


def erased(run: Run) -> Gone:
    """Gone of `run`; a fate is left out where nobody knows which source lost its records."""
    rows, sources = run.rows, run.facts["sources"]
    found: Gone = {}
    for fate in FATES if rows.get("erased") else ():
        there = _there(run, {"kept": "data", "quarantined": "quarantine"}.get(fate))
        room = {s["source"]: s[fate] - there[s["source"]] for s in sources if s[fate] != there[s["source"]]}
        gone = sum(s[fate] for s in sources) - rows[fate]
        if len(room) == 1 and gone:
            found[fate] = dict.fromkeys(room, gone)
        elif sum(room.values()) == gone and min(room.values(), default=0) >= 0:
            found[fate] = room
    return found


def _there(run: Run, what: str | None) -> Counter[str]:
    """Rows in the files of `what` by source, as far as they have one: a line that could not be read has none."""
    found: Counter[str] = Counter()
    for part in run.parts(what) if what else ():
        if "source" in pq.read_schema(plain(part)).names:
            counted: Any = pc.value_counts(read_table(part, columns=["source"]).column(0).cast(pa.string()))
            found.update({entry["values"]: entry["counts"] for entry in counted.to_pylist() if entry["values"]})
    return found
