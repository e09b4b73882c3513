"""SHA-1 of many short messages (FIPS 180-4), eight at a time, each in a lane of vectors of eight 32-bit words.

Only the first eight bytes of a digest are given: what MinHash wants of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from tamis.kernels.jit import njit
from tamis.kernels.raw import load_bytes

LANES = 8

SLACK = 64
"""Bytes behind the last message that may be read, and are then masked out."""

_START = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)
_ROUND = (0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6)

_INITIAL = np.repeat(np.array(_START, np.uint32), LANES)
# Of eight bytes whose first k - 1 belong to the message: the mask of those, and the byte 0x80 behind it. 0: it has ended
# before them; 9: it goes on behind them.
_INSIDE = np.array([0, *((1 << 8 * k) - 1 for k in range(9))], np.uint64)
_CLOSING = np.array([0, *(0x80 << 8 * k for k in range(8)), 0], np.uint64)


class _Vector:
    """Arithmetic of LLVM vectors of LANES words, as Python spells it."""

    kind = ir.VectorType(ir.IntType(32), LANES)

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value

    def _of(self, other: _Vector | int) -> Any:
        return ir.Constant(self.kind, [other] * LANES) if isinstance(other, int) else other.value

    def __add__(self, other: _Vector | int) -> _Vector:
        return _Vector(self.builder, self.builder.add(self.value, self._of(other)))

    def __xor__(self, other: _Vector) -> _Vector:
        return _Vector(self.builder, self.builder.xor(self.value, other.value))

    def __and__(self, other: _Vector) -> _Vector:
        return _Vector(self.builder, self.builder.and_(self.value, other.value))

    def __or__(self, other: _Vector) -> _Vector:
        return _Vector(self.builder, self.builder.or_(self.value, other.value))

    def turn(self, bits: int) -> _Vector:
        """Rotated to the left."""
        high = self.builder.shl(self.value, self._of(bits))
        low = self.builder.lshr(self.value, self._of(32 - bits))
        return _Vector(self.builder, self.builder.or_(high, low))


def _mixed(state: list[_Vector], words: list[_Vector]) -> list[_Vector]:
    """`state` (5) after a block whose 16 `words` are given: section 6.1.2 of the standard."""
    w = list(words)
    for t in range(16, 80):
        w.append((w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16]).turn(1))
    a, b, c, d, e = state
    for t in range(80):
        if t < 20:
            f = d ^ (b & (c ^ d))
        elif 40 <= t < 60:
            f = (b & c) | (d & (b | c))
        else:
            f = b ^ c ^ d
        a, b, c, d, e = a.turn(5) + (f + (e + (w[t] + _ROUND[t // 20]))), a, b.turn(30), c, d
    return [x + y for x, y in zip(state, (a, b, c, d, e), strict=True)]


def _compress(typingctx: Any, state: Any, words: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = _Vector.kind
        places = [builder.inttoptr(address, vector.as_pointer()) for address in args]

        def place(which: int, k: int) -> Any:
            return builder.gep(places[which], [ir.Constant(ir.IntType(64), k)])

        def load(which: int, k: int) -> _Vector:
            return _Vector(builder, builder.load(place(which, k), align=4))

        swap = builder.module.declare_intrinsic("llvm.bswap.v8i32", (), ir.FunctionType(vector, [vector]))
        message = [_Vector(builder, builder.call(swap, [load(1, k).value])) for k in range(16)]
        for k, after in enumerate(_mixed([load(0, k) for k in range(5)], message)):
            builder.store(after.value, place(0, k), align=4)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), build


compress: Any = intrinsic(_compress)
"""`compress(state, words)`: mix a block of LANES messages into their states; both are addresses.

state  (5, LANES) uint32   written in place
words  (16, LANES) uint32  the block as it lies in memory: little-endian words of it
"""


@njit(nogil=True, cache=True)
def hash_slices(data, starts, sizes, out):
    """`out[i]` = the first eight bytes, little-endian, of the SHA-1 of `data[starts[i]:starts[i] + sizes[i]]`.

    data    (b,) uint8   SLACK bytes or more behind the last message
    starts  (m,) int64
    sizes   (m,) int64
    out     (m,) uint64  `out & 0xFFFFFFFF` are the first four bytes
    """
    text = data.ctypes.data
    state, words = np.empty(5 * LANES, np.uint32), np.empty(16 * LANES, np.uint32)
    states, block = state.ctypes.data, words.ctypes.data
    for first in range(0, starts.size, LANES):
        lanes = min(LANES, starts.size - first)
        longest = 0
        for lane in range(lanes):
            longest = max(longest, sizes[first + lane])
        state[:] = _INITIAL
        for b in range((longest + 72) // 64):
            for lane in range(lanes):
                # A lane that is done goes on idly with the others: its digest was taken, and nothing past SLACK is read.
                size = sizes[first + lane]
                blocks = (size + 72) // 64
                at = starts[first + lane] + 64 * b if b < blocks else starts[first + lane]
                left = size - 64 * b
                for k in range(8):
                    inside = min(max(left - 8 * k, -1), 8) + 1
                    chunk = load_bytes(text, at + 8 * k) & _INSIDE[inside] | _CLOSING[inside]
                    words[2 * k * LANES + lane] = chunk
                    words[(2 * k + 1) * LANES + lane] = chunk >> np.uint64(32)
                if b == blocks - 1:
                    words[14 * LANES + lane] = _swapped(size >> 29)
                    words[15 * LANES + lane] = _swapped(size << 3)
            compress(states, block)
            for lane in range(lanes):
                if b == (sizes[first + lane] + 72) // 64 - 1:
                    high, low = np.uint64(_swapped(state[LANES + lane])), np.uint64(_swapped(state[lane]))
                    out[first + lane] = high << np.uint64(32) | low


@njit(nogil=True, cache=True, inline="always")
def _swapped(x):
    """The low four bytes of `x` in the other order (uint32)."""
    x = np.uint64(x)
    return np.uint32(
        (x & np.uint64(0xFF)) << np.uint64(24)
        | (x & np.uint64(0xFF00)) << np.uint64(8)
        | (x >> np.uint64(8)) & np.uint64(0xFF00)
        | (x >> np.uint64(24)) & np.uint64(0xFF)
    )
