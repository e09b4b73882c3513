"""The ledger: verdicts, fates and what was set aside, from the first note to the sorted file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.schemas import FATE, FATES, QUARANTINE, VERDICT
from tamis.schemas.ledger import SPANS
from tamis.schemas.rows import RECORD_ID
from tamis.stage import Rule, Stage

KEPT, DROPPED, QUARANTINED = range(len(FATE))

POISON = "stage_error"
"""Rule of a record that made a stage raise."""

DUPLICATE_ID = "duplicate_id"
"""Rule of a record whose id an earlier record has."""

DRAFT = pa.schema(
    [
        pa.field("row", pa.uint32(), False),
        pa.field("record_id", RECORD_ID, False),
        pa.field("step", pa.uint8(), False),
        pa.field("action", pa.string(), False),
        pa.field("rule", pa.string(), False),
        pa.field("value", pa.float32()),
        pa.field("peer_id", RECORD_ID),
        pa.field("spans", SPANS),
        pa.field("before_hash", pa.uint64()),
        pa.field("after_hash", pa.uint64()),
        pa.field("evidence", pa.string()),
    ]
)
"""A verdict while the run goes on: `row` is the record's place in its fragment."""


class Step(NamedTuple):
    """What the constants of a verdict are looked up in: the stage's label and its rules by id."""

    label: str
    rules: Mapping[str, Rule]

    @classmethod
    def of(cls, stage: Stage) -> Step:
        """The constants of `stage`."""
        return cls(stage.label, {rule.id: rule for rule in stage.rules})


READING = Step("read@1", {})
"""Step 0: turning input into records."""


def draft(rows: np.ndarray, ids: pa.Array, step: int, action: Iterable[str], **columns: pa.Array) -> pa.RecordBatch:
    """Verdicts about `rows` of a fragment; columns of DRAFT that are not given are null."""
    given = {
        "row": pa.array(rows, pa.uint32()),
        "record_id": ids,
        "step": pa.array(np.full(len(rows), step, np.uint8)),
        "action": action if isinstance(action, pa.Array) else pa.array(action, pa.string()),
        **columns,
    }
    return pa.record_batch([given.get(f.name, pa.nulls(len(rows), f.type)) for f in DRAFT], schema=DRAFT)


def aside_schema(data: pa.Schema) -> pa.Schema:
    """Schema of quarantine/ for data of `data`: where and why, then the record as far as it could be read."""
    names = pa.schema([f.with_nullable(True) for f in data])
    return pa.schema([*QUARANTINE, *names])


def set_aside(
    batch: pa.RecordBatch | pa.Table,
    step: int,
    rule: pa.Array,
    message: pa.Array | None,
    data: pa.Schema,
    **where: pa.Array,
) -> pa.Table:
    """Quarantine rows for the records of `batch`, which has any of the columns of `data`."""
    n = batch.num_rows
    given = {
        "step": pa.array(np.full(n, step, np.uint8)),
        "rule": rule,
        "message": message if message is not None else pa.nulls(n, pa.string()),
        **where,
    }
    schema = working(aside_schema(data))
    columns = []
    for f in schema:
        if f.name in given:
            columns.append(given[f.name])
        elif f.name in batch.schema.names and f.name not in QUARANTINE.names:
            columns.append(batch.column(f.name))
        else:
            columns.append(pa.nulls(n, f.type))
    return pa.table(columns, schema=schema)


def working(schema: pa.Schema) -> pa.Schema:
    """`schema` with plain strings for dictionaries: what is appended to batch by batch."""
    return pa.schema([f.with_type(pa.string()) if pa.types.is_dictionary(f.type) else f for f in schema])


def settled(schema: pa.Schema, table: pa.Table) -> pa.Table:
    """`table` as `schema`, each dictionary in order of first appearance, so that equal rows give equal bytes."""
    columns = []
    for f in schema:
        column = table.column(f.name).combine_chunks()
        if pa.types.is_dictionary(f.type):
            plain = column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
            column = plain.dictionary_encode().cast(f.type)
        columns.append(column)
    return pa.table(columns, schema=schema)


def verdicts(drafts: pa.Table, steps: Mapping[int, Step]) -> pa.Table:
    """VERDICT rows of `drafts`, in their order, with the constants of their steps."""
    rule = drafts.column("rule").combine_chunks().dictionary_encode()
    names = rule.dictionary.to_pylist()
    key = drafts.column("step").to_numpy().astype(np.int64) * len(names) + rule.indices.to_numpy()
    unique, place = np.unique(key, return_inverse=True)
    found = [_constants(steps[int(k) // len(names)], names[int(k) % len(names)]) for k in unique]
    types = (pa.string(), pa.string(), pa.float32())
    fixed = {
        name: pa.array([c[i] for c in found], type).take(pa.array(place))
        for i, (name, type) in enumerate(zip(("stage", "comparator", "threshold"), types, strict=True))
    }
    columns = [fixed[f.name] if f.name in fixed else drafts.column(f.name) for f in VERDICT]
    return settled(VERDICT, pa.table(columns, names=VERDICT.names))


def _constants(step: Step, rule: str) -> tuple[str, str | None, float | None]:
    known = step.rules.get(rule.split("+")[0])
    return (step.label, known.keep, known.threshold) if known else (step.label, None, None)


def fates(fate: np.ndarray, step: np.ndarray, record_id: pa.Array) -> pa.Table:
    """FATES rows: fate (n,) uint8 as in FATE, step (n,) uint8, record_id (n,) binary."""
    kept = pa.array(fate == KEPT)
    columns = [
        pc.if_else(kept, pa.scalar(None, RECORD_ID), record_id),
        pa.DictionaryArray.from_arrays(pa.array(fate.astype(np.int16)), pa.array(FATE)),
        pa.array(step, pa.uint8(), mask=fate == KEPT),
    ]
    return pa.table(columns, schema=FATES)
