"""A check as OpenLineage has it: the facet `dataQualityAssertions` 1-1-0 of a dataset, and an event around it."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tamis.contracts.result import Outcome, Result

SCHEMA = "https://openlineage.io/spec/facets/1-1-0/DataQualityAssertionsDatasetFacet.json#/$defs/DataQualityAssertionsDatasetFacet"
EVENT = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"

_WORDS = {
    "required": "not_null",
    "nullValues": "not_null",
    "unique": "unique",
    "rowCount": "row_count",
    "sql": "custom_sql",
}
"""Rules of which OpenLineage has a usual name."""


def producer() -> str:
    """Which tamis says so."""
    return f"https://pypi.org/project/tamis/{version('tamis')}/"


def facet(result: Result) -> dict[str, Any]:
    """The assertions of `result`; a rule that could not be asked is not fulfilled, a text for people is none."""
    asserted = [_assertion(o) for o in result.outcomes if o.status != "review"]
    return {"_producer": producer(), "_schemaURL": SCHEMA, "assertions": asserted}


def _assertion(outcome: Outcome) -> dict[str, Any]:
    found = {
        "assertion": _WORDS.get(outcome.kind, outcome.kind),
        "success": outcome.status == "passed",
        "column": outcome.field,
        "severity": "warn" if outcome.action == "warn" else "error",
        "name": outcome.id,
        "description": outcome.message,
        "expected": outcome.promise or (None if outcome.threshold is None else json.dumps(outcome.threshold)),
        "actual": None if outcome.value is None else str(outcome.value),
    }
    return {key: value for key, value in found.items() if value is not None}


def event(result: Result, at: datetime | None = None) -> dict[str, Any]:
    """A COMPLETE event of the check, `at` its time: the files are its inputs and share the assertions."""
    own = facet(result)
    names = result.files or (result.table,)
    return {
        "eventType": "COMPLETE",
        "eventTime": (at or datetime.now(UTC)).isoformat(timespec="milliseconds"),
        "producer": producer(),
        "schemaURL": EVENT,
        "run": {"runId": str(uuid.uuid4())},
        "job": {"namespace": "tamis", "name": f"check {result.contract} {result.version}"},
        "inputs": [
            {"namespace": "file", "name": name, "inputFacets": {"dataQualityAssertions": own}} for name in names
        ],
    }
