"""Where files of rows end: at places that the rows decide, so that datasets which share rows share files.

A row ends a file where the hash of its id is below its share of TARGET bytes: a file has about that many, whatever comes
before it. One row more or less changes the file that it is in, and with luck no other. (Content-defined chunking, as
Muthitacharoen et al. 2001 do it for bytes.)
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from tamis.data.groups import cut
from tamis.data.writer import LEVEL
from tamis.kernels.hash import xxh64

TARGET, LEAST, MOST = 32 << 20, 8 << 20, 96 << 20
"""Bytes of text in a file: on average beyond the least, at least, and from which it ends."""

GROUP_ROWS, GROUP_BYTES = 1 << 14, 2 << 20
"""A row group ends at so many rows or bytes of text.

Groups of 4 MiB cost 30 MB more at the peak of a run and no less CPU.
"""

WRITER = {"file_bytes": [LEAST, TARGET, MOST], "group": [GROUP_ROWS, GROUP_BYTES], "compression": f"zstd-{LEVEL}"}
"""What, beside the rows, the bytes of a file depend on."""


def file_ends(ids: pa.Array, sizes: np.ndarray, before: int) -> np.ndarray:
    """Rows after which a file ends, counted from 1: (k,) int64.

    ids     16 bytes each
    sizes   (n,) int64 bytes of each row, as `row_bytes` has them
    before  bytes in the file so far
    """
    return ends_among(may_end(ids, sizes), sizes, before)


def may_end(ids: pa.Array, sizes: np.ndarray) -> np.ndarray:
    """(n,) bool: rows that end a file, where it has the least bytes by then. As in `file_ends`."""
    # 53 bits of the hash: as many as a float holds.
    chance = (xxh64(ids.cast(pa.binary())) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    found: np.ndarray = chance < sizes / TARGET
    return found


def ends_among(may: np.ndarray, sizes: np.ndarray, before: int) -> np.ndarray:
    """As `file_ends`, where it is known which rows may end a file: may (n,) bool."""
    may_end = np.flatnonzero(may)
    held, base = np.cumsum(sizes) + before, 0
    found: list[int] = []
    while True:
        late = int(np.searchsorted(may_end, np.searchsorted(held, base + LEAST)))
        drawn = int(may_end[late]) if late < may_end.size else len(sizes)
        end = min(drawn, int(np.searchsorted(held, base + MOST)))
        if end >= len(sizes):
            return np.array(found, np.int64)
        found.append(end + 1)
        base = int(held[end])


def in_file_groups(rows: pa.Table, sizes: np.ndarray) -> Iterator[pa.Table]:
    """`rows` of one file in its row groups. sizes (n,) int64"""
    for ((_, start, end),) in cut([sizes], GROUP_ROWS, GROUP_BYTES):
        yield rows.slice(start, end - start)
