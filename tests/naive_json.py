"""JSON Lines by the definition, with Python's own parser made strict."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

DEPTH = 512


class Pairs(list):
    """The members of an object, in order, repeated ones too."""


class Raw(str):
    """A number, as it was written."""


class Line(NamedTuple):
    number: int
    start: int
    end: int
    members: Pairs | None
    """None: the line is not a JSON object, or a wanted key is twice in it."""


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def parse(text: bytes) -> Any:
    """The value, with objects as Pairs and numbers as Raw. Raises ValueError."""
    value = json.loads(text.decode(), object_pairs_hook=Pairs, parse_int=Raw, parse_float=Raw, parse_constant=_refuse)
    if depth(value) > DEPTH:
        raise ValueError("too deep")
    return value


def depth(value: Any) -> int:
    if isinstance(value, Pairs):
        return 1 + max((depth(v) for _, v in value), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


def members(text: bytes, wanted: tuple[str, ...]) -> Pairs | None:
    try:
        value = parse(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, Pairs):
        return None
    keys = [key for key, _ in value]
    return None if any(keys.count(key) > 1 for key in wanted) else value


def read(data: bytes, wanted: tuple[str, ...]) -> list[Line]:
    found, at = [], 0
    for number, line in enumerate(data.split(b"\n")):
        text = line.strip(b" \t\r")
        if text:
            start = at + line.index(text)
            found.append(Line(number, start, start + len(text), members(text, wanted)))
        at += len(line) + 1
    return found


def type_code(value: Any) -> int:
    """The type code of a value that is there."""
    if value is None or isinstance(value, bool):
        return 1 if value is None else 2 + value
    return 4 if isinstance(value, Raw) else 5 if isinstance(value, str) else 7 if isinstance(value, Pairs) else 6


def is_lone(value: Any) -> bool:
    return isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value)


def clean(value: str) -> str:
    return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in value)
