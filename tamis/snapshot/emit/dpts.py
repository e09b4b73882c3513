"""dpts.json: the 22 fields of the Data Provenance Standards 1.0 (Data & Trust Alliance), gaps marked UNKNOWN.

The contract fills any of them with a custom property `dpts.FIELD`; where it does not, the ledger does what it can.
"""

from __future__ import annotations

from typing import Any

from tamis.snapshot.emit.census import shown
from tamis.snapshot.emit.cyclonedx import licenses
from tamis.snapshot.emit.dossier import UNKNOWN, Dossier, as_json

FIELDS = {
    "source": ("title", "id", "metadataUrl", "issuer", "description"),
    "provenance": (
        *("sourceMetadata", "source", "originGeography", "issueDate", "previousIssueDate", "generationRange"),
        *("method", "format"),
    ),
    "use": (
        *("confidentiality", "consentLocation", "privacyTechnologies", "processingGeographyAllowed"),
        *("processingGeographyExcluded", "storageGeography", "license", "intendedUse", "proprietaryPresence"),
    ),
}
"""The standards' three parts; processing geography is given as what is allowed and what is excluded."""


def dpts(dossier: Dossier) -> bytes:
    """dpts.json: every field with its value and where that is from: contract, ledger or nobody."""
    known = _known(dossier)
    found: dict[str, Any] = {"standard": "D&TA Data Provenance Standards 1.0", "dataset": dossier.snapshot.id}
    for part, names in FIELDS.items():
        found[part] = {name: _value(dossier.declared(f"dpts.{name}"), known.get(name)) for name in names}
    found["unknown"] = [n for part in FIELDS for n, field in found[part].items() if field["value"] == UNKNOWN]
    return as_json(found)


def _value(declared: Any, known: Any) -> dict[str, Any]:
    if declared not in (None, ""):
        return {"value": declared, "from": "contract"}
    return {"value": UNKNOWN, "from": None} if known in (None, "", []) else {"value": known, "from": "ledger"}


def _known(dossier: Dossier) -> dict[str, Any]:
    """What snapshot, census and run tell of the fields."""
    census, facts = dossier.census, dossier.facts
    days = [day for day in (census.first_day, census.last_day) if day]
    steps = [str(step["stage"]) for step in dossier.steps]
    pii = next((step for step in dossier.steps if str(step["stage"]).startswith("pii@")), None)
    return {
        "title": dossier.contract.get("name") or dossier.name,
        "id": dossier.snapshot.id,
        "metadataUrl": "snapshot.json",
        "description": dossier.said("purpose"),
        "sourceMetadata": [f"sha256:{i['sha256']}" for i in facts.get("inputs", [])],
        "source": [shown(name) for name in census.sources],
        "issueDate": dossier.created[:10],
        "previousIssueDate": None,
        "generationRange": f"{days[0]}/{days[-1]}" if days else None,
        "method": f"tamis: {', '.join(steps)}" if steps else None,
        "format": "Parquet",
        "privacyTechnologies": f"{pii['stage']}, operator {(pii.get('params') or {}).get('operator')}" if pii else None,
        "license": sorted(str(entry.get("expression") or entry["license"]["name"]) for entry in licenses(dossier)),
        "intendedUse": dossier.said("purpose"),
    }
