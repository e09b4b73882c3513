"""Loads from bare addresses, for kernels that call small functions once a character.

Where an array is an argument, numba counts references around each such call, atomically: measured on `take_word`, 11 MB
of text a second against 155. The caller holds the array (`array.ctypes.data` is its address); nothing here is checked.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


def _load(bits: int) -> Any:
    def typed(typingctx: Any, address: Any, at: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            pointer = builder.inttoptr(args[0], ir.IntType(bits).as_pointer())
            value = builder.load(builder.gep(pointer, [args[1]]), align=1)
            return builder.zext(value, ir.IntType(64)) if bits < 64 else value

        return types.int64(types.int64, types.int64), build

    typed.__name__ = f"load{bits}"
    return intrinsic(typed)


load8 = _load(8)
"""`load8(address, at)`: item `at` of an array of bytes, as int64."""
load16 = _load(16)
"""`load16(address, at)`: item `at` of an array of uint16, as int64."""
load32 = _load(32)
"""`load32(address, at)`: item `at` of an array of uint32, as int64."""
