"""What the kernels know of Unicode code points: composition and case, from codepoints.csv (Unicode 16.0).

The tables travel with the package, so that a row is cleaned and compared the same under any Python and any pyarrow.
codepoints.csv was made with unicodedata2 16.0.0 (`nfc`) and Python 3.11's str.lower (`lower`, Unicode 14.0).
"""

from __future__ import annotations

from csv import DictReader
from functools import cache
from importlib.resources import files

import numpy as np

from tamis.kernels.jit import njit

COUNT = 0x110000

MAY_COMPOSE = 255

WHITE_SPACE = (
    *range(0x09, 0x0E),
    0x20,
    0x85,
    0xA0,
    0x1680,
    *range(0x2000, 0x200B),
    0x2028,
    0x2029,
    0x202F,
    0x205F,
    0x3000,
)
"""Code points with the property White_Space."""


@cache
def combining() -> np.ndarray:
    """(0x110000,) uint8: canonical combining class; MAY_COMPOSE where NFC_Quick_Check is not Yes (UAX 15)."""
    table = np.zeros(COUNT, np.uint8)
    for first, last, _, value in _ranges("nfc"):
        table[first : last + 1] = value
    return table


@cache
def folded() -> np.ndarray:
    """(0x110000,) int32: simple lower case; every White_Space code point is U+0020."""
    table = np.arange(COUNT, dtype=np.int32)
    for first, last, step, value in _ranges("lower"):
        table[first : last + 1 : step] += value
    table[list(WHITE_SPACE)] = 0x20
    return table


def _ranges(name: str) -> list[tuple[int, int, int, int]]:
    with files("tamis.kernels").joinpath("codepoints.csv").open(encoding="ascii") as lines:
        rows = [row for row in DictReader(lines) if row["property"] == name]
    return [(int(row["first"], 16), int(row["last"], 16), int(row["step"]), int(row["value"])) for row in rows]


@njit(nogil=True, cache=True)
def decode(data, at, stop):
    """The code point that starts at `data[at]` and its size in bytes; U+FFFD and 1 where it is cut or out of range."""
    byte = np.int64(data[at])
    if byte < 0x80:
        return byte, 1
    size = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
    if byte < 0xC0 or at + size > stop:
        return np.int64(0xFFFD), 1
    point = byte & (0x7F >> size)
    for k in range(1, size):
        point = (point << 6) | (np.int64(data[at + k]) & 0x3F)
    if point >= COUNT:
        return np.int64(0xFFFD), 1
    return point, size


@njit(nogil=True, cache=True)
def encode(point, out, at):
    """Write `point` as UTF-8 to `out[at:]`; give the size in bytes."""
    if point < 0x80:
        out[at] = point
        return 1
    if point < 0x800:
        out[at] = 0xC0 | (point >> 6)
        out[at + 1] = 0x80 | (point & 0x3F)
        return 2
    if point < 0x10000:
        out[at] = 0xE0 | (point >> 12)
        out[at + 1] = 0x80 | ((point >> 6) & 0x3F)
        out[at + 2] = 0x80 | (point & 0x3F)
        return 3
    out[at] = 0xF0 | (point >> 18)
    out[at + 1] = 0x80 | ((point >> 12) & 0x3F)
    out[at + 2] = 0x80 | ((point >> 6) & 0x3F)
    out[at + 3] = 0x80 | (point & 0x3F)
    return 4
