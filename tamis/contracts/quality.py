"""Quality rules as they stand in a contract: library metrics, SQL, measures of tamis, and texts for people."""

from __future__ import annotations

from pathlib import Path

from tamis.contracts.comparison import read_comparison
from tamis.contracts.measures import read_measure
from tamis.contracts.metrics import Scope, read_metric
from tamis.contracts.model import Measure, Query, Review, Rule, Severity
from tamis.contracts.sql import check_query, columns_in, filled
from tamis.contracts.tree import ContractError, Located, nearest

_TYPES = ("library", "sql", "custom", "text")

_BELONGS = {
    "sql": ("query",),
    "custom": ("engine", "implementation"),
    "text": (),
}
_OWN = ("metric", "rule", "arguments", "validValues", "query", "engine", "implementation", "unit")


def read_rule(node: Located, scope: Scope, tables: dict[str, tuple[str, ...]], severity: Severity, path: Path) -> Rule:
    """The rule in `node`, with action fail; `tables` has the columns of every table by name. Raises ContractError."""
    kind = node.scalar("type", "library")
    if kind not in _TYPES:
        raise ContractError(
            f"quality type {kind!r} is unknown{nearest(str(kind), _TYPES)}", path, node.value["type"].line
        )
    if kind == "library":
        return read_metric(node, scope, severity, path)
    for key in node.value:
        compares = key.startswith("must") and kind != "sql"
        if node.get(key) and (compares or (key in _OWN and key not in _BELONGS[kind])):
            hint = "; it stands inside 'implementation'" if kind == "custom" and (compares or key == "unit") else ""
            raise ContractError(f"{key!r} does not belong to a rule of type {kind}{hint}", path, node.value[key].line)
    id = node.scalar("id") or node.scalar("name") or kind
    if kind == "text":
        text = node.scalar("description") or node.scalar("name")
        if not text:
            raise ContractError("a rule of type text wants a 'description': what is to be looked at", path, node.line)
        return Review(id, text, node.line)
    if kind == "sql":
        return _query(node, id, scope, tables, severity, path)
    found = read_measure(node, scope.property is not None, path)
    wanted = {"length": "string", "rubric": "object"}.get(found.name)
    if scope.property and wanted and scope.property.logical_type not in (wanted, None):
        raise ContractError(
            f"{found.name} is of logicalType {wanted}, not {scope.property.logical_type}", path, node.line
        )
    return Measure(id, found.name, found.arguments, found.promised, severity, "fail", node.line, path.parent)


def _query(
    node: Located, id: str, scope: Scope, tables: dict[str, tuple[str, ...]], severity: Severity, path: Path
) -> Query:
    at = node.get("query")
    if at is None:
        raise ContractError("a rule of type sql wants a 'query'", path, node.line)
    text = filled(at.value, scope.table, scope.property.column if scope.property else None)
    words = check_query(text, tuple(tables), path, at.line)
    promised = read_comparison(node, "", float("-inf"), float("inf"), path)
    columns = columns_in(words, dict.fromkeys(column for known in tables.values() for column in known))
    return Query(id, text, promised, severity, "fail", node.line, columns)
