"""What a measured number must be: `mustBeLessThan: 1`, `unit: percent`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from tamis.contracts.tree import ContractError, Located

Operator = Literal[
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
]

Unit = Literal["rows", "percent", ""]


@dataclass(frozen=True)
class Comparison:
    """A number measured is compared by `operator` with `bound`."""

    operator: Operator
    bound: float | int | tuple[float | int, float | int]
    unit: Unit = "rows"

    @property
    def says(self) -> str:
        """`mustBeLessThan 1 percent`; between is said with both ends, which belong to it."""
        bound = " to ".join(map(str, self.bound)) if isinstance(self.bound, tuple) else str(self.bound)
        return f"{self.operator} {bound}" + (" percent" if self.unit == "percent" else "")

    @property
    def is_none(self) -> bool:
        """True where no row at all may be counted, so that a single row can be set aside for it."""
        return (self.operator in ("mustBe", "mustBeLessOrEqualTo") and self.bound == 0) or (
            self.operator == "mustBeLessThan" and self.unit == "rows" and self.bound == 1
        )

    def holds(self, value: float) -> bool:
        """True if `value` (in `unit`) is as promised. Both ends of between belong to it."""
        low, high = self.bound if isinstance(self.bound, tuple) else (self.bound, self.bound)
        return {
            "mustBe": value == low,
            "mustNotBe": value != low,
            "mustBeGreaterThan": value > low,
            "mustBeGreaterOrEqualTo": value >= low,
            "mustBeLessThan": value < low,
            "mustBeLessOrEqualTo": value <= low,
            "mustBeBetween": low <= value <= high,
            "mustNotBeBetween": not low <= value <= high,
        }[self.operator]

    def can_hold(self, low: float, high: float) -> bool:
        """True if a number from `low` to `high` can be as promised."""
        bottom, top = self.bound if isinstance(self.bound, tuple) else (self.bound, self.bound)
        return {
            "mustBe": low <= bottom <= high,
            "mustNotBe": not low == high == bottom,
            "mustBeGreaterThan": high > bottom,
            "mustBeGreaterOrEqualTo": high >= bottom,
            "mustBeLessThan": low < bottom,
            "mustBeLessOrEqualTo": low <= bottom,
            "mustBeBetween": bottom <= high and top >= low,
            "mustNotBeBetween": not (bottom <= low and high <= top),
        }[self.operator]


def read_comparison(node: Located, unit: Unit, low: float, high: float, path: Path) -> Comparison:
    """The one operator in `node`, for numbers from `low` to `high`. Raises ContractError, also where none can be right."""
    given = [key for key in get_args(Operator) if node.get(key) is not None]
    if len(given) != 1:
        found = "no operator" if not given else f"{len(given)} operators ({', '.join(given)})"
        raise ContractError(f"{found}; a rule has one, as 'mustBe: 0' or 'mustBeBetween: [1, 9]'", path, node.line)
    at = node.value[given[0]]
    bound = at.plain
    if isinstance(bound, list):
        if len(bound) != 2 or not all(_is_number(b) for b in bound) or bound[0] >= bound[1]:
            raise ContractError(f"{given[0]} is {bound}; wanted two numbers, the smaller first", path, at.line)
        bound = (bound[0], bound[1])
    elif not _is_number(bound) or given[0].endswith("Between"):
        wanted = "two numbers, the smaller first" if given[0].endswith("Between") else "a number"
        raise ContractError(f"{given[0]} is {bound!r}; wanted {wanted}", path, at.line)
    compared = Comparison(cast(Operator, given[0]), bound, unit)
    if not compared.can_hold(low, high):
        span = f"at least {low:g}" if high == float("inf") else f"from {low:g} to {high:g}"
        raise ContractError(f"{compared.says} can never be: what is measured is {span}", path, at.line)
    return compared


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value
