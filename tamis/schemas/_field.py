"""Arrow fields that carry their own sentence."""

from __future__ import annotations

import pyarrow as pa


def field(name: str, type: pa.DataType, says: str, nullable: bool = True) -> pa.Field:
    """An Arrow field whose metadata holds `says`, the sentence that describes it."""
    return pa.field(name, type, nullable, {"says": says})
