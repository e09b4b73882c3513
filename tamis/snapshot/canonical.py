"""A record as bytes, the same however its table was cut, encoded or stored: deterministic CBOR (RFC 8949, 4.2.1).

{"id": "a", "text": "é", "url": None}   ->   a2 62 69 64 61 61  64 74 65 78 74 62 c3 a9

A record is a map of its columns by name, without those that are null; so a column that is null everywhere changes nothing,
nor does the order of columns. Maps are in the order of their encoded keys.

string             text, however it is stored: plain, large, view or dictionary
binary             byte string
integer, boolean   as they are, whatever their width
float              the shortest of half, single and double that holds the value; nan is f9 7e00
list               array; null in it is null
struct             map of its fields, without those that are null
all else           array of the name of the Arrow type and the value: whole numbers of its unit for times, text for decimals
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa


class Canonical(NamedTuple):
    """Record i is `data[offsets[i] + lead : offsets[i + 1]]`; the `lead` bytes before it are free.

    data     (b,) uint8
    offsets  (n + 1,) int64
    """

    data: np.ndarray
    offsets: np.ndarray
    lead: int

    @property
    def sizes(self) -> np.ndarray:
        """Bytes of each record: (n,) int64."""
        sizes: np.ndarray = np.diff(self.offsets) - self.lead
        return sizes


def canonical(batch: pa.RecordBatch, lead: int = 0) -> Canonical:
    """The canonical bytes of the rows of `batch`."""
    columns = [(_text(f.name), _items(batch.column(k))) for k, f in enumerate(batch.schema)]
    columns.sort()
    rows = [_map([(name, items[row]) for name, items in columns]) for row in range(batch.num_rows)]
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) + lead for row in rows], out=offsets[1:])
    return Canonical(np.frombuffer(b"".join(bytes(lead) + row for row in rows), np.uint8).copy(), offsets, lead)


def _map(members: list[tuple[bytes, bytes | None]]) -> bytes:
    given = [name + value for name, value in members if value is not None]
    return _head(5, len(given)) + b"".join(given)


def _items(column: pa.Array) -> list[bytes | None]:
    return [None if value is None else _value(value) for value in column.to_pylist()]


def _value(value: Any) -> bytes:
    if value is None:
        return b"\xf6"
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, dict):
        return _map(sorted((_text(k), None if v is None else _value(v)) for k, v in value.items()))
    return _head(4, len(value)) + b"".join(map(_value, value))


def _text(value: str) -> bytes:
    data = value.encode()
    return _head(3, len(data)) + data


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << 8 * size:
            return bytes([major << 5 | code]) + number.to_bytes(size, "big")
    raise AssertionError(number)


def _float(value: float) -> bytes:
    if value != value:
        return b"\xf9\x7e\x00"
    for code, form in ((0xF9, ">e"), (0xFA, ">f")):
        try:
            packed = struct.pack(form, value)
        except OverflowError:
            continue
        if struct.unpack(form, packed)[0] == value:
            return bytes([code]) + packed
    return b"\xfb" + struct.pack(">d", value)
