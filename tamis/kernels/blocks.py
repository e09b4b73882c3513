"""Which of 64 bytes are what, as the bits of one number: a text is then walked word by word, not byte by byte.

LLVM makes one or a few vector comparisons of it on every processor (simdjson's idea: Langdale and Lemire 2019).
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from tamis.kernels.raw import _intrinsic

WIDTH = 64

_BYTES = ir.VectorType(ir.IntType(8), WIDTH)


def _bits(name: str, holds: Any) -> Any:
    """An intrinsic of an address and an offset: bit k of the uint64 says whether `holds` is true of byte k from there."""

    def typed(typingctx: Any, address: Any, at: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            pointer = builder.inttoptr(builder.add(args[0], args[1]), _BYTES.as_pointer())
            return builder.bitcast(holds(builder, builder.load(pointer, align=1)), ir.IntType(64))

        return types.uint64(types.int64, types.int64), build

    typed.__name__ = name
    return intrinsic(typed)


def _all(byte: int) -> Any:
    return ir.Constant(_BYTES, [byte] * WIDTH)


def _among(builder: Any, data: Any, first: int, count: int) -> Any:
    """Bytes from `first` on, `count` of them: one comparison, as smaller ones wrap to large."""
    return builder.icmp_unsigned("<", builder.sub(data, _all(first)), _all(count))


def _is_word(builder: Any, data: Any) -> Any:
    letter = _among(builder, builder.or_(data, _all(0x20)), ord("a"), 26)
    return builder.or_(letter, _among(builder, data, ord("0"), 10))


def _is_run(builder: Any, data: Any) -> Any:
    return builder.or_(_is_word(builder, data), builder.icmp_unsigned("==", data, _all(ord("_"))))


word_bits = _bits("word_bits", _is_word)
"""`word_bits(address, at)`: which of the 64 bytes from `at` are ASCII letters or digits; all 64 are read."""
run_bits = _bits("run_bits", _is_run)
"""`run_bits(address, at)`: the same, or underscores."""
high_bits = _bits("high_bits", lambda builder, data: builder.icmp_signed("<", data, _all(0)))
"""`high_bits(address, at)`: which of them are no ASCII."""


@_intrinsic
def zeros_above(typingctx: Any, bits: Any) -> Any:
    """How many bits of `bits` (uint64) are 0 above the highest that is 1; 64 if none is."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctlz(args[0], ir.IntType(1)(0))

    return types.int64(types.uint64), build
