"""openlineage.jsonl: what OpenLineage's collectors take: the run that made the rows, and the check of their contract.

Two jobs, each with START and COMPLETE. Record lineage has no place in the standard; it is in lineage.parquet.
"""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from tamis.schemas import KINDS
from tamis.snapshot.emit.census import shown
from tamis.snapshot.emit.dossier import PRODUCER, Dossier

SPEC = "https://openlineage.io/spec"

FACETS = {
    "schema": "1-2-0/SchemaDatasetFacet",
    "version": "1-0-1/DatasetVersionDatasetFacet",
    "columnLineage": "1-2-0/ColumnLineageDatasetFacet",
    "outputStatistics": "1-0-2/OutputStatisticsOutputDatasetFacet",
    "inputStatistics": "1-0-0/InputStatisticsInputDatasetFacet",
    "dataQualityAssertions": "1-1-0/DataQualityAssertionsDatasetFacet",
    "documentation": "1-1-0/DocumentationDatasetFacet",
    "jobType": "2-0-4/JobTypeJobFacet",
    "processing_engine": "1-1-1/ProcessingEngineRunFacet",
}
"""Version and name of the schema of each facet that is written."""

NAMESPACE = "tamis"

FROM = {"record_id": "id"}
"""Columns that are made of another column of the input."""


def openlineage(dossier: Dossier) -> bytes:
    """openlineage.jsonl."""
    output = _output(dossier)
    events = _events(dossier, "run", _recipe(dossier), _inputs(dossier), [output])
    if dossier.checks:
        checked = {"namespace": NAMESPACE, "name": dossier.name, "facets": {"version": output["facets"]["version"]}}
        facet = _facet("dataQualityAssertions", assertions=[_assertion(c) for c in dossier.checks])
        checked["inputFacets"] = {"dataQualityAssertions": facet}
        id = str((dossier.facts.get("contract") or {}).get("id") or dossier.contract.get("id"))
        events += _events(dossier, "check", id, [checked], [])
    return b"".join(json.dumps(event, ensure_ascii=False).encode() + b"\n" for event in events)


def _events(dossier: Dossier, what: str, name: str, inputs: list[Any], outputs: list[Any]) -> list[dict[str, Any]]:
    """START and COMPLETE of one run of a job; the first names the data, the second has all that is known of it."""
    version = str(dossier.facts["code"]["package"]).rpartition(" ")[2]
    common = {
        "eventTime": dossier.created,
        "producer": PRODUCER,
        "schemaURL": f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {
            "runId": str(dossier.uuid(what)),
            "facets": {"processing_engine": _facet("processing_engine", name="tamis", version=version)},
        },
        "job": {
            "namespace": NAMESPACE,
            "name": f"{what}.{name}",
            "facets": {"jobType": _facet("jobType", processingType="BATCH", integration="TAMIS", jobType=what.upper())},
        },
    }
    bare = [[{"namespace": d["namespace"], "name": d["name"]} for d in side] for side in (inputs, outputs)]
    return [
        {**common, "eventType": "START", "inputs": bare[0], "outputs": bare[1]},
        {**common, "eventType": "COMPLETE", "inputs": inputs, "outputs": outputs},
    ]


def _inputs(dossier: Dossier) -> list[dict[str, Any]]:
    found = []
    for given in dossier.facts.get("inputs", []):
        sizes = {"rowCount": given.get("rows"), "size": given.get("bytes"), "fileCount": 1}
        known = {name: value for name, value in sizes.items() if value is not None}
        found.append(
            {
                "namespace": NAMESPACE,
                "name": shown(str(given["file"])),
                "facets": {"version": _facet("version", datasetVersion=f"sha256:{given['sha256']}")},
                "inputFacets": {"inputStatistics": _facet("inputStatistics", **known)},
            }
        )
    return found


def _output(dossier: Dossier) -> dict[str, Any]:
    statistics = {
        "rowCount": dossier.rows,
        "size": sum(f["bytes"] for f in dossier.files),
        "fileCount": len(dossier.files),
    }
    facets = {
        "schema": _facet("schema", fields=[_field(dossier, f) for f in dossier.snapshot.schema]),
        "version": _facet("version", datasetVersion=dossier.snapshot.id),
        "documentation": _facet("documentation", description=dossier.description),
        "columnLineage": _facet("columnLineage", fields=_lineage(dossier)),
    }
    return {
        "namespace": NAMESPACE,
        "name": dossier.name,
        "facets": facets,
        "outputFacets": {"outputStatistics": _facet("outputStatistics", **statistics)},
    }


def _field(dossier: Dossier, field: pa.Field) -> dict[str, Any]:
    found: dict[str, Any] = {"name": field.name, "type": str(field.type)}
    return {**found, **({"description": says} if (says := dossier.describes(field)) else {})}


def _lineage(dossier: Dossier) -> dict[str, Any]:
    """Which columns of the input each column is made of: its own, or, where a stage added it, the texts."""
    kind = KINDS.get(str(dossier.facts["kind"]))
    own = set(kind.schema.names) if kind else set()
    texts = list(kind.texts) if kind else []
    edited = any(r["fate"] == "edited" for step in dossier.steps for r in step["reasons"])
    found = {}
    for name in dossier.snapshot.schema.names:
        of = [FROM.get(name, name)] if name in own else texts
        same = name in own and name not in FROM and not (edited and name in texts)
        how = {"type": "DIRECT", "subtype": "IDENTITY" if same else "TRANSFORMATION", "masking": name in FROM}
        found[name] = {
            "inputFields": [
                {"namespace": NAMESPACE, "name": shown(str(given["file"])), "field": field, "transformations": [how]}
                for given in dossier.facts.get("inputs", [])
                for field in of
            ]
        }
    return found


def _assertion(check: dict[str, Any]) -> dict[str, Any]:
    """One check of the contract. Samples of what failed stay where they are."""
    measured = check.get("diagnostics") or {}
    found = {
        "assertion": str(check["type"]),
        "name": str(check["id"]),
        "success": check["result"] == "passed",
        "column": check.get("field"),
        "severity": "error" if check.get("action") == "fail" else "warn",
        "expected": None if measured.get("threshold") is None else str(measured["threshold"]),
        "actual": None if measured.get("value") is None else str(measured["value"]),
    }
    return {name: value for name, value in found.items() if value is not None}


def _facet(of: str, /, **members: Any) -> dict[str, Any]:
    version, _, schema = FACETS[of].partition("/")
    return {
        "_producer": PRODUCER,
        "_schemaURL": f"{SPEC}/facets/{version}/{schema}.json#/$defs/{schema}",
        **members,
    }


def _recipe(dossier: Dossier) -> str:
    return str((dossier.facts.get("recipe") or {}).get("name") or dossier.name)
