"""All verdicts of a fragment, from every pass and exchange, sorted by record_id: what the files of verdicts are cut from."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.engine.exchange import IDS, Derived, Exchanged, Fates
from tamis.engine.passes import by_id
from tamis.engine.work import Work
from tamis.ledger import DRAFT, KEPT, Step, draft

GROUP = "drafts"


class DraftsTask(NamedTuple):
    """The verdicts of one fragment. `segments`: how many there are; `steps`: the stages' constants, by step."""

    work: Work
    fates: Fates
    fragment: int
    segments: int
    steps: dict[int, Step]


def run_drafts(task: DraftsTask) -> dict[str, Any]:
    """Gather and sort them, unless that is done; return the completion record."""
    if (done := task.work.done(GROUP, task.fragment)) is not None:
        return done
    renamed = task.fates.renamed(task.fragment)
    told = range(task.fates.first(task.fragment), task.segments)
    tables = [task.work.table(number, task.fragment, "drafts") for number in told]
    found = [with_new_ids(table, renamed) for table in tables]
    found += [_of_exchange(task, exchanged, renamed) for exchanged in task.fates.exchanges]
    found += [_of_seeds(task, done) for done in task.fates.derivations]
    table = by_id(pa.concat_tables([DRAFT.empty_table(), *found]))
    return task.work.finish_tables(GROUP, task.fragment, {"drafts": table}, {"drafts": table.num_rows})


def drafts_between(work: Work, fragment: int, low: int, high: int) -> pa.Table:
    """Verdicts of a fragment about records whose ids begin with a number from `low` to `high`."""
    return work.between(GROUP, fragment, "drafts", low, high, "record_id")


def with_new_ids(table: pa.Table, renamed: dict[int, bytes]) -> pa.Table:
    """`table`, which has `row` and `record_id`, with the new ids of repeated ones."""
    if not renamed:
        return table
    rows, ids = table.column("row").to_pylist(), table.column("record_id").to_pylist()
    at = table.schema.get_field_index("record_id")
    names = pa.array([renamed.get(row, old) for row, old in zip(rows, ids, strict=True)], table.schema.field(at).type)
    return table.set_column(at, table.schema.field(at), names)


def _of_exchange(task: DraftsTask, done: Exchanged, renamed: dict[int, bytes]) -> pa.Table:
    """Verdicts about the records that an exchange let go."""
    rows, found = task.fates.resolved(done, task.fragment)
    fate, at = task.fates.of(task.fragment)
    here = (fate[rows] != KEPT) & (at[rows] == done.step)
    rows, found = rows[here], found.filter(pa.array(here)).combine_chunks()
    if done.group == IDS:
        ids = pa.array([renamed[row] for row in rows.tolist()], pa.binary(16))
        columns = {"peer_id": found.column("record_id").combine_chunks(), "rule": found.column("rule").combine_chunks()}
        actions = pa.repeat(pa.scalar("quarantine"), len(rows))
        return pa.Table.from_batches([draft(rows, ids, done.step, actions, **columns)])
    ids = found.column("record_id").combine_chunks()
    return pa.Table.from_batches([of_resolution(rows, ids, done.step, found, task.steps[done.step])])


def _of_seeds(task: DraftsTask, done: Derived) -> pa.Table:
    """Verdicts about the seeds of a deriving stage."""
    rows, seeds = task.fates.seeds(done, task.fragment)
    columns = {n: seeds.column(n).combine_chunks() for n in ("rule", "value", "evidence")}
    ids, action = seeds.column("record_id").combine_chunks(), seeds.column("action").combine_chunks()
    return pa.Table.from_batches([draft(rows, ids, done.step, action, **columns)])


def of_resolution(rows: np.ndarray, ids: pa.Array, step: int, found: pa.Table, constants: Step) -> pa.RecordBatch:
    """Verdicts about `rows`, whose ids are `ids` (n,), as a corpus stage resolved in `found` (see stage.RESOLUTION)."""
    columns = {name: found.column(name).combine_chunks() for name in ("value", "peer_id", "evidence")}
    rule = found.column("rule").combine_chunks().cast(pa.string())
    coded, known = rule.dictionary_encode(), constants.rules
    each = pa.array([known[r].action if r in known else "drop" for r in coded.dictionary.to_pylist()], pa.string())
    return draft(rows, ids, step, pc.take(each, coded.indices), rule=rule, **columns)
