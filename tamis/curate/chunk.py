"""Documents in pieces: of so many words, characters or paragraphs, cut where something ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.bench import Bench
from tamis.kernels.pieces import Pieces, cut
from tamis.schemas import KINDS, LINEAGE, OUTCOME
from tamis.schemas.ids import derived_id
from tamis.stage import Derive, Made, Rule

UNITS = ("chars", "words", "paragraphs")
ENDS = ("anywhere", "word", "sentence", "line", "paragraph")

LARGEST = 1_000_000
"""Units of a piece at most: so many are held while one is cut."""

CHUNK = pa.struct(
    [
        pa.field("number", pa.int32(), metadata={"says": "Place among the pieces of its document, from 1."}),
        pa.field("of", pa.int32(), metadata={"says": "Pieces of the document."}),
        pa.field("start", pa.int32(), metadata={"says": "Its first code point in the document, from 0."}),
        pa.field("end", pa.int32(), metadata={"says": "One past its last code point."}),
    ]
)


@dataclass(frozen=True)
class Chunk(Derive):
    """Cut each document into pieces of at most `size` `unit`, the next beginning `overlap` before the end of the last.

    A piece ends at the last end of what `ends` names, if it has half its size by then; else at an end of what is weaker.
    """

    size: int = 400
    unit: Literal["chars", "words", "paragraphs"] = "words"
    overlap: int = 0
    ends: Literal["anywhere", "word", "sentence", "line", "paragraph"] = "paragraph"
    least: int = 1
    keep_seeds: bool = False

    name = "chunk"
    writes = pa.schema([pa.field("chunk", CHUNK, metadata={"says": "Where in its document the text is from."})])
    scores = pa.schema([pa.field("units", pa.int32())])
    decided_by = frozenset({"least"})

    def __post_init__(self) -> None:
        if not 1 <= self.size <= LARGEST:
            raise ValueError(f"size is {self.size}; it must be from 1 to {LARGEST:,}")
        if not 0 <= self.overlap < max(1, self.size // 2):
            raise ValueError(f"overlap is {self.overlap}; it must be from 0 to less than half of size ({self.size})")

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Pieces that are too small go."""
        return (Rule("min_units", "drop", "units", ">=", self.least, says=f"{self.unit} in the piece"),)

    def derive(self, seeds: Iterator[pa.RecordBatch], bench: Bench) -> Iterator[Made]:
        """The pieces of each document, in order. One without any is rejected as `empty`."""
        done = 0
        for batch in seeds:
            pieces = cut(batch.column("text"), UNITS.index(self.unit), self.size, self.overlap, ENDS.index(self.ends))
            count = np.diff(pieces.rows)
            row = np.repeat(np.arange(batch.num_rows), count)
            rows = self._rows(batch, pieces, row, count)
            yield Made(rows, _lineage(rows, batch, row), _outcomes(batch, count))
            done += batch.num_rows
            bench.tell({"done": done})

    def _rows(self, batch: pa.RecordBatch, pieces: Pieces, row: np.ndarray, count: np.ndarray) -> pa.RecordBatch:
        """A row for every piece. row (n,) int64 the document of each; count (documents,) int64"""
        at, number = pa.array(row), np.arange(len(row)) - pieces.rows[row] + 1
        parents = batch.column("record_id").to_pylist()
        pairs = zip(row.tolist(), number.tolist(), strict=True)
        ids = [derived_id(self.name, [parents[r]], k - 1) for r, k in pairs]
        # All but the text: as often as it has pieces, a document of two megabytes comes to gigabytes.
        made = {name: batch.column(name).take(at) for name in KINDS["document"].schema.names if name != "text"}
        made |= {
            "record_id": pa.array(ids, pa.binary(16)),
            "id": pc.binary_join_element_wise(made["id"], pa.array(number).cast(pa.string()), "#"),
            "text": _texts(batch.column("text"), pieces),
            "chunk": pa.StructArray.from_arrays(
                [
                    pa.array(number, pa.int32()),
                    pa.array(count[row], pa.int32()),
                    pa.array(pieces.first, pa.int32()),
                    pa.array(pieces.last, pa.int32()),
                ],
                fields=list(CHUNK),
            ),
            "units": pa.array(pieces.units, pa.int32()),
        }
        return pa.record_batch(made)


def _texts(column: pa.StringArray, pieces: Pieces) -> pa.StringArray:
    """The texts of the pieces, which may share characters."""
    data = memoryview(column.buffers()[2] or b"")
    parts = [data[a:b] for a, b in zip(pieces.start.tolist(), pieces.end.tolist(), strict=True)]
    offsets = np.concatenate([[0], np.cumsum(pieces.end - pieces.start)])
    if offsets[-1] < 2**31:
        buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(b"".join(parts))]
        return pa.StringArray.from_buffers(len(parts), *buffers[1:])
    raise ValueError("pieces of one batch come to more than 2 GiB; take a smaller overlap")


def _lineage(rows: pa.RecordBatch, batch: pa.RecordBatch, row: np.ndarray) -> pa.Table:
    n = rows.num_rows
    kinds = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int16)), pa.array(["chunk"]))
    parents = batch.column("record_id").take(pa.array(row))
    columns = [rows.column("record_id"), parents, kinds, pa.nulls(n, LINEAGE.field("snapshot").type)]
    return pa.table(columns, schema=LINEAGE)


def _outcomes(batch: pa.RecordBatch, count: np.ndarray) -> pa.RecordBatch:
    some, n = pa.array(count > 0), batch.num_rows
    columns = [
        batch.column("record_id"),
        pc.if_else(some, pa.scalar("ok"), pa.scalar("rejected")),
        pc.if_else(some, pa.scalar(None, pa.string()), pa.scalar("empty")),
        pa.nulls(n, pa.float32()),
        pa.nulls(n, pa.string()),
    ]
    return pa.record_batch(columns, schema=OUTCOME)
