"""Columns and fields by the name they have: polars reads `*` and `^…$` as patterns, and a name may be one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl
from polars import selectors


def named(name: str) -> pl.Expr:
    """The column called `name`, whatever that is."""
    return selectors.by_name(name).as_expr() if is_pattern(name) else pl.col(name)


def member(value: pl.Expr, name: str, names: Sequence[str]) -> pl.Expr:
    """The field called `name` of a struct whose fields are `names`."""
    if not is_pattern(name):
        return value.struct.field(name)
    numbers = [str(k) for k in range(len(names))]
    return value.struct.rename_fields(numbers).struct.field(numbers[names.index(name)])


def roots(exprs: Iterable[pl.Expr], there: Iterable[str]) -> set[str]:
    """Names that `exprs` ask for; of those that are patterns, which an expression does not tell, all that are `there`."""
    told = {name for expr in exprs for name in expr.meta.root_names() if name}
    return told | {name for name in there if is_pattern(name)}


def is_pattern(name: str) -> bool:
    """Whether polars would read `name` as a pattern."""
    return name == "*" or (name.startswith("^") and name.endswith("$"))
