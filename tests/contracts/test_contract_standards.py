"""What tamis writes and ships is what the standards say, by their own schemas."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from contract_text import written

from tamis.contracts import check, load
from tamis.contracts.openlineage import event
from tamis.contracts.propose import propose

TESTS = Path(__file__).parents[1]
SHIPPED = sorted((TESTS.parent / "examples").rglob("*.odcs.yaml"))


@cache
def odcs() -> Any:
    """The standard's own validator: jsonschema takes three seconds to import."""
    import jsonschema

    return jsonschema.Draft201909Validator(json.loads((TESTS / "odcs/odcs-3.1.0.schema.json").read_text("utf-8")))


def slips(text: str) -> list[str]:
    """What the standard's schema says of a contract; dates are text there."""
    return [e.message for e in odcs().iter_errors(json.loads(json.dumps(yaml.safe_load(text), default=str)))]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_a_contract_that_is_shipped_is_one(path):
    assert slips(path.read_text("utf-8")) == []
    assert load(path).tables


def test_a_proposal_is_a_contract_by_the_standard():
    columns = {"id": ["a", "b"], "n": [1, -2], "x": [0.5, None], "day": [date(2026, 1, 2)] * 2, "l": [["a"], []]}
    frame = pl.DataFrame({**columns, "s": [{"k": True}] * 2, "b": [b"x"] * 2, "none": [None, None]})
    assert slips(propose(frame, "an id: with colons", "t", private=("n",))) == []


def test_an_event_is_one_by_openlineage(tmp_path):
    import jsonschema
    from referencing import Registry, Resource

    contract = written(tmp_path, [{"name": "a", "logicalType": "string", "required": True}])
    found = event(check(pl.DataFrame({"a": ["x", None]}), contract), datetime(2026, 1, 2, tzinfo=UTC))
    specs = [json.loads(p.read_text("utf-8")) for p in sorted((TESTS / "openlineage").glob("*.json"))]
    registry = Registry().with_resources([(s["$id"], Resource.from_contents(s)) for s in specs])
    for reference, value in [
        ("https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent", found),
        (
            "https://openlineage.io/spec/facets/1-1-0/DataQualityAssertionsDatasetFacet.json",
            {"dataQualityAssertions": found["inputs"][0]["inputFacets"]["dataQualityAssertions"]},
        ),
    ]:
        validator = jsonschema.Draft202012Validator({"$ref": reference}, registry=registry)
        assert [e.message for e in validator.iter_errors(value)] == []
