"""The words of ODCS 3.0.2 to 3.2.0: which key may stand where, and what it holds.

The standard's JSON Schema says the same in 3,000 lines; here it is a table, so that an error can name the line and the
nearest word. Parts that only document (team, price, support, …) are read by it too and kept as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from tamis.contracts.tree import ContractError, Located, nearest

VERSIONS = ("v3.0.2", "v3.1.0", "v3.2.0")

_ELEMENT = {
    "id": "text",
    "name": "text",
    "physicalType": "text",
    "physicalName": "text",
    "description": "text",
    "businessName": "text",
    "authoritativeDefinitions": "[AuthoritativeDefinition]",
    "synonyms": "[Synonym]",
    "tags": "[text]",
    "customProperties": "[CustomProperty]",
    "logicalType": "text",
    "relationships": "[Relationship]",
    "quality": "[Quality]",
    "properties": "[Property]",
}

_DOCUMENTED = {
    "id": "text",
    "name": "text",
    "description": "text",
    "tags": "[text]",
    "customProperties": "[CustomProperty]",
    "authoritativeDefinitions": "[AuthoritativeDefinition]",
}

GRAMMAR: dict[str, dict[str, str]] = {
    "Contract": {
        "apiVersion": "text",
        "kind": "text",
        "id": "text",
        "name": "text",
        "version": "text",
        "status": "text",
        "tenant": "text",
        "domain": "text",
        "dataProduct": "text",
        "tags": "[text]",
        "description": "Description",
        "context": "any",
        "servers": "[any]",
        "schema": "[Table]",
        "support": "[Support]",
        "price": "Price",
        "team": "Team",
        "roles": "[Role]",
        "slaDefaultElement": "text",
        "slaProperties": "[Sla]",
        "authoritativeDefinitions": "[AuthoritativeDefinition]",
        "customProperties": "[CustomProperty]",
        "contractCreatedTs": "text|date",
    },
    "Table": {**_ELEMENT, "dataGranularityDescription": "text", "context": "any"},
    "Property": {
        **_ELEMENT,
        "logicalTypeOptions": "any",
        "required": "bool",
        "unique": "bool",
        "primaryKey": "bool",
        "primaryKeyPosition": "int",
        "partitioned": "bool",
        "partitionKeyPosition": "int",
        "classification": "text",
        "encryptedName": "text",
        "transformSourceObjects": "[text]",
        "transformLogic": "text",
        "transformDescription": "text",
        "examples": "[any]",
        "criticalDataElement": "bool",
        "semanticType": "text",
        "enum": "[EnumValue]",
        "items": "Property",
        "map": "Map",
    },
    "Map": {"key": "Property", "value": "Property"},
    "Relationship": {"type": "text", "from": "any", "to": "any", "customProperties": "[CustomProperty]"},
    "Quality": {
        **_DOCUMENTED,
        "type": "text",
        "metric": "text",
        "rule": "text",
        "arguments": "Arguments",
        "validValues": "[scalar]",
        "unit": "text",
        "severity": "text",
        "dimension": "text",
        "method": "text",
        "businessImpact": "text",
        "schedule": "text",
        "scheduler": "text",
        "query": "text",
        "engine": "text",
        "implementation": "any",
        "mustBe": "number",
        "mustNotBe": "number",
        "mustBeGreaterThan": "number",
        "mustBeGreaterOrEqualTo": "number",
        "mustBeLessThan": "number",
        "mustBeLessOrEqualTo": "number",
        "mustBeBetween": "[number]",
        "mustNotBeBetween": "[number]",
    },
    "Arguments": {
        "missingValues": "[scalar]",
        "validValues": "[scalar]",
        "pattern": "text",
        "properties": "[text]",
    },
    "EnumValue": {**{k: v for k, v in _DOCUMENTED.items() if k != "name"}, "value": "scalar", "label": "text"},
    "CustomProperty": {"id": "text", "property": "text", "value": "any", "description": "text"},
    "AuthoritativeDefinition": {"id": "text", "url": "text", "type": "text", "description": "text"},
    "Synonym": {
        "id": "text",
        "synonym": "text",
        "description": "text",
        "locale": "text",
        "source": "text",
        "status": "text",
        "customProperties": "[CustomProperty]",
    },
    "Description": {
        "usage": "text",
        "purpose": "text",
        "limitations": "text",
        "authoritativeDefinitions": "[AuthoritativeDefinition]",
        "customProperties": "[CustomProperty]",
    },
    "Support": {
        "id": "text",
        "channel": "text",
        "url": "text",
        "description": "text",
        "tool": "text",
        "scope": "text",
        "invitationUrl": "text",
        "customProperties": "[CustomProperty]",
    },
    "Price": {"id": "text", "priceAmount": "number", "priceCurrency": "text", "priceUnit": "text"},
    "Team": {**_DOCUMENTED, "members": "[TeamMember]"},
    "TeamMember": {
        **_DOCUMENTED,
        "username": "text",
        "role": "text",
        "dateIn": "text|date",
        "dateOut": "text|date",
        "replacedByUsername": "text",
    },
    "Role": {
        "id": "text",
        "role": "text",
        "description": "text",
        "access": "text",
        "firstLevelApprovers": "text",
        "secondLevelApprovers": "text",
        "customProperties": "[CustomProperty]",
    },
    "Sla": {
        "id": "text",
        "property": "text",
        "value": "scalar",
        "valueExt": "scalar",
        "unit": "text",
        "element": "text",
        "driver": "text",
        "description": "text",
        "scheduler": "text",
        "schedule": "text",
    },
}

REQUIRED = {
    "Contract": ("apiVersion", "kind", "id", "version"),
    "Table": ("name",),
    "Relationship": ("to",),
    "Map": ("key", "value"),
    "CustomProperty": ("property",),
    "EnumValue": ("value",),
    "Sla": ("property",),
}

SINCE = {
    ("Property", "enum"): "v3.2.0",
    ("Property", "semanticType"): "v3.2.0",
    ("Property", "map"): "v3.2.0",
    ("Contract", "context"): "v3.2.0",
    ("Table", "context"): "v3.2.0",
    ("Property", "relationships"): "v3.1.0",
    ("Table", "relationships"): "v3.1.0",
}

OURS = {
    "tamis.action": ("Contract", "Table", "Property", "Quality", "Relationship"),
    "tamis.enum": ("Property",),
    "tamis.path": ("Table",),
}
"""Custom properties that mean something here, and where; any other `tamis.…` is a typo or from a later version."""

_IS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "text": ("text", lambda v: isinstance(v, str)),
    "bool": ("true or false", lambda v: isinstance(v, bool)),
    "int": ("a whole number", lambda v: isinstance(v, int) and not isinstance(v, bool)),
    "number": ("a number", lambda v: isinstance(v, int | float) and not isinstance(v, bool) and v == v),
    "scalar": ("one value", lambda v: not isinstance(v, dict | list)),
    "text|date": ("text or a date", lambda v: isinstance(v, str | date)),
    "any": ("anything", lambda v: True),
}


def validate(tree: Located, path: Path | str) -> None:
    """Raise ContractError at the first key or value that ODCS does not have."""
    if not isinstance(tree.value, dict):
        raise ContractError(f"a contract is a mapping of keys; found {_show(tree.value)}", path, tree.line)
    version = tree.scalar("apiVersion")
    if version is None:
        raise ContractError("no 'apiVersion'; write 'apiVersion: v3.1.0'", path, tree.line)
    if version not in VERSIONS:
        line = tree.value["apiVersion"].line
        raise ContractError(f"apiVersion {version!r} is not read; tamis reads {', '.join(VERSIONS)}", path, line)
    _Walk(path, version).value(tree, "Contract", "the contract", "")


class _Walk:
    def __init__(self, path: Path | str, version: str) -> None:
        self.path, self.version = path, version

    def value(self, node: Located, wanted: str, name: str, parent: str) -> None:
        if node.value is None and wanted != "EnumValue":
            return
        if wanted == "Team" and isinstance(node.value, list):
            wanted = "[TeamMember]"
        if wanted.startswith("["):
            if not isinstance(node.value, list):
                raise ContractError(f"{name} is {_show(node.value)}; wanted a list", self.path, node.line)
            for item in node.value:
                if item.value is None and wanted[1:-1] in GRAMMAR:
                    raise ContractError(f"an item of {name} is empty; take it out", self.path, item.line)
                self.value(item, wanted[1:-1], f"an item of {name}", parent)
        elif wanted in GRAMMAR:
            self.mapping(node, wanted, name, parent)
        elif not _IS[wanted][1](node.value):
            hint = "; put quotes around it" if wanted == "text" and _IS["scalar"][1](node.value) else ""
            raise ContractError(f"{name} is {_show(node.value)}; wanted {_IS[wanted][0]}{hint}", self.path, node.line)

    def mapping(self, node: Located, kind: str, name: str, parent: str) -> None:
        if not isinstance(node.value, dict):
            raise ContractError(f"{name} is {_show(node.value)}; wanted keys and values", self.path, node.line)
        for key, child in node.value.items():
            if key not in GRAMMAR[kind]:
                raise ContractError(
                    f"unknown key {key!r} in {name}{nearest(key, GRAMMAR[kind])}", self.path, child.line
                )
            since = SINCE.get((kind, key), "")
            if since > self.version:
                raise ContractError(
                    f"{key!r} came with ODCS {since}; this contract says apiVersion {self.version}: raise it",
                    self.path,
                    child.line,
                )
            self.value(child, GRAMMAR[kind][key], repr(key), kind)
        for key in REQUIRED.get(kind, ()):
            if key not in node.value or (node.value[key].value is None and kind != "EnumValue"):
                raise ContractError(f"{name} has no {key!r}", self.path, node.line)
        if kind == "CustomProperty":
            self.custom(node, parent)

    def custom(self, node: Located, parent: str) -> None:
        name = node.scalar("property")
        if not name.startswith("tamis."):
            return
        if name not in OURS:
            raise ContractError(f"unknown custom property {name!r}{nearest(name, OURS)}", self.path, node.line)
        if parent not in OURS[name]:
            belongs = f"it belongs to {', '.join(OURS[name])}"
            raise ContractError(f"{name!r} has no meaning here; {belongs}", self.path, node.line)


def _show(value: Any) -> str:
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = repr(value) if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"
