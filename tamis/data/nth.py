"""One record of a file, read without what stands around it: row groups unread, lines counted and not parsed."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tamis.data import blocks, parquet
from tamis.data.canonical import Origin, canonical
from tamis.data.inputs import InputFile
from tamis.data.jsonl import JsonRows
from tamis.data.reading import Reading
from tamis.data.shapes import Names, names_for, wanted
from tamis.data.tables import rows_of
from tamis.kernels.newlines import lines

_BOM = b"\xef\xbb\xbf"


def nth(file: InputFile, place: int, reading: Reading) -> pa.RecordBatch | None:
    """Record `place` of `file`, from 0, bad ones counted: one row of its kind, as `read` gives it.

    None where there is no such record, or it is a bad one. In a file that is damaged, records after the damage may be
    counted otherwise than `read` counts them: compare the record_id. Raises OSError where the file cannot be opened.
    """
    names, origin = names_for(reading.fields), Origin(file.name, reading.source, reading.license)
    found = (_row if file.format == "parquet" else _line)(file, place, reading, names, origin)
    return found if found is not None and found.num_rows else None


def _line(file: InputFile, place: int, reading: Reading, names: Names, origin: Origin) -> pa.RecordBatch | None:
    with file.path.open("rb") as opened:
        for item in blocks.read_blocks(opened, max_record=reading.max_record, plain=file.compression is None):
            if not isinstance(item, blocks.Block):
                if not place:
                    return None
                place -= 1
                continue
            begin = len(_BOM) if item.offset == 0 and item.data[:3].tobytes() == _BOM else 0
            found = lines(item.data, begin)
            if place < len(found.starts):
                lo, hi = int(found.starts[place]), int(found.ends[place])
                rows = JsonRows(item.data[lo:hi], wanted(names))
                at = rows.start + item.offset + lo
                return canonical(rows, reading.kind, names, origin, at, rows.number, lined=True).rows
            place -= len(found.starts)
    return None


def _row(file: InputFile, place: int, reading: Reading, names: Names, origin: Origin) -> pa.RecordBatch | None:
    first = 0
    for k, group in enumerate(parquet.groups(file.path)):
        if place < first + group.rows:
            for item in parquet.batches(file.path, k, k + 1, first):
                if isinstance(item, parquet.Damage):
                    return None
                at, batch = item
                if place < at + batch.num_rows:
                    return rows_of(
                        batch.slice(place - at, 1), reading.kind, names, origin, np.array([place]), -place
                    ).rows
        first += group.rows
    return None
