"""A second look at rows that were scrubbed: what is still found there, and what may be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa

from tamis.curate.pii.fields import parts_of
from tamis.curate.pii.operators import MARK
from tamis.curate.pii.scrub import Span
from tamis.curate.pii.stage import Pii
from tamis.curate.pii.surrogates import is_reserved
from tamis.schemas import kind_of


class Leftover(NamedTuple):
    """Something found in the row `row` of a batch. `mark`: a mark or surrogate of ours, which is nobody's."""

    row: int
    field: str | None
    span: Span
    mark: bool


def leftovers(batch: pa.RecordBatch, stage: Pii) -> Iterator[Leftover]:
    """What `stage` finds in the fields it looks at."""
    yield from _found(batch, stage.fields, stage)


def elsewhere(batch: pa.RecordBatch, stage: Pii) -> dict[str, int]:
    """By field that `stage` does not look at: the rows of `batch` in which it would find something."""
    texts = kind_of(batch.schema).texts
    looked = {name for field in stage.fields for name in (texts if field == "texts" else (field,))}
    names = [name for name in (*texts, "id", "url", "meta") if name not in looked and name in batch.schema.names]
    rows = {name: {left.row for left in _found(batch, (name,), stage) if not left.mark} for name in names}
    return {name: len(found) for name, found in rows.items() if found}


def _found(batch: pa.RecordBatch, fields: Sequence[str], stage: Pii) -> Iterator[Leftover]:
    for parts in parts_of(batch, fields).values():
        for part in parts:
            found, failures = stage.find(part.strings)
            for place, span in found:
                text = part.strings[place].as_py()
                yield Leftover(int(part.rows[place]), part.name(place), span, _is_ours(text, span, stage))
            for place, why in failures:
                yield Leftover(int(part.rows[place]), part.name(place), Span(0, 0, why, 0.0), False)


def _is_ours(text: str, span: Span, stage: Pii) -> bool:
    if any(m.start() <= span.start and span.stop <= m.end() for m in MARK.finditer(text)):
        return True
    surrogates = (stage.operators or {}).get(span.entity, stage.operator) == "surrogate"
    return surrogates and is_reserved(span.entity, text[span.start : span.stop])
