"""croissant.json: Croissant 1.1 with the Responsible AI vocabulary, as `mlcroissant` and dataset search read it.

A record set a split. One that is a single file is read from that file, and readers hold it against its sha256; one of
several is read through a pattern, and readers do not: that is for `tamis verify`.
"""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa

from tamis.licenses.spdx import leaves
from tamis.snapshot.emit.census import shown
from tamis.snapshot.emit.dossier import PRODUCER, UNKNOWN, Dossier, as_json

PARQUET = "application/x-parquet"

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "prov": "http://www.w3.org/ns/prov#",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def croissant(dossier: Dossier) -> bytes:
    """croissant.json."""
    found = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": dossier.name,
        "description": dossier.description,
        "version": dossier.version,
        "url": dossier.declared("url") or f"urn:sha256:{dossier.digest}",
        "license": _licenses(dossier),
        "citeAs": f"{dossier.name} {dossier.version}, {dossier.snapshot.id}",
        "datePublished": dossier.created[:10],
        "dateCreated": dossier.created,
        "creator": {"@type": "sc:Organization", "name": dossier.declared("dpts.issuer") or UNKNOWN},
        "inLanguage": [shown(name) for name in sorted(dossier.census.languages) if re.fullmatch("[a-z]{2,3}", name)],
        "isLiveDataset": False,
        "prov:wasDerivedFrom": _inputs(dossier),
        "prov:wasGeneratedBy": _activity(dossier),
        **_responsible(dossier),
        "distribution": _distribution(dossier),
        "recordSet": [_records(dossier, split) for split in dossier.splits if dossier.splits[split]],
    }
    return as_json({name: value for name, value in found.items() if value not in ([], None)})


def _licenses(dossier: Dossier) -> list[str]:
    """Page of each licence of some row; what no page is known for stands as it was declared."""
    found: set[str] = set()
    for name in dossier.census.licenses:
        ids = leaves(name) if name else []
        known = [id for id in ids if not id.startswith("LicenseRef-")]
        found.update(f"https://spdx.org/licenses/{id}" for id in known)
        found.update([] if known and known == ids else [shown(name)])
    return sorted(found)


def _inputs(dossier: Dossier) -> list[dict[str, Any]]:
    parents = [{"@id": str(id), "prov:label": "the snapshot before it"} for id in dossier.facts.get("parents", [])]
    inputs = [
        {"@id": f"urn:sha256:{i['sha256']}", "prov:label": shown(str(i["file"]))}
        for i in dossier.facts.get("inputs", [])
    ]
    return [{"@type": "prov:Entity", **entity} for entity in (*parents, *inputs)]


def _activity(dossier: Dossier) -> list[dict[str, Any]]:
    """One activity for each step, by whatever name and parameters it ran under."""
    agent = {"@type": "prov:SoftwareAgent", "@id": PRODUCER, "prov:label": dossier.facts["code"]["package"]}
    return [
        {
            "@type": "prov:Activity",
            "@id": f"urn:uuid:{dossier.uuid('step ' + str(step['step']))}",
            "prov:label": str(step["stage"]),
            "prov:wasAssociatedWith": agent,
        }
        for step in dossier.steps
    ]


def _responsible(dossier: Dossier) -> dict[str, Any]:
    """Members of the RAI vocabulary: from the ledger where it knows, else as the contract declares them."""
    census = dossier.census
    days = [day for day in (census.first_day, census.last_day) if day]
    sources = ", ".join(f"{shown(s)} ({c.rows:,} rows)" for s, c in list(census.sources.items())[:50])
    known = {
        "dataCollection": f"Sources: {sources}" if sources else None,
        "dataCollectionTimeframe": days,
        "dataCollectionMissingData": _missing(dossier),
        "dataPreprocessingProtocol": [
            f"{step['stage']}: {step['rows']['in']:,} in, {step['rows']['dropped']:,} dropped, "
            f"{step['rows']['quarantined']:,} set aside"
            for step in dossier.steps
        ],
        "dataLimitations": [said] if (said := dossier.said("limitations")) else None,
        "dataUseCases": [said] if (said := dossier.said("purpose")) else None,
        "personalSensitiveInformation": [_personal(dossier)],
    }
    names = (
        *known,
        *("dataCollectionType", "dataCollectionRawData", "dataImputationProtocol", "dataManipulationProtocol"),
        *("dataAnnotationProtocol", "dataAnnotationPlatform", "dataAnnotationAnalysis", "annotationsPerItem"),
        *("annotatorDemographics", "machineAnnotationTools", "dataBiases", "dataSocialImpact"),
        *("dataReleaseMaintenancePlan",),
    )
    return {
        f"rai:{n}": dossier.declared(f"rai.{n}") or known.get(n) or UNKNOWN for n in names if n not in _DATES or days
    }


