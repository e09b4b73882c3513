"""Comparing a column with a number, in the column's own type: no rounding on either side.

UInt64 column, maximum 9007199254740993        compared as whole numbers
Float64 column, maximum 9007199254740993       no such float: compared with the next one below
Int64 column, minimum 0.5                      compared with 1
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction
from typing import Any

import polars as pl

BROKEN: dict[str, Callable[[pl.Expr, Any], pl.Expr]] = {
    "minimum": lambda e, v: e < v,
    "maximum": lambda e, v: e > v,
    "exclusiveMinimum": lambda e, v: e <= v,
    "exclusiveMaximum": lambda e, v: e >= v,
}

SAYS = {
    "minimum": "are less than",
    "maximum": "are more than",
    "exclusiveMinimum": "are not more than",
    "exclusiveMaximum": "are not less than",
}


def beyond(value: pl.Expr, dtype: pl.DataType, name: str, bound: float | int) -> pl.Expr:
    """True where a number in a column of `dtype` breaks the bound called `name`; NaN breaks every bound."""
    # e < v where v lies between two values of the type is e < the upper of them; e > v is e > the lower.
    up = name in ("minimum", "exclusiveMaximum")
    lower = name in ("minimum", "exclusiveMinimum")
    if dtype.is_integer():
        return _whole(value, dtype, name, bound, up, lower)
    if isinstance(dtype, pl.Decimal):
        step = Decimal(1).scaleb(-dtype.scale)
        exact = Decimal(str(bound))
        if math.isinf(bound) or exact.adjusted() + dtype.scale > 37:
            return _always(value, (bound > 0) == lower)
        return BROKEN[name](value, pl.lit(exact.quantize(step, ROUND_CEILING if up else ROUND_FLOOR), dtype))
    if dtype == pl.Float32:
        # A Float32 column holds 1.1 as the nearest Float32; so is the bound.
        return BROKEN[name](value, pl.lit(bound, pl.Float32)) | value.is_nan()
    return BROKEN[name](value, pl.lit(_float(bound, up), pl.Float64)) | value.is_nan()


def _always(value: pl.Expr, is_broken: bool) -> pl.Expr:
    """The answer for a bound outside what the type can hold: the same for every value."""
    return pl.when(value.is_not_null()).then(pl.lit(is_broken))


def _whole(value: pl.Expr, dtype: pl.DataType, name: str, bound: float | int, up: bool, lower: bool) -> pl.Expr:
    low, high = pl.select(dtype.min(), dtype.max().alias("max")).row(0)  # type: ignore[attr-defined]
    exact = bound if math.isinf(bound) else math.ceil(bound) if up else math.floor(bound)
    if exact < low or exact > high:
        return _always(value, (exact > high) == lower)
    return BROKEN[name](value, pl.lit(int(exact), dtype))


def _float(bound: float | int, up: bool) -> float:
    try:
        near = float(bound)
    except OverflowError:
        return math.copysign(math.inf, bound)
    if isinstance(bound, float) or Fraction(near) == bound:
        return near
    if (Fraction(near) < bound) == up:
        return math.nextafter(near, math.inf if up else -math.inf)
    return near


def not_multiple(value: pl.Expr, dtype: pl.DataType, step: float | int) -> pl.Expr:
    """True where a number is no multiple of `step`: exactly for whole numbers, within 1e-9 of a step for others."""
    if dtype.is_integer() and float(step).is_integer():
        return value.cast(pl.Int128) % int(step) != 0
    steps = value.cast(pl.Float64) / float(step)
    return ((steps - steps.round()).abs() > 1e-9 * pl.max_horizontal(steps.abs(), 1.0)) | ~steps.is_finite()
