"""ODCS files to `Contract`: what is not understood is an error, never ignored."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any, cast, get_args

from tamis.contracts.grammar import validate
from tamis.contracts.metrics import Scope
from tamis.contracts.model import ACTIONS, Action, Contract, Measure, Property, Review, Rule, Table
from tamis.contracts.opposed import check_possible
from tamis.contracts.options import check_enum, read_options
from tamis.contracts.quality import read_rule
from tamis.contracts.relations import Shape, read_relations
from tamis.contracts.services import read_services
from tamis.contracts.tree import TOO_LARGE, ContractError, Located, nearest, read_tree
from tamis.contracts.types import LOGICAL, physical


def load(path: Path | str) -> Contract:
    """The contract in the file at `path` (ODCS 3.0.2 to 3.2.0). Raises ContractError with line and nearest word."""
    path = Path(path)
    try:
        if path.exists() and not path.is_file():  # a FIFO would wait for ever, and /dev/zero has no end
            raise ContractError("is no plain file; a contract is a file in YAML", path)
        with path.open("rb") as file:
            text = file.read(TOO_LARGE + 1)
    except FileNotFoundError:
        raise ContractError("no such file; `tamis contract init` proposes one from data", path) from None
    except OSError as refused:
        raise ContractError(f"cannot be read: {refused.strerror}", path) from None
    tree = read_tree(text, path)
    validate(tree, path)
    return _Reader(path).contract(tree, text)


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.columns: dict[str, tuple[str, ...]] = {}
        """Columns of every table, by its name."""

    def error(self, message: str, at: Located) -> ContractError:
        return ContractError(message, self.path, at.line)

    def contract(self, tree: Located, text: bytes) -> Contract:
        if tree.scalar("kind") != "DataContract":
            raise self.error(f"kind is {tree.scalar('kind')!r}; wanted 'DataContract'", tree.value["kind"])
        if not tree.items("schema"):
            raise self.error("no 'schema': the contract promises nothing about data", tree)
        action = self.action(tree, "fail")
        nodes = tree.items("schema")
        self.distinct([node.scalar("name") for node in nodes], nodes, "table")
        self.columns = {
            node.scalar("name"): tuple(
                p.scalar("physicalName") or p.scalar("name", "") for p in node.items("properties")
            )
            for node in nodes
        }
        tables = tuple(self.table(node, action) for node in nodes)
        tables = self.linked(tables, tree, action)
        return Contract(
            path=self.path,
            id=tree.scalar("id"),
            version=tree.scalar("version"),
            api_version=tree.scalar("apiVersion"),
            tables=tables,
            document=tree.plain,
            text=text,
            sha256=hashlib.sha256(text).hexdigest(),
        )

    def linked(self, tables: tuple[Table, ...], tree: Located, action: Action) -> tuple[Table, ...]:
        """`tables` with what can only be read once all of them are: relations and service levels."""
        nodes = tree.items("schema")
        shapes = [Shape.of(table, node) for table, node in zip(tables, nodes, strict=True)]
        linked = []
        for table, node in zip(tables, nodes, strict=True):
            relations = read_relations(table, node, shapes, self.action, self.path)
            services = read_services(table, len(tables), tree, action, self.path)
            linked.append(replace(table, relations=relations, services=services))
        return tuple(linked)

    def table(self, node: Located, inherited: Action) -> Table:
        name = node.scalar("name")
        if node.scalar("logicalType", "object") != "object":
            raise self.error(f"table {name!r} has logicalType {node.scalar('logicalType')!r}; wanted 'object'", node)
        if not node.items("properties"):
            raise self.error(f"table {name!r} has no 'properties'", node)
        action = self.action(node, inherited)
        properties = self.properties(node, action, name)
        rules = tuple(self.rule(q, Scope(name, None, properties), action) for q in node.items("quality"))
        self.distinct([rule.id for rule in rules], node.items("quality"), "quality rule")
        self.named(properties)
        rows = next(
            (c.value["value"] for c in node.items("customProperties") if c.scalar("property") == "tamis.path"), None
        )
        if rows is not None and not isinstance(rows.value, str):
            raise self.error("tamis.path wants the path of a file or folder, as text", rows)
        place = self.path.parent / rows.value if rows else None
        return Table(name, node.line, properties, rules, action, path=place)

    def named(self, properties: tuple[Property, ...]) -> None:
        """Refuse a measure that names a column the table does not have."""
        known = [p.name for p in properties]
        for prop in properties:
            for rule in prop.rules:
                if isinstance(rule, Measure) and rule.name == "agreement":
                    for word in ("item", "rater"):
                        name = rule.arguments[word]
                        if name not in known:
                            said = f"{word}: no property is called {name!r}{nearest(name, known)}"
                            raise ContractError(said, self.path, rule.line)

    def properties(self, node: Located, action: Action, owner: str) -> tuple[Property, ...]:
        members = node.items("properties")
        for member in members:
            if not member.scalar("name"):
                raise self.error(f"a property of {owner!r} has no 'name'", member)
        found = tuple(self.property(member, action, owner) for member in members)
        self.distinct([p.name for p in found], members, "property")
        self.distinct([p.column for p in found], members, "column (physicalName)")
        return found

    def property(self, node: Located, inherited: Action, owner: str) -> Property:
        name = node.scalar("name", "items")
        logical = node.scalar("logicalType")
        if logical is not None and logical not in LOGICAL:
            raise self.error(f"logicalType {logical!r} is not one tamis checks{nearest(logical, LOGICAL)}", node)
        if node.scalar("physicalType"):
            at = node.value["physicalType"]
            try:
                physical(node.scalar("physicalType"))
            except ValueError as unknown:
                raise self.error(str(unknown), at) from None
        if node.scalar("semanticType", "column") != "column":
            raise self.error(f"semanticType {node.scalar('semanticType')!r} is no column and is not checked yet", node)
        action = self.action(node, inherited)
        self.shape(node, name, logical)
        prop = Property(
            name=name,
            column=node.scalar("physicalName") or name,
            line=node.line,
            logical_type=logical,
            physical_type=node.scalar("physicalType"),
            required=node.scalar("required", False),
            unique=node.scalar("unique", False),
            key_position=self.key_position(node),
            classification=node.scalar("classification"),
            action=action,
            properties=tuple(self.nested(p, action, owner) for p in node.items("properties")),
            items=self.inner(node, action, owner),
            **read_options(node, logical, self.path),
            **self.enum(node, logical),
        )
        check_possible(prop, self.path)
        scope = Scope(owner, prop, ())
        rules = tuple(self.rule(q, scope, action) for q in node.items("quality"))
        self.distinct([rule.id for rule in rules], node.items("quality"), "quality rule")
        return replace(prop, rules=rules)

    def inner(self, node: Located, action: Action, owner: str) -> Property | None:
        """What an array holds, or the entries of a map."""
        if node.get("map"):
            key, value = (self.nested(node.value["map"].value[name], action, owner) for name in ("key", "value"))
            fields = (replace(key, name="key", column="key"), replace(value, name="value", column="value"))
            return Property("entries", "entries", node.line, "object", action=action, properties=fields)
        return self.nested(node.value["items"], action, owner) if node.get("items") else None

    def nested(self, node: Located, action: Action, owner: str) -> Property:
        if node.items("relationships"):
            raise self.error("'relationships' are checked for columns, not inside an object or array", node)
        for key in ("unique", "primaryKey"):
            if node.scalar(key):
                raise self.error(f"{key!r} is checked for columns, not inside an object or array", node.value[key])
        if node.items("quality"):
            raise self.error("quality rules are checked for columns, not inside an object or array", node)
        return self.property(node, action, owner)

    def shape(self, node: Located, name: str, logical: str | None) -> None:
        if node.get("items") and logical != "array":
            raise self.error(f"{name!r} has 'items' but is no array; write 'logicalType: array'", node)
        if node.items("properties") and logical != "object":
            raise self.error(f"{name!r} has 'properties' but is no object; write 'logicalType: object'", node)
        if (node.get("map") is None) == (logical == "map"):
            said = "is a map without 'map'" if logical == "map" else "has 'map' but is none; write 'logicalType: map'"
            raise self.error(f"{name!r} {said}", node)
        for member in node.items("properties"):
            if not member.scalar("name"):
                raise self.error(f"a property of {name!r} has no 'name'", member)
        self.distinct([p.scalar("name") for p in node.items("properties")], node.items("properties"), "property")

    def key_position(self, node: Located) -> int | None:
        if not node.scalar("primaryKey"):
            return None
        position: int = node.scalar("primaryKeyPosition", -1)
        return position if position > 0 else 1 << 30  # unnumbered members come last, in the order they are written

    def enum(self, node: Located, logical: str | None) -> dict[str, Any]:
        entries = [(e.value["value"], e.line) for e in node.items("enum")]
        for custom in node.items("customProperties"):
            if custom.scalar("property") == "tamis.enum":
                value = custom.get("value")
                if value is None or not isinstance(value.value, list):
                    raise self.error("tamis.enum wants a list of values", custom)
                if entries:
                    raise self.error("both 'enum' and 'tamis.enum'; keep one", custom)
                entries = [(item, item.line) for item in value.value]
        if not entries:
            if "enum" in node.value and node.value["enum"].value is not None:
                raise self.error("'enum' is empty: no value could ever be right", node.value["enum"])
            return {}
        values = tuple(item.value for item, _ in entries)
        check_enum(values, [line for _, line in entries], logical, self.path)
        return {"enum": values, "enum_line": entries[0][1]}

    def rule(self, node: Located, scope: Scope, inherited: Action) -> Rule:
        severity = node.scalar("severity", "error")
        if severity not in ACTIONS:
            raise self.error(f"severity {severity!r} is unknown{nearest(severity, ACTIONS)}", node.value["severity"])
        rule = read_rule(node, scope, self.columns, severity, self.path)
        if isinstance(rule, Review):
            return rule
        per_row = getattr(rule, "per_row", False)
        default = ACTIONS[severity]
        if severity == "error" and (inherited == "warn" or (inherited == "quarantine" and per_row)):
            default = inherited
        action = self.action(node, default)
        if action == "quarantine" and not per_row:
            raise self.error(
                f"tamis.action quarantine needs a rule that single rows break, as 'mustBe: 0'; "
                f"{rule.id}: {rule.promised.says} is about all rows together",
                node,
            )
        return replace(rule, action=action)

    def action(self, node: Located, default: Action) -> Action:
        for custom in node.items("customProperties"):
            if custom.scalar("property") == "tamis.action":
                value = custom.scalar("value")
                if not isinstance(value, str) or value not in get_args(Action):
                    raise self.error(f"tamis.action is {value!r}; wanted one of {', '.join(get_args(Action))}", custom)
                return cast(Action, value)
        return default

    def distinct(self, names: list[str], nodes: list[Located], what: str) -> None:
        for k, name in enumerate(names):
            if name in names[:k]:
                raise self.error(
                    f"two of a kind: {what} {name!r} stands in line {nodes[names.index(name)].line} too", nodes[k]
                )
