"""Items of CBOR (RFC 8949) written into one buffer, a column at a time: where each goes is known before.

head   (n,) uint8    first byte of each item
width  (n,) uint8    bytes of the number behind it, big-endian: 0, 1, 2, 4 or 8
number (n,) uint64
at     (n,) int64    place of each item in `out`
valid  (n,) bool     false: nothing is written
"""

from __future__ import annotations

from tamis.kernels.jit import njit
from tamis.kernels.raw import copy_bytes


@njit(nogil=True, cache=True, inline="always")
def head_size(number):
    """Bytes of the head of an item of `number` bytes, items or pairs."""
    return 1 if number < 24 else 2 if number < 1 << 8 else 3 if number < 1 << 16 else 5 if number < 1 << 32 else 9


@njit(nogil=True, cache=True, inline="always")
def put_head(out, at, major, number):
    """Write a head at `at`; return where it ends."""
    if number < 24:
        out[at] = major << 5 | number
        return at + 1
    width = head_size(number) - 1
    out[at] = major << 5 | (24 if width == 1 else 25 if width == 2 else 26 if width == 4 else 27)
    for k in range(width):
        out[at + 1 + k] = (number >> (8 * (width - 1 - k))) & 0xFF
    return at + 1 + width


@njit(nogil=True, cache=True)
def head_sizes(numbers, out):
    """out (n,) int64: `head_size` of each of numbers (n,) int64."""
    for row in range(numbers.size):
        out[row] = head_size(numbers[row])


@njit(nogil=True, cache=True)
def put_heads(out, at, major, numbers, valid):
    """Write the head of each item."""
    for row in range(numbers.size):
        if valid[row]:
            put_head(out, at[row], major, numbers[row])


@njit(nogil=True, cache=True)
def put_numbers(out, at, head, width, number, valid):
    """Write numbers, booleans and nan."""
    for row in range(head.size):
        if valid[row]:
            out[at[row]] = head[row]
            for k in range(width[row]):
                out[at[row] + 1 + k] = (number[row] >> (8 * (int(width[row]) - 1 - k))) & 0xFF


@njit(nogil=True, cache=True)
def put_strings(out, at, major, offsets, address, valid):
    """Write text (major 3) or bytes (2): item i is offsets[i] to offsets[i + 1] of the bytes at `address`."""
    for row in range(valid.size):
        if valid[row]:
            start, stop = offsets[row], offsets[row + 1]
            place = put_head(out, at[row], major, stop - start)
            copy_bytes(out.ctypes.data + place, address + start, stop - start)


@njit(nogil=True, cache=True)
def put_constant(out, at, constant, valid):
    """Write the same bytes, constant (k,) uint8, everywhere."""
    for row in range(valid.size):
        if valid[row]:
            for k in range(constant.size):
                out[at[row] + k] = constant[k]


@njit(nogil=True, cache=True)
def item_places(at, counts, sizes, out):
    """out (m,) int64: where the items of each list begin. at, counts (n,): place after its head, and items, of each list;
    sizes (m,): bytes of each item."""
    item = 0
    for row in range(at.size):
        place = at[row]
        for _ in range(counts[row]):
            out[item] = place
            place += sizes[item]
            item += 1
