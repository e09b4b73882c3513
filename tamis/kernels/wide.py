"""Sixty-four bytes at a time: loads, compares and copies that numba itself has no words for.

LLVM makes of them what the machine has (one AVX-512, two AVX2, four SSE or NEON operations). Bit b of a mask speaks of byte b.
The caller sees to it that 64 bytes from the offset on exist; nothing is aligned or checked here.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

WIDE = 64
"""Bytes in one step, and the slack a destination of `copy` needs behind its last byte."""

_BYTE = ir.IntType(8)
_VECTOR = ir.VectorType(_BYTE, WIDE)
_MASK = ir.IntType(WIDE)


@intrinsic
def plain(typingctx: Any, data: Any, at: Any) -> Any:
    """Mask of the bytes that end a plain run inside a JSON string: quote, backslash, below 0x20, above 0x7f."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        block = _load(context, builder, signature.args[0], args[0], args[1])
        # As signed numbers the bytes above 0x7f are below 0x20 too: one comparison for both.
        mask = builder.icmp_signed("<", block, _splat(0x20))
        for byte in b'"\\':
            mask = builder.or_(mask, builder.icmp_unsigned("==", block, _splat(byte)))
        return builder.bitcast(mask, _MASK)

    return types.uint64(data, types.int64), build


@intrinsic
def newlines(typingctx: Any, data: Any, at: Any) -> Any:
    """Mask of the bytes that are 0x0a."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        block = _load(context, builder, signature.args[0], args[0], args[1])
        return builder.bitcast(builder.icmp_unsigned("==", block, _splat(0x0A)), _MASK)

    return types.uint64(data, types.int64), build


@intrinsic
def copy(typingctx: Any, source: Any, at: Any, target: Any, to: Any) -> Any:
    """Copy 64 bytes from `source[at:]` to `target[to:]`; give the mask of those that are a backslash."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        block = _load(context, builder, signature.args[0], args[0], args[1])
        builder.store(block, _pointer(context, builder, signature.args[2], args[2], args[3]), align=1)
        return builder.bitcast(builder.icmp_unsigned("==", block, _splat(0x5C)), _MASK)

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


def _pointer(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
    view = context.make_array(kind)(context, builder, array)
    return builder.bitcast(builder.gep(view.data, [at]), _VECTOR.as_pointer())


def _load(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
    return builder.load(_pointer(context, builder, kind, array, at), align=1)


def _splat(byte: int) -> Any:
    return ir.Constant(_VECTOR, [byte] * WIDE)
