"""bom.cdx.json: the dataset as a CycloneDX 1.6 bill of materials for machine learning.

Written by hand: the model of cyclonedx-python-lib drops `data` and `formulation` when it writes what it read.
"""

from __future__ import annotations

from typing import Any

from tamis.licenses import canonical
from tamis.snapshot.emit.census import shown
from tamis.snapshot.emit.dossier import PRODUCER, Dossier, as_json


def bill(dossier: Dossier) -> bytes:
    """bom.cdx.json."""
    ref = f"urn:sha256:{dossier.digest}"
    inputs = [_input(k, given) for k, given in enumerate(dossier.facts.get("inputs", []))]
    found = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{dossier.uuid('bom')}",
        "version": 1,
        "metadata": {
            "timestamp": dossier.created,
            "tools": {"components": [{"type": "application", "name": "tamis", "version": _version(dossier)}]},
            "component": _dataset(dossier, ref),
        },
        "components": [*(_file(f) for f in dossier.files), *inputs],
        "dependencies": [
            {"ref": ref, "dependsOn": sorted({*(f["path"] for f in dossier.files), *(i["bom-ref"] for i in inputs)})}
        ],
        "formulation": [{"bom-ref": "formulation", "workflows": [_workflow(dossier, ref, inputs)]}],
    }
    return as_json(found)


def _dataset(dossier: Dossier, ref: str) -> dict[str, Any]:
    issuer = dossier.declared("dpts.issuer")
    sensitive = [
        f"{name}: {column['classification']}"
        for name, column in dossier.columns.items()
        if column.get("classification")
    ]
    data = {
        "type": "dataset",
        "name": dossier.title,
        "description": dossier.description,
        "contents": {
            "properties": [
                {"name": "tamis:kind", "value": str(dossier.facts["kind"])},
                {"name": "tamis:root", "value": str(dossier.facts["content"]["root"])},
                *({"name": f"tamis:rows:{split}", "value": str(rows)} for split, rows in dossier.splits.items()),
            ]
        },
        **({"classification": str(c)} if (c := dossier.declared("dpts.confidentiality")) else {}),
        **({"sensitiveData": sensitive} if sensitive else {}),
        **({"governance": {"owners": [{"organization": {"name": str(issuer)}}]}} if issuer else {}),
    }
    return {
        "type": "data",
        "bom-ref": ref,
        "name": dossier.name,
        "version": dossier.version,
        "description": dossier.description,
        "hashes": [{"alg": "SHA-256", "content": dossier.digest}],
        "licenses": licenses(dossier),
        "data": [data],
        "properties": [{"name": "tamis:snapshot", "value": dossier.snapshot.id}],
    }


def licenses(dossier: Dossier) -> list[dict[str, Any]]:
    """All licences of the rows: as one expression where SPDX knows them all, else by name."""
    declared = list(dossier.census.licenses)
    known = [canonical(name) if name else None for name in declared]
    if known and None not in known:
        return [{"expression": sum_of([e for e in known if e])}]
    return [
        {"license": {"name": expression or shown(name, "none declared")}}
        for name, expression in sorted(zip(declared, known, strict=True), key=lambda pair: str(pair))
    ]


def sum_of(expressions: list[str]) -> str:
    """The expression of which each of `expressions` is a part that must be kept."""
    unlike = sorted(set(expressions))
    if len(unlike) == 1:
        return unlike[0]
    return " AND ".join(f"({e})" if " OR " in e or " AND " in e else e for e in unlike)


def _file(file: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "file",
        "bom-ref": file["path"],
        "name": file["path"],
        "hashes": [{"alg": "SHA-256", "content": file["sha256"]}],
    }


def _input(number: int, given: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "data",
        "bom-ref": f"input-{number}",
        "name": shown(str(given["file"])),
        "hashes": [{"alg": "SHA-256", "content": given["sha256"]}],
        "data": [{"type": "dataset", "name": shown(str(given["file"]))}],
    }


def _workflow(dossier: Dossier, ref: str, inputs: list[dict[str, Any]]) -> dict[str, Any]:
    """The recipe, step by step."""
    uid = str(dossier.uuid("workflow"))
    return {
        "bom-ref": f"workflow-{uid}",
        "uid": uid,
        "name": str((dossier.facts.get("recipe") or {}).get("name") or dossier.name),
        "taskTypes": ["copy", "clean", "other"],
        "trigger": {"bom-ref": f"trigger-{uid}", "uid": f"trigger-{uid}", "type": "manual"},
        "steps": [
            {
                "name": str(step["stage"]),
                "properties": [{"name": f"tamis:{name}", "value": str(rows)} for name, rows in step["rows"].items()],
            }
            for step in dossier.steps
        ],
        "inputs": [{"resource": {"ref": i["bom-ref"]}} for i in inputs],
        "outputs": [{"type": "artifact", "resource": {"ref": ref}}],
        "resourceReferences": [{"externalReference": {"type": "website", "url": PRODUCER}}],
    }


def _version(dossier: Dossier) -> str:
    return str(dossier.facts["code"]["package"]).rpartition(" ")[2]
