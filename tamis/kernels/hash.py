"""XXH64 of Arrow strings (Collet 2014, xxhash.com): 64-bit hashes and 128-bit keys, with no Python object per row."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from tamis.kernels.jit import njit

P1 = np.uint64(0x9E3779B185EBCA87)
P2 = np.uint64(0xC2B2AE3D27D4EB4F)
P3 = np.uint64(0x165667B19E3779F9)
P4 = np.uint64(0x85EBCA77C2B2AE63)
P5 = np.uint64(0x27D4EB2F165667C5)

SECOND_SEED = 0x9E3779B97F4A7C15
"""Seed of the low half of a 128-bit key; the high half has seed 0, so it is the plain XXH64."""


class Bytes(NamedTuple):
    """Strings as the kernels see them: string i is `data[offsets[i]:offsets[i + 1]]`.

    data     (b,) uint8             read only
    offsets  (n + 1,) int32|int64   ascending
    """

    data: np.ndarray
    offsets: np.ndarray


def bytes_of(array: pa.Array) -> Bytes:
    """The buffers of a string or binary array, large or not, sliced or not, without a copy."""
    large = pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)
    width = np.dtype(np.int64 if large else np.int32)
    _, offsets, data = array.buffers()
    if offsets is None or len(array) == 0:
        return Bytes(np.empty(0, np.uint8), np.zeros(len(array) + 1, width))
    where = np.frombuffer(offsets, width, len(array) + 1, array.offset * width.itemsize)
    return Bytes(np.empty(0, np.uint8) if data is None else np.frombuffer(data, np.uint8), where)


def xxh64(array: pa.Array, seed: int = 0) -> np.ndarray:
    """XXH64 of every string: (n,) uint64. A null counts as the empty string: ask `array.is_null()` who is one."""
    out = np.empty(len(array), np.uint64)
    hash_all(*bytes_of(_nulls_emptied(array)), np.uint64(seed), out)
    return out


def key128(array: pa.Array) -> pa.FixedSizeBinaryArray:
    """A 16-byte key of every string: XXH64 with seed 0, then with SECOND_SEED, each big-endian. Null stays null."""
    pairs = np.empty((len(array), 2), np.uint64)
    key_all(*bytes_of(array), np.uint64(SECOND_SEED), pairs)
    return keys(pairs, array.is_valid() if array.null_count else None)


def keys(pairs: np.ndarray, valid: pa.BooleanArray | None = None) -> pa.FixedSizeBinaryArray:
    """pairs (n, 2) uint64, as 16-byte keys that sort as the pairs do; null where `valid` is false."""
    data = pa.py_buffer(np.ascontiguousarray(pairs).astype(">u8"))
    # pc.invert answers with a bitmap of its own that starts at bit 0, also where `valid` is a slice.
    bitmap = None if valid is None else pc.invert(pc.invert(valid)).buffers()[1]
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(pairs), [bitmap, data])


def _nulls_emptied(array: pa.Array) -> pa.Array:
    if not array.null_count:
        return array
    binary = pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type)
    return pc.fill_null(array, b"" if binary else "")


def _load64(typingctx: Any, data: Any, at: Any) -> Any:

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, args[0])
        pointer = builder.gep(view.data, [args[1]])
        return builder.load(builder.bitcast(pointer, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(data, types.int64), build


load64: Any = intrinsic(_load64)
"""`load64(data, at)`: the 8 bytes of `data` from `at`, little-endian, as uint64; any `at`, none is checked."""


@njit(nogil=True, cache=True, inline="always")
def _rotl(x, bits):
    return (x << np.uint64(bits)) | (x >> np.uint64(64 - bits))


@njit(nogil=True, cache=True)
def _round(lane, word):
    return _rotl(lane + word * P2, 31) * P1


@njit(nogil=True, cache=True)
def _merge(h, lane):
    return (h ^ _round(np.uint64(0), lane)) * P1 + P4


@njit(nogil=True, cache=True)
def hash_one(data, start, end, seed):
    """XXH64 of `data[start:end]`. data (b,) uint8; seed uint64."""
    at = np.int64(start)
    stop = np.int64(end)
    if stop - at >= 32:
        a, b, c, d = seed + P1 + P2, seed + P2, seed, seed - P1
        while at + 32 <= stop:
            a = _round(a, load64(data, at))
            b = _round(b, load64(data, at + 8))
            c = _round(c, load64(data, at + 16))
            d = _round(d, load64(data, at + 24))
            at += 32
        h = _rotl(a, 1) + _rotl(b, 7) + _rotl(c, 12) + _rotl(d, 18)
        h = _merge(_merge(_merge(_merge(h, a), b), c), d)
    else:
        h = seed + P5
    h += np.uint64(stop - np.int64(start))
    while at + 8 <= stop:
        h = _rotl(h ^ _round(np.uint64(0), load64(data, at)), 27) * P1 + P4
        at += 8
    if at + 4 <= stop:
        word = np.uint64(0)
        for k in range(4):
            word |= np.uint64(data[at + k]) << np.uint64(8 * k)
        h = _rotl(h ^ (word * P1), 23) * P2 + P3
        at += 4
    while at < stop:
        h = _rotl(h ^ (np.uint64(data[at]) * P5), 11) * P1
        at += 1
    h = (h ^ (h >> np.uint64(33))) * P2
    h = (h ^ (h >> np.uint64(29))) * P3
    return h ^ (h >> np.uint64(32))


@njit(nogil=True, cache=True)
def hash_all(data, offsets, seed, out):
    """`out[i]` = XXH64 of string i. out (n,) uint64, written in place."""
    for i in range(out.size):
        out[i] = hash_one(data, offsets[i], offsets[i + 1], seed)


@njit(nogil=True, cache=True)
def key_all(data, offsets, seed, out):
    """`out[i]` = XXH64 of string i with seed 0 and with `seed`. out (n, 2) uint64, written in place."""
    for i in range(out.shape[0]):
        out[i, 0] = hash_one(data, offsets[i], offsets[i + 1], np.uint64(0))
        out[i, 1] = hash_one(data, offsets[i], offsets[i + 1], seed)
