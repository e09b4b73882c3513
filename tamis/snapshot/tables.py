"""The leaves of a snapshot: one table that lets each record be checked alone, and erased without breaking the root.

{"record_id": b"\\x8a…", "salt": b"\\x4f…", "leaf": b"\\xc1…"}      a tombstone has neither record_id nor salt
"""

from __future__ import annotations

import pyarrow as pa

from tamis.schemas._field import field
from tamis.schemas.rows import RECORD_ID

LEAVES = pa.schema(
    [
        field("record_id", RECORD_ID, "The record; null where it was erased."),
        field("salt", pa.binary(16), "Random bytes of this record alone; null where it was erased."),
        field("leaf", pa.binary(32), "sha256 of a zero byte, the salt and the record's canonical bytes.", False),
    ]
)
"""One row for every record, by record_id. A tombstone stays at the place where its record was."""
