"""Everything the documents of a snapshot are made of, gathered once.

What people declare stands in the contract: its name, description and team, the descriptions of its columns, and
`customProperties` whose name says which document they are for:

    customProperties:
      - {property: dpts.issuer, value: Example Ltd}
      - {property: eu.optOutMeasures, value: robots.txt of the day of collection was followed}
      - {property: rai.dataBiases, value: Mostly English}

What was counted stands in the census, what was done in the ledger. Nothing else is said: a gap is UNKNOWN.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import pyarrow as pa
import yaml

from tamis.snapshot.emit.census import Census
from tamis.snapshot.licences import Licences

UNKNOWN = "UNKNOWN"

PRODUCER = "https://pypi.org/project/tamis/"

PROJECT = uuid.uuid5(uuid.NAMESPACE_URL, PRODUCER)


class Frozen(Protocol):
    """What is asked of a snapshot; `Snapshot` gives it."""

    @property
    def facts(self) -> dict[str, Any]:
        """snapshot.json."""

    @property
    def id(self) -> str:
        """sha256:…"""

    @property
    def schema(self) -> pa.Schema:
        """Columns of the data."""

    def batches(self, columns: list[str] | None = None, split: str | None = None) -> Iterator[pa.RecordBatch]:
        """The rows, batch by batch."""

    def evidence(self, name: str) -> bytes | None:
        """A file of evidence/."""

    def lineage(self) -> pa.Table:
        """LINEAGE rows."""


@dataclass(frozen=True)
class Dossier:
    """A snapshot, the census of its rows, and what is known of their licences."""

    snapshot: Frozen
    census: Census
    licences: Licences

    @property
    def facts(self) -> dict[str, Any]:
        """snapshot.json."""
        return self.snapshot.facts

    @property
    def name(self) -> str:
        """What it is called."""
        return str(self.facts["name"])

    @property
    def version(self) -> str:
        """Its version, as `1.2.0`."""
        return str(self.facts["version"])

    @property
    def created(self) -> str:
        """When it was frozen, ISO 8601 in UTC with Z."""
        return str(self.facts["created"]).replace("+00:00", "Z")

    @property
    def digest(self) -> str:
        """Hexadecimal sha256 of snapshot.json."""
        return self.snapshot.id.removeprefix("sha256:")

    @property
    def splits(self) -> dict[str, int]:
        """Rows of each split."""
        return dict(self.facts["splits"])

    @property
    def rows(self) -> int:
        """Rows of all splits."""
        return sum(self.splits.values())

    @property
    def files(self) -> list[dict[str, Any]]:
        """path, bytes, rows and sha256 of every data file, in order."""
        return [f for f in self.facts["files"] if f["path"].startswith("data/")]

    def of(self, split: str) -> list[dict[str, Any]]:
        """Its data files of one split."""
        return [f for f in self.files if f["path"].rpartition("/")[2].rpartition("-of-")[0][:-6] == split]

    @cached_property
    def run(self) -> dict[str, Any]:
        """run.json of the run it was frozen from; empty where there is none."""
        return _mapping(json.loads(self.snapshot.evidence("run.json") or b"{}"))

    @cached_property
    def contract(self) -> dict[str, Any]:
        """The contract, as it is written; empty where there is none."""
        return _mapping(yaml.safe_load(self.snapshot.evidence("contract.odcs.yaml") or b""))

    @cached_property
    def checks(self) -> list[dict[str, Any]]:
        """What was checked when it was frozen, as in contract.result.json."""
        return list(_mapping(json.loads(self.snapshot.evidence("contract.result.json") or b"{}")).get("checks", []))

    @property
    def title(self) -> str:
        """What the contract calls it, else its name."""
        return str(self.contract.get("name") or self.name)

    @property
    def description(self) -> str:
        """What it is for, by its contract; else what it is."""
        return self.said("purpose") or f"{self.name} {self.version}: {self.rows:,} rows of kind {self.facts['kind']}."

    def said(self, of: str) -> str | None:
        """purpose, limitations or usage, from the description of the contract."""
        described = self.contract.get("description")
        found = described.get(of) if isinstance(described, dict) else described if of == "purpose" else None
        return str(found) if found else None

    def declared(self, name: str) -> Any:
        """The custom property `name` of the contract; None where it has none."""
        listed = self.contract.get("customProperties") or []
        found = (p.get("value") for p in listed if isinstance(p, dict) and p.get("property") == name)
        return _json_value(next(found, None))

    @cached_property
    def columns(self) -> dict[str, dict[str, Any]]:
        """What the contract says of each column, by name."""
        models = self.contract.get("schema") or []
        listed = [p for m in models if isinstance(m, dict) for p in m.get("properties") or [] if isinstance(p, dict)]
        return {str(p.get("name")): p for p in listed}

    def describes(self, field: pa.Field) -> str:
        """The sentence that goes with a column: of the contract, else of the schema."""
        own = (field.metadata or {}).get(b"says", b"").decode()
        return str(self.columns.get(field.name, {}).get("description") or own)

    @property
    def steps(self) -> list[dict[str, Any]]:
        """Steps of the run, from reading on; empty where there was none."""
        return list(self.run.get("steps", []))

    @property
    def personal(self) -> bool | None:
        """Whether a column is classified as personal or sensitive; None where the contract classifies none."""
        classes = [str(c["classification"]).lower() for c in self.columns.values() if c.get("classification")]
        return (
            any(word in c for c in classes for word in ("pii", "personal", "sensitive", "restricted"))
            if classes
            else None
        )

    @property
    def scrubbed(self) -> bool:
        """Whether private data was looked for."""
        return any(str(step["stage"]).startswith("pii@") for step in self.steps)

    def uuid(self, what: str) -> uuid.UUID:
        """The same for the same snapshot and `what`, always."""
        return uuid.uuid5(PROJECT, f"{self.snapshot.id} {what}")


def as_json(value: Any) -> bytes:
    """`value` as a document: indented, keys in the order given."""
    return (json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode()


def _json_value(value: Any) -> Any:
    """`value` as JSON can hold it: YAML has dates, and numbers that are none."""
    if isinstance(value, dict):
        return {str(name): _json_value(v) for name, v in value.items()}
    if isinstance(value, list):
        return [_json_value(v) for v in value]
    plain = value is None or isinstance(value, (str, bool, int)) or (isinstance(value, float) and math.isfinite(value))
    return value if plain else str(value)


def _mapping(loaded: Any) -> dict[str, Any]:
    return loaded if isinstance(loaded, dict) else {}
