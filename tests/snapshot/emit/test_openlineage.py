from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tamis.snapshot.folder import open_snapshot

SCHEMAS = Path(__file__).parents[2] / "openlineage"


@pytest.fixture(scope="session")
def wrong() -> Any:
    """What the schemas of OpenLineage say of an event: of the event itself, and of each facet under its own schema."""
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed: pip install jsonschema")
    from referencing import Registry, Resource

    loaded = [json.loads(path.read_bytes()) for path in sorted(SCHEMAS.glob("*.json"))]
    registry: Any = Registry().with_resources([(s["$id"], Resource.from_contents(s)) for s in loaded])

    def errors(event: Any) -> list[str]:
        pairs = [(event, event["schemaURL"]), *((facet, facet["_schemaURL"]) for facet in facets(event))]
        found = []
        for value, url in pairs:
            validator = jsonschema.Draft202012Validator(
                {"$ref": url}, registry=registry, format_checker=jsonschema.FormatChecker()
            )
            found += [error.message for error in validator.iter_errors(value)]
        return found

    return errors


def facets(value: Any) -> list[Any]:
    """Every facet within `value`."""
    if isinstance(value, list):
        return [facet for v in value for facet in facets(v)]
    if not isinstance(value, dict):
        return []
    return [value] * ("_schemaURL" in value) + [facet for v in value.values() for facet in facets(v)]


def events(folder: Path) -> list[Any]:
    return [json.loads(line) for line in (folder / "openlineage.jsonl").read_text("utf-8").splitlines()]


def test_every_event_and_facet_keeps_its_schema(frozen: Path, wrong: Any) -> None:
    found = events(frozen)
    assert [(e["job"]["name"], e["eventType"]) for e in found] == [
        *(("run.test", "START"), ("run.test", "COMPLETE")),
        *(("check.tests.documents", "START"), ("check.tests.documents", "COMPLETE")),
    ]
    assert [error for event in found for error in wrong(event)] == []


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e.update(eventType="DONE"),
        lambda e: e["run"].update(runId="seven"),
        lambda e: e["outputs"][0].pop("name"),
        lambda e: e["outputs"][0]["facets"]["version"].pop("datasetVersion"),
        lambda e: e["outputs"][0]["outputFacets"]["outputStatistics"].update(rowCount="many"),
        lambda e: e["outputs"][0]["facets"]["columnLineage"]["fields"]["text"].pop("inputFields"),
    ],
    ids=["type", "run id", "no name", "no version", "rows", "no fields"],
)
def test_a_broken_event_is_refused(made: dict[str, Path], wrong: Any, change: Any) -> None:
    event = events(made["document"])[1]
    change(event)
    assert wrong(event)


def test_the_output_has_schema_version_statistics_and_the_source_of_each_column(frozen: Path) -> None:
    snapshot, [output] = open_snapshot(frozen), events(frozen)[1]["outputs"]
    assert [f["name"] for f in output["facets"]["schema"]["fields"]] == snapshot.schema.names
    assert output["facets"]["version"]["datasetVersion"] == snapshot.id
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == sum(snapshot.splits.values())
    lineage = output["facets"]["columnLineage"]["fields"]
    assert list(lineage) == snapshot.schema.names and all(entry["inputFields"] for entry in lineage.values())


def test_every_check_of_the_contract_is_an_assertion(frozen: Path) -> None:
    checks = json.loads(open_snapshot(frozen).evidence("contract.result.json") or b"")["checks"]
    facet = events(frozen)[3]["inputs"][0]["inputFacets"]["dataQualityAssertions"]
    assert [a["name"] for a in facet["assertions"]] == [c["id"] for c in checks]
