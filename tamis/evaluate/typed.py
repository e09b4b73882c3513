"""A mapping out of YAML as a dataclass: no key that it has not, and each of the type it is declared with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from tamis.contracts.tree import nearest
from tamis.evaluate.suite import SuiteError

_TYPES: dict[str, Any] = {"int": int, "float": (int, float), "str": str, "bool": bool}


def typed(cls: Any, value: Any, path: Path | str, place: str) -> Any:
    """`cls` with the fields of `value`, each of the type it is declared with."""
    if not isinstance(value, dict):
        raise SuiteError(f"found {value!r:.60}; a mapping was wanted", path, place)
    declared = {f.name: str(f.type) for f in fields(cls)}
    known(value, tuple(declared), path, place)
    for key, told in value.items():
        kind = declared[key].partition(" | ")[0]
        if kind.startswith("Literal["):
            allowed = re.findall(r"'([^']+)'", kind)
            if told not in allowed:
                raise SuiteError(f"{key} is {told!r}; it is one of {', '.join(allowed)}", path, place)
        elif kind in _TYPES and not (told is None and "None" in declared[key]):
            wrong = isinstance(told, bool) != (kind == "bool")
            if wrong or not isinstance(told, _TYPES[kind]):
                raise SuiteError(f"{key} is {told!r:.60}; {kind} was wanted", path, place)
            if isinstance(told, (int, float)) and not abs(told) <= 2**53:
                raise SuiteError(f"{key} is {told!r:.60}; a number within 2**53 was wanted", path, place)
    return cls(**value)


def known(found: Mapping[Any, Any], names: tuple[str, ...], path: Path | str, place: str) -> None:
    """Raises SuiteError for a key of `found` that is none of `names`."""
    for key in found:
        if key not in names:
            raise SuiteError(f"no key {key!r}{nearest(str(key), names)}", path, place)


def mapping(value: Any, path: Path | str, place: str) -> dict[str, Any]:
    """`value`, a mapping of names. Raises SuiteError."""
    if not isinstance(value, dict) or not all(isinstance(k, str) for k in value):
        raise SuiteError(f"found {value!r:.60}; a mapping was wanted", path, place)
    return dict(value)
