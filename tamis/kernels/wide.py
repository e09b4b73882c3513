"""Bytes by their address, one or sixty-four at a time: what numba itself has no words for.

Kernels hand each other pointers and numbers, no arrays: decoding text takes 0.25 ns a byte so, and 0.70 with arrays in
their place and nothing else changed. Arrays bring counted references and a test for negative positions; which of them
costs the most was not measured.
The caller sees to it that what is read and written exists; nothing is checked here, and nothing need be aligned.

LLVM makes of 64 bytes what the machine has: one AVX-512, two AVX2, four SSE or NEON operations. Bit b of a mask speaks
of byte b.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.extending import intrinsic as numba_intrinsic

# Its type hints describe how an intrinsic is written, not how it is called.
intrinsic: Any = numba_intrinsic

WIDE = 64
"""Bytes in one step, and the slack a destination of `copy` needs behind its last byte."""

_VECTOR = ir.VectorType(ir.IntType(8), WIDE)
_MASK = ir.IntType(WIDE)


class Block(NamedTuple):
    """Bytes as kernels hand them on: `byte[at]` for `at` from 0 up to `size`."""

    byte: Any
    size: int


@intrinsic
def pointer(typingctx: Any, array: Any) -> Any:
    """Where a contiguous array begins. The array must outlive it."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, args[0]).data

    return types.CPointer(array.dtype)(array), build


@intrinsic
def equal(typingctx: Any, data: Any, at: Any, byte: Any) -> Any:
    """Mask of the bytes that are `byte`."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        found = builder.icmp_unsigned("==", _load(builder, args[0], args[1]), _splat(builder, args[2]))
        return builder.bitcast(found, _MASK)

    return types.uint64(data, types.int64, types.uint8), build


@intrinsic
def below(typingctx: Any, data: Any, at: Any, byte: Any) -> Any:
    """Mask of the bytes below `byte` in the order of signed numbers: 0x80 … 0xff, 0x00 … 0x7f."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        found = builder.icmp_signed("<", _load(builder, args[0], args[1]), _splat(builder, args[2]))
        return builder.bitcast(found, _MASK)

    return types.uint64(data, types.int64, types.uint8), build


@intrinsic
def copy(typingctx: Any, source: Any, at: Any, target: Any, to: Any) -> Any:
    """Copy 64 bytes from `source[at]` on to `target[to]` on; give the mask of those that are a backslash."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        block = _load(builder, args[0], args[1])
        builder.store(block, _vector(builder, args[2], args[3]), align=1)
        return builder.bitcast(
            builder.icmp_unsigned("==", block, _splat(builder, ir.Constant(ir.IntType(8), 0x5C))), _MASK
        )

    return types.uint64(source, types.int64, target, types.int64), build


@intrinsic
def first(typingctx: Any, mask: Any) -> Any:
    """Position of the lowest bit of a mask that is not 0."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), build


@intrinsic
def count(typingctx: Any, mask: Any) -> Any:
    """Number of bits set."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.uint64), build


def _vector(builder: Any, byte: Any, at: Any) -> Any:
    return builder.bitcast(builder.gep(byte, [at]), _VECTOR.as_pointer())


def _load(builder: Any, byte: Any, at: Any) -> Any:
    return builder.load(_vector(builder, byte, at), align=1)


def _splat(builder: Any, byte: Any) -> Any:
    lane, lanes = ir.IntType(32), ir.VectorType(ir.IntType(32), WIDE)
    one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), byte, ir.Constant(lane, 0))
    return builder.shuffle_vector(one, ir.Constant(_VECTOR, ir.Undefined), ir.Constant(lanes, [0] * WIDE))
