"""Values from YAML as the types that parameters declare."""

from __future__ import annotations

from collections.abc import Iterable
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


def fit(value: Any, cls: type, param: str) -> Any:
    """`value` as the type that `cls` declares for `param`: lists become tuples, whole numbers floats.

    Raises TypeError that says what was found and what is wanted.
    """
    wanted = get_type_hints(cls).get(param, Any)
    return _fit(value, wanted, param)


def _fit(value: Any, wanted: Any, param: str) -> Any:
    origin = get_origin(wanted)
    if wanted is Any:
        return value
    if origin in (Union, UnionType):
        return _one_of(value, get_args(wanted), wanted, param)
    if origin is Literal:
        if value in get_args(wanted):
            return value
        raise TypeError(f"{param} is {value!r}; it must be one of {', '.join(map(repr, get_args(wanted)))}")
    if origin is tuple:
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise TypeError(f"{param} is {value!r}; it must be a list")
        item = get_args(wanted)[0]
        return tuple(_fit(v, item, f"{param}[{k}]") for k, v in enumerate(value))
    if origin is dict or wanted is dict:
        if not isinstance(value, dict):
            raise TypeError(f"{param} is {value!r}; it must be a mapping")
        return value
    if wanted in (int, float) and isinstance(value, (int, float)) and not abs(value) < 2**63:
        raise TypeError(f"{param} is {value!r:.60}; it must be a number between -2**63 and 2**63")
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if wanted in (NoneType, None):
        wanted = NoneType
    if (isinstance(value, bool) and wanted is not bool) or not isinstance(value, wanted):
        hint = "; YAML takes yes, no, on and off for truth values: quote them" if isinstance(value, bool) else ""
        raise TypeError(f"{param} is {value!r}; it must be {_name(wanted)}{hint if wanted is str else ''}")
    return value


def _one_of(value: Any, choices: tuple[Any, ...], wanted: Any, param: str) -> Any:
    for choice in choices:
        try:
            return _fit(value, choice, param)
        except TypeError:
            continue
    raise TypeError(f"{param} is {value!r}; it must be {' or '.join(map(_name, choices))}")


def _name(kind: Any) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "text", NoneType: "null"}
    if get_origin(kind) is Literal:
        return " or ".join(map(repr, get_args(kind)))
    return names.get(kind) or ("a list" if get_origin(kind) is tuple else str(kind))
