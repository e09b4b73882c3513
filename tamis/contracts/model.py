"""What a contract promises, as Python objects.

Contract("docs", tables=(Table("documents", properties=(Property("text", logical_type="string", …),)),))
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tamis.contracts.tree import ContractError, nearest
from tamis.errors import UsageError

Action = Literal["fail", "quarantine", "warn"]
"""What a broken rule does: fail the dataset, set the row aside (a dataset that still holds it fails), or only tell."""

Severity = Literal["error", "warning", "info"]

ACTIONS: dict[str, Action] = {"error": "fail", "warning": "warn", "info": "warn"}
"""The action of a severity where the contract gives none."""

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


@dataclass(frozen=True)
class Metric:
    """A rule of the ODCS quality library: `metric` measured, then compared by `operator` with `bound`."""

    id: str
    metric: Literal["rowCount", "nullValues", "missingValues", "invalidValues", "duplicateValues"]
    operator: Operator
    bound: float | int | tuple[float | int, float | int]
    unit: Literal["rows", "percent"]
    severity: Severity
    action: Action
    line: int
    values: tuple[Any, ...] | None = None
    """`missingValues` or `validValues`."""
    pattern: str | None = None
    columns: tuple[str, ...] = ()
    """Names of the properties that make the key of `duplicateValues`."""
    description: str | None = None

    @property
    def promise(self) -> str:
        """`mustBeLessThan 1 percent`; between is said with both ends, which belong to it."""
        bound = " to ".join(map(str, self.bound)) if isinstance(self.bound, tuple) else str(self.bound)
        return f"{self.operator} {bound}" + (" percent" if self.unit == "percent" else "")

    @property
    def per_row(self) -> bool:
        """True where no row may break it, so that a single row can be set aside for it."""
        return self.metric not in ("rowCount", "duplicateValues") and (
            (self.operator in ("mustBe", "mustBeLessOrEqualTo") and self.bound == 0)
            or (self.operator == "mustBeLessThan" and self.unit == "rows" and self.bound == 1)
        )

    def holds(self, value: float) -> bool:
        """True if `value` (rows, or percent of them) is as promised. Both ends of between belong to it."""
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


@dataclass(frozen=True)
class Property:
    """A column, a field of an object, or the items of an array."""

    name: str
    column: str
    """Name in the data: `physicalName`, else `name`."""
    line: int
    logical_type: str | None = None
    physical_type: str | None = None
    required: bool = False
    unique: bool = False
    key_position: int | None = None
    """Place in the primary key; None: not part of it."""
    options: dict[str, Any] = field(default_factory=dict)
    """`logicalTypeOptions`."""
    option_lines: dict[str, int] = field(default_factory=dict)
    enum: tuple[Any, ...] | None = None
    enum_line: int | None = None
    classification: str | None = None
    action: Action = "fail"
    properties: tuple[Property, ...] = ()
    items: Property | None = None
    metrics: tuple[Metric, ...] = ()

    @property
    def severity(self) -> Severity:
        """Severity of the rules of the schema, which ODCS gives none."""
        return "warning" if self.action == "warn" else "error"

    @property
    def is_public(self) -> bool:
        """True where its values may be shown in a message."""
        return self.classification is None or self.classification.lower() == "public"


@dataclass(frozen=True)
class Table:
    """One object of `schema`: a set of rows of the same columns."""

    name: str
    line: int
    properties: tuple[Property, ...]
    metrics: tuple[Metric, ...] = ()
    action: Action = "fail"

    @property
    def key(self) -> tuple[Property, ...]:
        """The properties of the primary key, in its order."""
        members = [p for p in self.properties if p.key_position is not None]
        return tuple(sorted(members, key=lambda p: p.key_position or 0))

    def property(self, name: str) -> Property | None:
        """The property called `name`."""
        return next((p for p in self.properties if p.name == name), None)


@dataclass(frozen=True)
class Contract:
    """A data contract (ODCS). `document` is all of it as plain data, with the parts that only document."""

    path: Path
    id: str
    version: str
    api_version: str
    tables: tuple[Table, ...]
    document: dict[str, Any]
    text: bytes
    """The file as it was read."""
    sha256: str

    def table(self, name: str | None = None) -> Table:
        """The table called `name`, or the only one. Raises UsageError."""
        names = [t.name for t in self.tables]
        if name is None and len(names) == 1:
            return self.tables[0]
        if name is None:
            raise UsageError(f"{self.path} is about {len(names)} tables: {', '.join(names)}; name one of them")
        for table in self.tables:
            if table.name == name:
                return table
        raise ContractError(f"no table is called {name!r}{nearest(name, names)}", self.path)
