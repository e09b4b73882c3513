"""A run looked through for private data once more, after it was scrubbed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamis.curate.pii.rescan import elsewhere, leftovers
from tamis.curate.pii.stage import Pii
from tamis.data.storage.address import Remote
from tamis.recipes.replay import recipe_of
from tamis.runs import Run, open_run

BATCH = 4096


class Left(NamedTuple):
    """Something found in a run: where, never what. start, end: code points of the string `field` is."""

    record_id: str
    field: str
    start: int
    end: int
    entity: str
    score: float

    def __str__(self) -> str:
        return f"record {self.record_id}: {self.entity} at {self.start}–{self.end} of {self.field} (score {self.score:.2f})"


@dataclass(frozen=True)
class Rescan:
    """What a second scan of a run found.

    stage    what looked: the run's own pii stage, or one with the defaults where it has none
    records  records looked at
    found    in data/: empty where the run is scrubbed
    excused  by entity: surrogates of a reserved range, and what lies within a mark of ours
    beside   by field that the stage does not look at: records of data/ in which it would find something there
    aside    records of quarantine/ in which something was found: a run with a pii stage scrubs what it sets aside, too
    notes    what else holds text as it was, or digests of it
    """

    stage: str
    records: int
    found: tuple[Left, ...]
    excused: dict[str, int]
    beside: dict[str, int]
    aside: int
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {**vars(self), "found": [left._asdict() for left in self.found], "notes": list(self.notes)}


def rescan(run: Run | Path | Remote | str) -> Rescan:
    """Look for private data in `run` again, with its own pii stage, or the defaults where it has none.

    Raises UsageError where the run cannot be looked at so: a recogniser or model that is not there.
    """
    run = run if isinstance(run, Run) else open_run(run)
    steps = [(k, stage) for k, stage in enumerate(recipe_of(run).stages, 1) if isinstance(stage, Pii)]
    step, stage = steps[-1] if steps else (0, Pii())
    found, excused, beside, records = [], Counter[str](), Counter[str](), 0
    for batch in _batches(run, "data"):
        records += batch.num_rows
        beside.update(elsewhere(batch, stage))
        for left in leftovers(batch, stage):
            if left.mark:
                excused[left.span.entity] += 1
            else:
                record_id = batch.column("record_id")[left.row].as_py().hex()
                found.append(Left(record_id, left.field or "text", *left.span))
    aside = sum(
        len({left.row for left in leftovers(batch, stage) if not left.mark}) for batch in _batches(run, "quarantine")
    )
    return Rescan(
        stage=stage.label,
        records=records,
        found=tuple(found),
        excused=dict(sorted(excused.items())),
        beside=dict(sorted(beside.items())),
        aside=aside,
        notes=tuple(_notes(run, step, beside, aside)),
    )


def _batches(run: Run, what: str) -> Iterator[pa.RecordBatch]:
    for part in run.parts(what):
        yield from pq.ParquetFile(part).iter_batches(BATCH)


def _notes(run: Run, step: int, beside: dict[str, int], aside: int) -> Iterator[str]:
    if not step:
        yield "the run has no pii stage; this is what one with the defaults finds"
    for name, count in sorted(beside.items()):
        mend = "a row's own id stays as it is" if name == "id" else "the stage looks there where `on` names it"
        yield f"{name} holds something in {_records(count)}: {mend}"
    if aside:
        yield f"quarantine/ holds something in {_records(aside)}"
    if unread := sum(pc.sum(pc.is_valid(batch.column("raw"))).as_py() for batch in _batches(run, "quarantine")):
        yield f"quarantine/ holds {unread:,} line{'s' * (unread > 1)} that could not be read, as they stood"
    early = [s["stage"] for s in run.steps[1:step] if run.parts("scores") and not s["stage"].startswith("pii@")]
    if step and early:
        yield f"{', '.join(early)} came before: what scores/ holds of them was measured on texts that were not scrubbed yet"


def _records(count: int) -> str:
    return f"{count:,} record{'s' * (count > 1)}"
