"""Loads from bare addresses, for kernels that call small functions once a character.

Where an array is an argument, numba counts references around each such call, atomically: measured on `take_word`, 11 MB
of text a second against 155. The caller holds the array (`array.ctypes.data` is its address); nothing here is checked.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


def _intrinsic(function: Any) -> Any:
    """numba's `intrinsic`; its type would have callers pass the typing context, which numba passes itself."""
    return intrinsic(function)


def _load(bits: int) -> Any:
    def typed(typingctx: Any, address: Any, at: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            pointer = builder.inttoptr(args[0], ir.IntType(bits).as_pointer())
            value = builder.load(builder.gep(pointer, [args[1]]), align=1)
            return builder.zext(value, ir.IntType(64))

        return types.int64(types.int64, types.int64), build

    typed.__name__ = f"load{bits}"
    return intrinsic(typed)


load8 = _load(8)
"""`load8(address, at)`: item `at` of an array of bytes, as int64."""
load16 = _load(16)
"""`load16(address, at)`: item `at` of an array of uint16, as int64."""
load32 = _load(32)
"""`load32(address, at)`: item `at` of an array of uint32, as int64."""


@_intrinsic
def load_bytes(typingctx: Any, address: Any, at: Any) -> Any:
    """The eight bytes from byte `at` on, which need not be aligned: uint64, the first the lowest."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(builder.add(args[0], args[1]), ir.IntType(64).as_pointer())
        return builder.load(pointer, align=1)

    return types.uint64(types.int64, types.int64), build


@_intrinsic
def zeros_below(typingctx: Any, bits: Any) -> Any:
    """How many bits of `bits` (uint64) are 0 below the lowest that is 1; 64 if none is."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.IntType(1)(0))

    return types.int64(types.uint64), build


@_intrinsic
def copy_bytes(typingctx: Any, target: Any, source: Any, size: Any) -> Any:
    """Copy `size` bytes from the address `source` to the address `target`; they do not overlap."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bytes_at = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [bytes_at, bytes_at, ir.IntType(64), ir.IntType(1)])
        name = "llvm.memcpy.p0.p0.i64"
        copy = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
        places = [builder.inttoptr(args[k], bytes_at) for k in (0, 1)]
        builder.call(copy, [*places, args[2], ir.IntType(1)(0)])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), build
