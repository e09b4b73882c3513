"""How many records there are, before they are read: parquet says it, lines are counted here and there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import BinaryIO

import pyarrow.parquet as pq

from tamis.data import InputFile
from tamis.data.compressed import Broken, unpacked
from tamis.data.parquet import UNREADABLE, source

SPOTS, SPOT = 16, 64 << 10
"""Places of a file that are looked at, and bytes of each."""

PIECES = 4
"""Pieces of a compressed file that are unpacked."""


def records_in(files: Sequence[InputFile]) -> float:
    """Records of `files`, about; exactly where all are Parquet or short."""
    return sum(_records(file) for file in files)


def bytes_in(files: Sequence[InputFile]) -> float:
    """Bytes of `files`, unpacked, about."""
    return sum(file.bytes * (4 if file.compression or file.format == "parquet" else 1) for file in files)


def _records(file: InputFile) -> float:
    if file.format == "parquet":
        try:
            return float(pq.read_metadata(source(file.path)).num_rows)
        except UNREADABLE:
            return 0.0
    lines = seen = 0
    # What is wrong with a file, the walk will tell.
    with suppress(OSError, Broken), file.path.open("rb") as opened:
        for piece in (
            islice(unpacked(opened, file.compression), PIECES) if file.compression else _spots(opened, file.bytes)
        ):
            lines += piece.count(b"\n")
            seen = min(opened.tell(), file.bytes) if file.compression else seen + len(piece)
    return max(1.0, lines) * file.bytes / seen if seen else 0.0


def _spots(opened: BinaryIO, size: int) -> Iterator[bytes]:
    """Pieces from here and there: all of a short file, else at even distances."""
    short = size <= SPOTS * SPOT
    for k in range(-(-size // SPOT) if short else SPOTS):
        opened.seek(k * SPOT if short else k * (size - SPOT) // (SPOTS - 1))
        yield opened.read(SPOT)
