"""dataset.spdx.json: the dataset as SPDX 3.0.1 with its Dataset profile."""

from __future__ import annotations

from typing import Any

from tamis.licenses import canonical
from tamis.snapshot.emit.census import shown
from tamis.snapshot.emit.cyclonedx import sum_of
from tamis.snapshot.emit.dossier import UNKNOWN, Dossier, as_json

CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"

INFO = "_:creation"


def spdx(dossier: Dossier) -> bytes:
    """dataset.spdx.json: a document about one dataset package, its files, and what it was made of."""
    about = f"urn:sha256:{dossier.digest}"
    issuer = f"{about}#issuer"
    dataset, license = about, f"{about}#license"
    files = [_file(f"{about}#{f['path']}", f["path"], f["sha256"]) for f in dossier.files]
    inputs = [
        _file(f"{about}#input-{k}", shown(str(i["file"])), i["sha256"])
        for k, i in enumerate(dossier.facts.get("inputs", []))
    ]
    elements = [
        _element("Organization", issuer, name=str(dossier.declared("dpts.issuer") or UNKNOWN)),
        _element("Tool", f"{about}#tamis", name=str(dossier.facts["code"]["package"])),
        _dataset(dossier, dataset, issuer),
        _element("simplelicensing_LicenseExpression", license, simplelicensing_licenseExpression=_expression(dossier)),
        *files,
        *inputs,
        _relation(f"{about}#declares", dataset, "hasDeclaredLicense", [license]),
        _relation(f"{about}#concludes", dataset, "hasConcludedLicense", [license]),
        *([_relation(f"{about}#contains", dataset, "contains", [f["spdxId"] for f in files])] if files else []),
        *(_relation(f"{i['spdxId']}-made", i["spdxId"], "generates", [dataset]) for i in inputs),
    ]
    document = _element(
        "SpdxDocument",
        f"{about}#document",
        name=f"{dossier.name} {dossier.version}",
        profileConformance=["core", "dataset", "simpleLicensing", "software"],
        rootElement=[dataset],
        element=[e["spdxId"] for e in elements],
    )
    info = {
        "type": "CreationInfo",
        "@id": INFO,
        "specVersion": "3.0.1",
        "created": dossier.created,
        "createdBy": [issuer],
        "createdUsing": [f"{about}#tamis"],
    }
    return as_json({"@context": CONTEXT, "@graph": [info, document, *elements]})


def _dataset(dossier: Dossier, id: str, issuer: str) -> dict[str, Any]:
    said = {
        "dataset_intendedUse": dossier.said("purpose"),
        "dataset_datasetNoise": dossier.declared("spdx.datasetNoise"),
        "dataset_knownBias": [str(b)] if (b := dossier.declared("rai.dataBiases")) else None,
        "software_copyrightText": dossier.declared("spdx.copyrightText"),
    }
    return _element(
        "dataset_DatasetPackage",
        id,
        name=dossier.name,
        description=dossier.description,
        software_packageVersion=dossier.version,
        software_primaryPurpose="data",
        software_downloadLocation=dossier.declared("url") or f"urn:sha256:{dossier.digest}",
        builtTime=dossier.created,
        releaseTime=dossier.created,
        originatedBy=[issuer],
        verifiedUsing=[_hash(dossier.digest)],
        dataset_datasetType=["text"],
        dataset_datasetSize=sum(f["bytes"] for f in dossier.files),
        dataset_dataCollectionProcess=f"Sources: {', '.join(shown(s) for s in list(dossier.census.sources)[:50]) or UNKNOWN}",
        dataset_dataPreprocessing=[str(step["stage"]) for step in dossier.steps] or [UNKNOWN],
        dataset_hasSensitivePersonalInformation="yes" if dossier.personal else "noAssertion",
        **{name: value for name, value in said.items() if value},
    )


def _expression(dossier: Dossier) -> str:
    """What must be kept for all rows; NOASSERTION where the licence of some is not known."""
    known = [canonical(name) if name else None for name in dossier.census.licenses]
    return "NOASSERTION" if None in known or not known else sum_of([e for e in known if e])


def _file(id: str, name: str, digest: str) -> dict[str, Any]:
    return _element("software_File", id, name=name, software_primaryPurpose="data", verifiedUsing=[_hash(digest)])


def _relation(id: str, start: str, kind: str, ends: list[str]) -> dict[str, Any]:
    return _element("Relationship", id, **{"from": start}, relationshipType=kind, to=ends)


def _element(type: str, id: str, **members: Any) -> dict[str, Any]:
    return {"type": type, "spdxId": id, "creationInfo": INFO, **members}


def _hash(digest: str) -> dict[str, str]:
    return {"type": "Hash", "algorithm": "sha256", "hashValue": digest}
