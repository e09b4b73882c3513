"""What a contract promises, as Python objects.

Contract("docs", tables=(Table("documents", properties=(Property("text", logical_type="string", …),)),))
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from tamis.contracts.comparison import Comparison
from tamis.contracts.tree import ContractError, nearest
from tamis.errors import UsageError

Action = Literal["fail", "quarantine", "warn"]
"""What a broken rule does: fail the dataset, set the row aside (a dataset that still holds it fails), or only tell."""

Severity = Literal["error", "warning", "info"]

ACTIONS: dict[str, Action] = {"error": "fail", "warning": "warn", "info": "warn"}
"""The action of a severity where the contract gives none."""


@dataclass(frozen=True)
class Metric:
    """A rule of the ODCS quality library: `metric` measured, then compared as `promised`."""

    id: str
    metric: Literal["rowCount", "nullValues", "missingValues", "invalidValues", "duplicateValues"]
    promised: Comparison
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
    def per_row(self) -> bool:
        """True where no row may break it, so that a single row can be set aside for it."""
        return self.metric not in ("rowCount", "duplicateValues") and self.promised.is_none


@dataclass(frozen=True)
class Query:
    """A rule of type sql: the one number that `text` gives, compared as `promised`."""

    id: str
    text: str
    """With the names of table and column in the place of {object} and {property}."""
    promised: Comparison
    severity: Severity
    action: Action
    line: int
    columns: tuple[str, ...]
    """Words of the query that are columns of a table of the contract."""


@dataclass(frozen=True)
class Measure:
    """A rule of `engine: tamis`: `name` measured with `arguments`, then compared as `promised`."""

    id: str
    name: str
    arguments: dict[str, Any]
    promised: Comparison
    severity: Severity
    action: Action
    line: int
    base: Path
    """Folder that paths among the arguments start at: that of the contract."""

    @property
    def per_row(self) -> bool:
        """True where a row can be set aside for it."""
        return self.name == "rubric" and self.promised.is_none


@dataclass(frozen=True)
class Review:
    """A rule of type text: something for a person to look at. It never fails."""

    id: str
    text: str
    line: int


Rule = Metric | Query | Measure | Review


@dataclass(frozen=True)
class Relation:
    """Rows whose `columns` are not found together in `to_columns` of `table` break it; a null among them refers to nothing."""

    id: str
    columns: tuple[str, ...]
    """Names of properties."""
    table: str
    to_columns: tuple[str, ...]
    """Columns, as the data of `table` has them."""
    action: Action
    severity: Severity
    line: int


@dataclass(frozen=True)
class Service:
    """A service level about a time in the rows: `freshness` (of the newest), or `retention` (of every one)."""

    id: str
    kind: Literal["freshness", "retention"]
    column: str
    """Name of the property that has the time."""
    age: timedelta
    """A row may be no older than this."""
    says: str
    """`7 days`"""
    action: Action
    line: int

    @property
    def severity(self) -> Severity:
        """What its action says; ODCS gives service levels none."""
        return "warning" if self.action == "warn" else "error"


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
    """Of an array; of a map an object with the fields `key` and `value`."""
    rules: tuple[Rule, ...] = ()

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Those of `rules` that are of the quality library."""
        return tuple(rule for rule in self.rules if isinstance(rule, Metric))

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
    rules: tuple[Rule, ...] = ()
    action: Action = "fail"
    relations: tuple[Relation, ...] = ()
    services: tuple[Service, ...] = ()
    path: Path | None = None
    """Where its rows lie, for other tables to refer to (`tamis.path`)."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Those of `rules` that are of the quality library."""
        return tuple(rule for rule in self.rules if isinstance(rule, Metric))

    @property
    def key(self) -> tuple[Property, ...]:
        """The properties of the primary key, in its order."""
        members = [p for p in self.properties if p.key_position is not None]
        return tuple(sorted(members, key=lambda p: p.key_position or 0))

    def all_rules(self) -> Iterator[tuple[Property | None, Rule]]:
        """Every quality rule with the property it stands in; None: in the table."""
        for prop in self.properties:
            yield from ((prop, rule) for rule in prop.rules)
        yield from ((None, rule) for rule in self.rules)

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
