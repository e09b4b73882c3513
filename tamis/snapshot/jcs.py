"""JSON that has one spelling (RFC 8785): what is hashed must not depend on who wrote it.

canonical_json({"b": 1, "a": "é"}) == b'{"a":"\\xc3\\xa9","b":1}'
"""

from __future__ import annotations

import json
import math
from typing import Any

EXACT = 2**53
"""Whole numbers up to here, either way, are the same in every reader of JSON."""


def canonical_json(value: Any) -> bytes:
    """`value` as RFC 8785 spells it, in UTF-8. Raises ValueError for what JSON cannot hold without loss."""
    return _spelled(value).encode("utf-8")


def _spelled(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        if abs(value) > EXACT:
            raise ValueError(f"{value} is more than 2**53, which not every reader of JSON can hold")
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(_spelled, value))}]"
    if isinstance(value, dict):
        # By UTF-16 code units, as the RFC wants: not the order of code points where there are surrogates.
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(f"{_spelled(name)}:{_spelled(value[name])}" for name in names) + "}"
    raise ValueError(f"JSON has no {type(value).__name__}")


def _number(value: float) -> str:
    """As ECMAScript writes a number: the shortest digits that give it back, which are also Python's."""
    if not math.isfinite(value):
        raise ValueError(f"JSON has no {value}")
    if value == 0:
        return "0"
    sign, digits, exponent = _parts(value)
    point = len(digits) + exponent
    if 0 < point <= 21:
        text = digits + "0" * exponent if exponent >= 0 else f"{digits[:point]}.{digits[point:]}"
    elif -6 < point <= 0:
        text = f"0.{'0' * -point}{digits}"
    else:
        fraction = f".{digits[1:]}" if digits[1:] else ""
        text = f"{digits[0]}{fraction}e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return sign + text


def _parts(value: float) -> tuple[str, str, int]:
    """Sign, shortest digits and the power of ten they are multiplied by."""
    mantissa, _, power = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = fraction.rstrip("0")
    exponent = int(power or 0) - len(fraction)
    digits = (whole + fraction).lstrip("0")
    short = digits.rstrip("0")
    return "-" if value < 0 else "", short, exponent + len(digits) - len(short)
