"""Tables of a run or a snapshot without some of their records.

What is listed by record loses its rows. What is listed by position (fates, scores, edges) keeps them, so that the rows
after them stay what they are: a fate says `erased` and no record, a score is null, an edge goes.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from tamis.ledger import settled
from tamis.schemas import FATES
from tamis.schemas.rows import RECORD_ID

ERASED = "erased"
"""The fate of a record that was erased."""


class Records(Protocol):
    """Records that go."""

    def holds(self, ids: pa.Array | pa.ChunkedArray) -> np.ndarray:
        """Which record ids are among them: (n,) bool."""


def rows(table: pa.Table, gone: Records, *names: str) -> pa.Table:
    """`table` without rows that name a record of `gone` in any of the columns `names`."""
    stays = np.ones(table.num_rows, np.bool_)
    for name in names:
        stays &= ~gone.holds(table.column(name))
    return table if stays.all() else table.filter(pa.array(stays))


def verdicts(table: pa.Table, gone: Records) -> pa.Table:
    """VERDICT rows of records that stay; a peer that goes is null, and so is evidence that names one."""
    kept = rows(table, gone, "record_id")
    named = {"peer_id": gone.holds(kept.column("peer_id")), "evidence": _naming(kept.column("evidence"), gone)}
    if kept.num_rows == table.num_rows and not any(hits.any() for hits in named.values()):
        return table
    for name, hits in named.items():
        k = kept.schema.get_field_index(name)
        column = pc.if_else(pa.array(hits), pa.scalar(None, kept.schema.field(k).type), kept.column(k))
        kept = kept.set_column(k, kept.schema.field(k), column)
    return _settled(kept)


def _naming(texts: pa.ChunkedArray, gone: Records) -> np.ndarray:
    """Which texts have the record id of a record of `gone` in them: (n,) bool."""
    found = np.zeros(len(texts), np.bool_)
    if texts.null_count == len(texts):
        return found
    frame = pl.DataFrame({"text": pl.from_arrow(texts)}).with_row_index("row").drop_nulls()
    ids = frame.select("row", id=pl.col("text").str.extract_all(r"[0-9a-f]{32}")).explode("id").drop_nulls()
    binary = ids.get_column("id").str.decode("hex").to_arrow().cast(pa.binary()).cast(RECORD_ID)
    found[ids.get_column("row").to_numpy()[gone.holds(binary)]] = True
    return found


def fates(table: pa.Table, positions: np.ndarray) -> pa.Table:
    """FATES with the records at `positions` (n,) bool erased."""
    here = pa.array(positions)
    columns = [
        pc.if_else(here, pa.scalar(None, FATES.field("record_id").type), table.column("record_id")),
        pc.if_else(here, ERASED, table.column("fate").cast(pa.string())),
        pc.if_else(here, pa.scalar(None, pa.uint8()), table.column("step")),
    ]
    return settled(FATES, pa.table(columns, names=FATES.names))


def scores(table: pa.Table, positions: np.ndarray) -> pa.Table:
    """What was measured, null at `positions` (n,) bool."""
    here = pa.array(positions)
    columns = []
    for column in table.columns:
        plain = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        # by position, not if_else: that knows no lists
        index = pc.if_else(here, pa.scalar(None, pa.int64()), pa.array(np.arange(len(table))))
        columns.append(plain.combine_chunks().take(index).cast(plain.type))
    plain_schema = [f.with_type(f.type.value_type) if pa.types.is_dictionary(f.type) else f for f in table.schema]
    return _as(pa.table(columns, schema=pa.schema(plain_schema)), table.schema)


def edges(table: pa.Table, positions: np.ndarray) -> pa.Table:
    """What links records, without links of those at `positions` (n,) bool."""
    left, right = (table.column(name).to_numpy() for name in ("left", "right"))
    return table.filter(pa.array(~(positions[left] | positions[right])))


def _settled(table: pa.Table) -> pa.Table:
    """Dictionaries without what no row has: a rule or label of an erased record alone is nobody's business."""
    plain = [f.with_type(f.type.value_type) if pa.types.is_dictionary(f.type) else f for f in table.schema]
    return _as(table.cast(pa.schema(plain)), table.schema)


def _as(table: pa.Table, schema: pa.Schema) -> pa.Table:
    return settled(schema, table)
