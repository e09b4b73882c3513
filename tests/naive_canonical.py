"""Canonical bytes, leaves and roots as they are defined, in plain Python: what tamis.snapshot must equal."""

from __future__ import annotations

import hashlib
import struct
from typing import Any


def record(row: dict[str, Any]) -> bytes:
    """The canonical bytes of a row as `to_pylist` gives it."""
    return value({name: item for name, item in row.items() if item is not None})


def value(item: Any) -> bytes:
    """An item of deterministic CBOR."""
    if item is None:
        return b"\xf6"
    if isinstance(item, bool):
        return b"\xf5" if item else b"\xf4"
    if isinstance(item, int):
        return head(0, item) if item >= 0 else head(1, -1 - item)
    if isinstance(item, float):
        return number(item)
    if isinstance(item, str):
        return head(3, len(item.encode())) + item.encode()
    if isinstance(item, bytes):
        return head(2, len(item)) + item
    if isinstance(item, dict):
        members = sorted((value(name), value(inner)) for name, inner in item.items() if inner is not None)
        return head(5, len(members)) + b"".join(name + inner for name, inner in members)
    return head(4, len(item)) + b"".join(map(value, item))


def head(major: int, size: int) -> bytes:
    """The first bytes of an item."""
    if size < 24:
        return bytes([major << 5 | size])
    code, width = next((c, w) for c, w in ((24, 1), (25, 2), (26, 4), (27, 8)) if size < 1 << 8 * w)
    return bytes([major << 5 | code]) + size.to_bytes(width, "big")


def number(item: float) -> bytes:
    """The shortest of half, single and double that holds the value."""
    if item != item:
        return b"\xf9\x7e\x00"
    for code, form in ((0xF9, ">e"), (0xFA, ">f"), (0xFB, ">d")):
        try:
            packed = struct.pack(form, item)
        except OverflowError:
            continue
        if struct.unpack(form, packed)[0] == item:
            return bytes([code]) + packed
    raise AssertionError(item)


def leaf(salt: bytes, data: bytes) -> bytes:
    """A salted leaf."""
    return hashlib.sha256(b"\x00" + salt + data).digest()


def root(leaves: list[bytes]) -> bytes:
    """The root of RFC 6962, by its own recursion: the left tree has the largest power of two below n."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + root(leaves[:split]) + root(leaves[split:])).digest()
