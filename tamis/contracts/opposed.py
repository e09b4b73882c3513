"""Promises of one column that no value can keep: a slip of the pen, told before any row is read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tamis.contracts.model import Property
from tamis.contracts.tree import ContractError
from tamis.contracts.types import physical


def check_possible(prop: Property, path: Path) -> None:
    """Raise ContractError where two promises of `prop` leave no value that is right."""
    options, line = prop.options, prop.line
    limit = physical(prop.physical_type).max_length if prop.physical_type else None
    if limit is not None and options.get("minLength", 0) > limit:
        where = prop.option_lines["minLength"]
        raise ContractError(
            f"minLength {options['minLength']} and physicalType {prop.physical_type} leave no value", path, where
        )
    if prop.physical_type and prop.logical_type == "string" and not physical(prop.physical_type).is_text:
        raise ContractError(f"physicalType {prop.physical_type} holds no logicalType string", path, line)
    if "multipleOf" in options and prop.logical_type == "integer" and {"minimum", "maximum"} <= options.keys():
        step, low, high = options["multipleOf"], options["minimum"], options["maximum"]
        if (high // step) * step < low:
            where = prop.option_lines["multipleOf"]
            raise ContractError(f"there is no multiple of {step} from {low} to {high}", path, where)
    if prop.enum is not None:
        values = [value for value in prop.enum if value is not None]
        wrong = [why for value in values if (why := next(_against(value, options), None))]
        if values and len(wrong) == len(values):
            where = prop.enum_line or line
            raise ContractError(f"no value of the enum is allowed: {values[0]!r} {wrong[0]}", path, where)
        if prop.required and not values:
            raise ContractError("the enum has null alone, and the column is required", path, prop.enum_line or line)


def _against(value: Any, options: dict[str, Any]) -> Iterator[str]:
    """What of `options` speaks against `value`; patterns are left to the data, their engine is another."""
    if isinstance(value, str):
        if len(value) < options.get("minLength", 0):
            yield f"is shorter than minLength {options['minLength']}"
        if len(value) > options.get("maxLength", len(value)):
            yield f"is longer than maxLength {options['maxLength']}"
        simple = re.fullmatch(r"\^([A-Za-z0-9_ -]*)\$", options.get("pattern", ""))
        if simple and simple[1] != value:
            yield f"does not match pattern {options['pattern']}"
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if value < options.get("minimum", value):
            yield f"is less than minimum {options['minimum']}"
        if value > options.get("maximum", value):
            yield f"is more than maximum {options['maximum']}"
