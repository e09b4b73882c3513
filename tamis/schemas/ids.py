"""Keys as numbers: what is sorted, cut into ranges and compared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import pyarrow as pa


def halves(ids: pa.Array) -> np.ndarray:
    """Each 16-byte key as two big-endian numbers: (n, 2) uint64; what a null reads as is not defined."""
    ids = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    data = np.frombuffer(ids.buffers()[1] or b"", np.uint8)[ids.offset * 16 : (ids.offset + len(ids)) * 16]
    return data.view(">u8").astype(np.uint64).reshape(-1, 2)


def sort_keys(keys: pa.Array) -> np.ndarray:
    """The first 8 bytes of each 16-byte key as a big-endian number, or the numbers themselves: (n,) uint64."""
    if pa.types.is_uint64(keys.type) or pa.types.is_int64(keys.type):
        numbers: np.ndarray = keys.to_numpy()
        return numbers.view(np.uint64)
    return halves(keys)[:, 0]


def by_key(table: pa.Table) -> pa.Table:
    """`table` in the order of the first 8 bytes of its `key`, then of its rows."""
    return table.take(pa.array(np.argsort(sort_keys(table.column("key")), kind="stable")))


def derived_id(stage: str, parents: Iterable[bytes], place: int) -> bytes:
    """Id (16 bytes) of the row number `place`, from 0, that the stage of the name `stage` makes of the records `parents`."""
    return hashlib.sha256(b"\0".join([stage.encode(), b"".join(parents), b"%d" % place])).digest()[:16]
