"""What speaks for the licence of each record: what was declared, what its text names, what it was made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa

from tamis.licenses.detect import detect
from tamis.schemas._field import field
from tamis.schemas.rows import RECORD_ID
from tamis.schemas.texts import joined
from tamis.snapshot.folder import Snapshot
from tamis.snapshot.inherited import UNREADABLE, Held, of_each
from tamis.snapshot.licences import EXAMPLES, Conflict, Group, permits_less

NAMES = pa.list_(pa.string())

RECORDS = pa.schema(
    [
        field("record_id", RECORD_ID, "The record.", False),
        field(
            "declared",
            pa.string(),
            f"SPDX expression; {UNREADABLE} where what was declared is none; null: nothing was.",
        ),
        field("detected", NAMES, "Licences that its text names; null: nobody looked."),
        field("inherited", NAMES, "Licences of all it was made of; a null among them: one is not known."),
        field("use", pa.string(), "any, restricted, noncommercial, research or unknown.", False),
        field("attribution", pa.bool_(), "Whether authors must be named.", False),
        field("share_alike", NAMES, "Licences that all built with it must come under.", False),
        field("derivatives", pa.bool_(), "Whether changed versions may be passed on.", False),
        field("ai_training", pa.string(), "yes, unclear or no.", False),
    ]
)


def records(snapshot: Snapshot, find: Callable[[str], Held | None], look: bool = False) -> Iterator[pa.RecordBatch]:
    """RECORDS rows in the order of the data. look: into the texts, too."""
    texts = snapshot.batches() if look else None
    for ids, number, groups in of_each(snapshot, find):
        found = _detected(next(texts)) if texts is not None else pa.nulls(len(ids), NAMES)
        told = pa.Table.from_pylist([_told(group) for group in groups]).combine_chunks()
        of = told.cast(pa.schema([RECORDS.field(name) for name in told.schema.names])).take(pa.array(number))
        columns = {"record_id": ids, "detected": found, **{n: of.column(n).combine_chunks() for n in of.schema.names}}
        yield pa.record_batch([columns[name] for name in RECORDS.names], schema=RECORDS)


def named_in_texts(snapshot: Snapshot) -> list[Conflict]:
    """Records whose text names a licence that permits less than the one declared of them."""
    wrong: dict[str, Conflict] = {}
    for batch in snapshot.batches():
        licenses, ids = batch.column("license"), batch.column("record_id")
        for row, names in detect(joined(batch)).items():
            declared = licenses[row].as_py()
            narrower = [name for name in names if permits_less(name, declared)]
            if narrower:
                says = f"declared {declared}, its text names {', '.join(narrower)}"
                conflict = wrong.setdefault(says, Conflict("text", says))
                conflict.rows += 1
                conflict.records += [ids[row].as_py().hex()] if len(conflict.records) < EXAMPLES else []
    return sorted(wrong.values(), key=lambda conflict: (-conflict.rows, conflict.says))


def _detected(batch: pa.RecordBatch) -> pa.Array:
    found = detect(joined(batch))
    return pa.array([found.get(row, []) for row in range(batch.num_rows)], NAMES)


def _told(group: Group) -> dict[str, object]:
    return {"declared": group.declared, "inherited": list(group.inherited), **group.permits.facts()}