_DATES = {"dataCollectionTimeframe"}
"""What must be dates, and cannot be UNKNOWN."""


def _missing(dossier: Dossier) -> str:
    none = sum(count.rows for name, count in dossier.census.licenses.items() if name is None)
    return f"{none:,} rows have no licence, {dossier.census.undated:,} no day of collection."


def _personal(dossier: Dossier) -> str:
    looked = (
        "Private data was looked for by pii@1; the ledger says where." if dossier.scrubbed else "Nobody looked for it."
    )
    classed = {
        None: "The contract classifies no column.",
        True: "The contract classifies some columns as such.",
        False: "",
    }
    return f"{looked} {classed[dossier.personal]}".strip()


def _distribution(dossier: Dossier) -> list[dict[str, Any]]:
    files = [
        {
            "@type": "cr:FileObject",
            "@id": f["path"],
            "name": f["path"],
            "contentUrl": f["path"],
            "contentSize": f"{f['bytes']} B",
            "encodingFormat": PARQUET,
            "sha256": f["sha256"],
        }
        for f in dossier.files
    ]
    sets = [
        {
            "@type": "cr:FileSet",
            "@id": f"files/{split}",
            "name": f"files of {split}",
            "encodingFormat": PARQUET,
            "includes": f"data/{split}-?????-of-?????.parquet",
        }
        for split in dossier.splits
        if len(dossier.of(split)) > 1
    ]
    return files + sets


def _records(dossier: Dossier, split: str) -> dict[str, Any]:
    files = dossier.of(split)
    read = {"fileObject": {"@id": files[0]["path"]}} if len(files) == 1 else {"fileSet": {"@id": f"files/{split}"}}
    fields = (_field(dossier, split, f, read) for f in dossier.snapshot.schema)
    return {
        "@type": "cr:RecordSet",
        "@id": split,
        "name": split,
        "description": f"The {dossier.splits[split]:,} rows of {split}.",
        "key": {"@id": f"{split}/record_id"},
        "field": [field for field in fields if field is not None],
    }


def _field(dossier: Dossier, split: str, field: pa.Field, read: dict[str, Any]) -> dict[str, Any] | None:
    """A column. Left out where the vocabulary has no type for it."""
    id = f"{split}/{field.name}"
    found: dict[str, Any] = {"@type": "cr:Field", "@id": id, "name": field.name}
    if says := dossier.describes(field):
        found["description"] = says
    kind = field.type
    source = {"source": {**read, "extract": {"column": field.name}}}
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if is_list and pa.types.is_struct(kind.value_type):
        inner = [(f, _data_type(f.type)) for f in kind.value_type]
        return {
            **found,
            "repeated": True,
            "subField": [
                {
                    "@type": "cr:Field",
                    "@id": f"{id}/{f.name}",
                    "name": f.name,
                    "dataType": type,
                    "repeated": True,
                    "source": {**source["source"], "transform": {"jsonPath": f"$[*].{f.name}"}},
                }
                for f, type in inner
                if type is not None
            ],
        }
    type = _data_type(kind.value_type if is_list else kind)
    return None if type is None else {**found, **({"repeated": True} if is_list else {}), "dataType": type, **source}


def _data_type(kind: pa.DataType) -> str | None:
    if pa.types.is_dictionary(kind):
        return _data_type(kind.value_type)
    tests = (
        (pa.types.is_boolean, "sc:Boolean"),
        (pa.types.is_integer, "sc:Integer"),
        (pa.types.is_floating, "sc:Float"),
        (pa.types.is_timestamp, "sc:DateTime"),
        (pa.types.is_date, "sc:Date"),
    )
    for test, name in tests:
        if test(kind):
            return name
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_fixed_size_binary)
    return "sc:Text" if any(test(kind) for test in texts) else None
