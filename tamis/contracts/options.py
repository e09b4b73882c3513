"""`logicalTypeOptions` and allowed values: which there are, and what they may hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from tamis.contracts.formats import STRING_FORMATS
from tamis.contracts.patterns import check_pattern
from tamis.contracts.temporal import read_format, read_moment
from tamis.contracts.tree import ContractError, Located, nearest

_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")

OPTIONS: dict[str, tuple[str, ...]] = {
    "string": ("minLength", "maxLength", "pattern", "format"),
    "integer": (*_BOUNDS, "multipleOf", "format"),
    "number": (*_BOUNDS, "multipleOf", "format"),
    "date": (*_BOUNDS, "format"),
    "timestamp": (*_BOUNDS, "format", "timezone", "defaultTimezone"),
    "time": (*_BOUNDS, "format"),
    "array": ("minItems", "maxItems", "uniqueItems"),
    "object": ("required",),
    "map": (),
    "boolean": (),
}

INTEGER_FORMATS = {
    f"{sign}{bits}": (-(1 << (bits - 1)) if sign == "i" else 0, (1 << (bits - (sign == "i"))) - 1)
    for sign in "iu"
    for bits in (8, 16, 32, 64, 128)
}
"""Lowest and highest value of each."""

_PYTHON: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


def read_options(node: Located, logical: str | None, path: Path) -> dict[str, Any]:
    """`options` and `option_lines` of a property. Raises ContractError for one that is unknown, unfit or impossible."""
    tree = node.get("logicalTypeOptions")
    if tree is None:
        return {}
    if not isinstance(tree.value, dict):
        raise ContractError("logicalTypeOptions wants keys and values", path, tree.line)
    if logical is None:
        raise ContractError("logicalTypeOptions without logicalType; say which type", path, tree.line)
    options: dict[str, Any] = {}
    for name, item in tree.value.items():
        if name not in OPTIONS[logical]:
            if name in ("minProperties", "maxProperties"):
                raise ContractError(
                    f"{name!r} is not checked; a column has the same fields in every row", path, item.line
                )
            if name in ("timezone", "defaultTimezone"):
                raise ContractError(f"{name!r} is not checked for {logical}; take it out", path, item.line)
            known = f"{logical} has no option {name!r}"
            raise ContractError(known + (nearest(name, OPTIONS[logical]) if OPTIONS[logical] else ""), path, item.line)
        if item.value is not None:
            options[name] = _option(name, item, logical, path)
    _possible(options, path, tree.line)
    return {"options": options, "option_lines": {k: v.line for k, v in tree.value.items()}}


def _option(name: str, item: Located, logical: str, path: Path) -> Any:
    value = item.plain
    if name in ("minLength", "maxLength", "minItems", "maxItems"):
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise ContractError(f"{name} is {value!r}; wanted a whole number of 0 or more", path, item.line)
    elif name in ("uniqueItems", "timezone"):
        if not isinstance(value, bool):
            raise ContractError(f"{name} is {value!r}; wanted true or false", path, item.line)
    elif name == "pattern":
        if not isinstance(value, str):
            raise ContractError(f"pattern is {value!r}; wanted text, in quotes", path, item.line)
        check_pattern(value, path, item.line)
    elif name == "required":
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise ContractError(f"required is {value!r}; here it is a list of names", path, item.line)
    elif name == "format":
        return _format(value, logical, path, item.line)
    elif name == "defaultTimezone":
        return _zone(value, path, item.line)
    elif logical in ("integer", "number"):
        if not isinstance(value, int | float) or isinstance(value, bool) or value != value:
            raise ContractError(f"{name} is {value!r}; wanted a number", path, item.line)
        if name == "multipleOf" and value <= 0:
            raise ContractError(f"multipleOf is {value!r}; wanted more than 0", path, item.line)
    else:
        return read_moment(value, logical, path, item.line)
    return value


def _format(value: Any, logical: str, path: Path, line: int) -> Any:
    known: Sequence[str]
    if logical == "string":
        known = sorted(STRING_FORMATS)
    elif logical == "integer":
        known = sorted(INTEGER_FORMATS)
    elif logical == "number":
        known = ["f32", "f64"]
    else:
        read_format(value, logical, path, line)
        return value
    if value not in known:
        hint = "; for another form of text write a pattern" if logical == "string" else ""
        raise ContractError(f"format {value!r} is not one tamis checks{nearest(str(value), known)}{hint}", path, line)
    return value


def _zone(value: Any, path: Path, line: int) -> str:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise ContractError(f"no time zone is called {value!r}; wanted a name as Etc/UTC", path, line) from None
    return str(value)


def _possible(options: dict[str, Any], path: Path, line: int) -> None:
    """A range that nothing can be in is a slip of the pen."""
    for low, high, equal in (
        ("minLength", "maxLength", True),
        ("minItems", "maxItems", True),
        ("minimum", "maximum", True),
        ("minimum", "exclusiveMaximum", False),
        ("exclusiveMinimum", "maximum", False),
        ("exclusiveMinimum", "exclusiveMaximum", False),
    ):
        if low not in options or high not in options:
            continue
        bottom, top = options[low], options[high]
        if isinstance(bottom, datetime) and (bottom.tzinfo is None) != (top.tzinfo is None):
            raise ContractError(f"only one of {low} and {high} has a time zone", path, line)
        if bottom > top or (bottom == top and not equal):
            raise ContractError(f"{low} {bottom} and {high} {top} leave no value that is right", path, line)


def check_enum(values: Sequence[Any], lines: Sequence[int], logical: str | None, path: Path) -> None:
    """Raise ContractError for an allowed value that no value of type `logical` could equal."""
    for value, line in zip(values, lines, strict=True):
        if value is None or (logical is None and isinstance(value, str | int | float)):
            continue
        if logical is not None and logical not in _PYTHON:
            raise ContractError(
                f"lists of values are checked for text, numbers and booleans, not for {logical}", path, line
            )
        right = logical is not None and isinstance(value, _PYTHON[logical])
        if not right or (isinstance(value, bool) and logical != "boolean"):
            hint = "; YAML reads yes, no, on and off as true and false" if isinstance(value, bool) else ""
            hint = "; YAML reads it as a date" if isinstance(value, date | time) else hint
            raise ContractError(
                f"{value!r} can be no value of type {logical}{hint}; put quotes around text", path, line
            )
