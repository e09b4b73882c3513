"""What a contract's rules mean, in plain Python: one value, one rule, one answer."""

from __future__ import annotations

import math
import re
from collections import Counter
from fractions import Fraction
from typing import Any


def is_broken(kind: str, bound: Any, value: Any) -> bool:
    """True if `value` breaks the rule `kind: bound`; null breaks nothing but `required`."""
    if kind == "required":
        return bool(bound) and value is None
    if value is None:
        return False
    if isinstance(value, float) and math.isnan(value) and kind.lower().endswith(("minimum", "maximum")):
        return True
    return {
        "minLength": lambda: len(value) < bound,
        "maxLength": lambda: len(value) > bound,
        "pattern": lambda: re.search(bound.replace("$", r"\Z"), value, re.ASCII) is None,
        "minimum": lambda: exact(value) < exact(bound),
        "maximum": lambda: exact(value) > exact(bound),
        "exclusiveMinimum": lambda: exact(value) <= exact(bound),
        "exclusiveMaximum": lambda: exact(value) >= exact(bound),
        "multipleOf": lambda: exact(value) % exact(bound) != 0,
        "enum": lambda: value not in bound,
        "minItems": lambda: len(value) < bound,
        "maxItems": lambda: len(value) > bound,
        "uniqueItems": lambda: bool(bound) and len(set(value)) < len(value),
    }[kind]()


def exact(number: Any) -> Any:
    """A number without rounding; an infinity as it is."""
    return number if isinstance(number, float) and math.isinf(number) else Fraction(number)


def repeats(keys: list[Any]) -> int:
    """Rows that repeat the key of an earlier one; None is no key."""
    return sum(n - 1 for n in Counter(k for k in keys if k is not None).values())
