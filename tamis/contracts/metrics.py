"""Rules of the ODCS quality library as they stand in a contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, cast

from tamis.contracts.comparison import read_comparison
from tamis.contracts.model import Metric, Property, Severity
from tamis.contracts.options import check_enum
from tamis.contracts.patterns import check_pattern
from tamis.contracts.tree import ContractError, Located, nearest

_OF_PROPERTY = ("nullValues", "missingValues", "invalidValues", "duplicateValues")
_OF_TABLE = ("rowCount", "duplicateValues")

_FORMER = {"duplicateCount": "duplicateValues", "validValues": "invalidValues"}
"""Names of ODCS 3.0.2, where a metric was a `rule`."""

_ARGUMENTS = {
    "missingValues": {"missingValues"},
    "invalidValues": {"validValues", "pattern"},
    "duplicateValues": {"properties"},
}


class Scope(NamedTuple):
    """Where a rule stands: in `table` (whose properties are known by now) or in `property` of it."""

    table: str
    property: Property | None
    properties: tuple[Property, ...]


def read_metric(node: Located, scope: Scope, severity: Severity, path: Path) -> Metric:
    """The library rule in `node`, with action fail. Raises ContractError."""
    metric = _name(node, scope, path)
    unit = node.scalar("unit", "rows")
    if unit not in ("rows", "percent"):
        raise ContractError(f"unit {unit!r} is unknown; wanted rows or percent", path, node.value["unit"].line)
    if unit == "percent" and metric == "rowCount":
        raise ContractError("rowCount in percent means nothing; its unit is rows", path, node.value["unit"].line)
    promised = read_comparison(node, unit, 0, 100 if unit == "percent" else float("inf"), path)
    if metric == "nullValues" and scope.property and scope.property.required and not promised.holds(0):
        raise ContractError(f"{promised.says} nulls in a column that is required", path, node.line)
    return Metric(
        id=node.scalar("id") or metric,
        metric=cast(Any, metric),
        promised=promised,
        severity=severity,
        action="fail",
        line=node.line,
        description=node.scalar("description"),
        **_arguments(node, metric, scope, path),
    )


def _name(node: Located, scope: Scope, path: Path) -> str:
    for key in ("query", "engine", "implementation"):
        if node.get(key):
            of = "sql" if key == "query" else "custom"
            raise ContractError(f"{key!r} belongs to another type of rule; write 'type: {of}'", path, node.line)
    if node.get("metric") and node.get("rule"):
        raise ContractError("both 'metric' and 'rule' (its former name); keep metric", path, node.line)
    word = node.scalar("metric") or node.scalar("rule")
    if word is None:
        raise ContractError("a quality rule without 'metric'", path, node.line)
    word = _FORMER.get(word, word) if node.get("rule") else word
    fits = _OF_PROPERTY if scope.property else _OF_TABLE
    if word not in fits:
        place = "property" if scope.property else "table"
        raise ContractError(f"{word!r} is no metric of a {place}{nearest(word, fits)}", path, node.line)
    return cast(str, word)


def _arguments(node: Located, metric: str, scope: Scope, path: Path) -> dict[str, Any]:
    given: dict[str, Located] = dict(node.value["arguments"].value) if node.get("arguments") else {}
    if node.get("validValues"):  # ODCS 3.0.2 had it beside the rule
        given["validValues"] = node.value["validValues"]
    for key, argument in given.items():
        if argument.value is None:
            raise ContractError(f"argument {key!r} is empty", path, argument.line)
        if key not in _ARGUMENTS.get(metric, ()):
            raise ContractError(f"{metric} takes no argument {key!r}", path, argument.line)
    logical = scope.property.logical_type if scope.property else None
    if metric == "missingValues":
        if "missingValues" not in given:
            raise ContractError("missingValues wants 'arguments: {missingValues: [null, \"\"]}'", path, node.line)
        return {"values": _values(given["missingValues"], logical, path)}
    if metric == "invalidValues":
        if not given:
            raise ContractError("invalidValues wants 'arguments:' with validValues or pattern", path, node.line)
        found: dict[str, Any] = {}
        if "validValues" in given:
            found["values"] = _values(given["validValues"], logical, path)
        if "pattern" in given:
            if logical not in (None, "string"):
                raise ContractError(f"a pattern is for text; this is {logical}", path, given["pattern"].line)
            found["pattern"] = check_pattern(given["pattern"].value, path, given["pattern"].line)
        return found
    if metric == "duplicateValues":
        return {"columns": _key(node, given.get("properties"), scope, path)}
    return {}


def _values(node: Located, logical: str | None, path: Path) -> tuple[Any, ...]:
    """The values listed; null may be among them."""
    check_enum([item.value for item in node.value], [item.line for item in node.value], logical, path)
    return tuple(item.value for item in node.value)


def _key(node: Located, given: Located | None, scope: Scope, path: Path) -> tuple[str, ...]:
    if scope.property:
        if given:
            raise ContractError("the key of a property is the property; 'properties' is for tables", path, given.line)
        return (scope.property.name,)
    if not given or not given.value:
        raise ContractError("duplicateValues of a table wants 'arguments: {properties: [a, b]}'", path, node.line)
    known = [p.name for p in scope.properties]
    for item in given.value:
        if item.value not in known:
            raise ContractError(f"no property is called {item.value!r}{nearest(item.value, known)}", path, item.line)
    return tuple(item.value for item in given.value)
