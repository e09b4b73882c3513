"""All verdicts of a fragment, from every pass and exchange: what the files of verdicts are made of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.engine.exchange import IDS, Derived, Exchanged, Fates
from tamis.engine.work import Work
from tamis.ledger import KEPT, Step, draft


def drafts_of(
    work: Work,
    fates: Fates,
    fragment: int,
    segments: int,
    steps: Mapping[int, Step],
    becomes: tuple[np.ndarray, np.ndarray],
) -> list[pa.Table]:
    """The verdicts of one fragment, in no order.

    segments  how many there are
    steps     the stages' constants, by step
    becomes   fate and step of each of its records, as `Fates.of` tells
    """
    renamed = fates.renamed(fragment)
    tables = [work.table(number, fragment, "drafts") for number in range(fates.first(fragment), segments)]
    found = [with_new_ids(table, renamed) for table in tables]
    found += [_of_exchange(fates, fragment, steps, done, renamed, becomes) for done in fates.exchanges]
    return found + [_of_seeds(fates, fragment, done) for done in fates.derivations]


def ids_of(work: Work, fates: Fates, fragment: int) -> pa.Array:
    """Record ids of a fragment, repeated ones renamed."""
    ids = work.table(fates.first(fragment), fragment, "index", ["record_id"]).column("record_id").combine_chunks()
    renamed = fates.renamed(fragment)
    if not renamed:
        return ids
    names = ids.to_pylist()
    for row, name in renamed.items():
        names[row] = name
    return pa.array(names, ids.type)


def with_new_ids(table: pa.Table, renamed: dict[int, bytes]) -> pa.Table:
    """`table`, which has `row` and `record_id`, with the new ids of repeated ones."""
    if not renamed:
        return table
    rows, ids = table.column("row").to_pylist(), table.column("record_id").to_pylist()
    at = table.schema.get_field_index("record_id")
    names = pa.array([renamed.get(row, old) for row, old in zip(rows, ids, strict=True)], table.schema.field(at).type)
    return table.set_column(at, table.schema.field(at), names)


def _of_exchange(
    fates: Fates,
    fragment: int,
    steps: Mapping[int, Step],
    done: Exchanged,
    renamed: dict[int, bytes],
    becomes: tuple[np.ndarray, np.ndarray],
) -> pa.Table:
    """Verdicts about the records that an exchange let go."""
    rows, found = fates.resolved(done, fragment)
    fate, at = becomes
    here = (fate[rows] != KEPT) & (at[rows] == done.step)
    rows, found = rows[here], found.filter(pa.array(here)).combine_chunks()
    if done.group == IDS:
        ids = pa.array([renamed[row] for row in rows.tolist()], pa.binary(16))
        columns = {"peer_id": found.column("record_id").combine_chunks(), "rule": found.column("rule").combine_chunks()}
        actions = pa.repeat(pa.scalar("quarantine"), len(rows))
        return pa.Table.from_batches([draft(rows, ids, done.step, actions, **columns)])
    ids = found.column("record_id").combine_chunks()
    return pa.Table.from_batches([of_resolution(rows, ids, done.step, found, steps[done.step])])


def _of_seeds(fates: Fates, fragment: int, done: Derived) -> pa.Table:
    """Verdicts about the seeds of a deriving stage."""
    rows, seeds = fates.seeds(done, fragment)
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
