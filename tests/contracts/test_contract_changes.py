"""A change is breaking for those who read the data, for those who write it, for both or for nobody."""

from __future__ import annotations

import pytest
import yaml

from tamis.contracts import load
from tamis.contracts.changes import changes


def contract(folder, name, *properties, quality=(), **top):
    document = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "test",
        "version": "1.0.0",
        "schema": [
            {
                "name": "t",
                "properties": [{"name": "id", "logicalType": "string"}, *properties],
                "quality": list(quality),
            }
        ],
        **top,
    }
    (folder / name).write_text(yaml.safe_dump(document))
    return load(folder / name)


def text(**more):
    return {"name": "text", "logicalType": "string", **more}


def nulls(**promised):
    return text(quality=[{"id": "m", "metric": "nullValues", **promised}])


def known(*values):
    return text(
        quality=[{"id": "m", "metric": "invalidValues", "mustBe": 0, "arguments": {"validValues": list(values)}}]
    )


READERS, WRITERS, BOTH, NOBODY = ("readers",), ("writers",), ("readers", "writers"), ()


@pytest.mark.parametrize(
    ("old", "new", "breaks"),
    [
        (text(required=True), text(), READERS),
        (text(logicalTypeOptions={"maxLength": 9}), text(logicalTypeOptions={"maxLength": 5}), WRITERS),
        (text(logicalTypeOptions={"minLength": 2}), text(logicalTypeOptions={"minLength": 1}), READERS),
        (text(logicalTypeOptions={"maxLength": 9}), text(), READERS),
        (text(logicalTypeOptions={"pattern": "a"}), text(logicalTypeOptions={"pattern": "b"}), BOTH),
        (text(), {"name": "text", "logicalType": "integer"}, BOTH),
        ({"name": "text", "logicalType": "integer"}, {"name": "text", "logicalType": "number"}, READERS),
        (nulls(mustBeLessThan=5), nulls(mustBeLessThan=2), WRITERS),
        (nulls(mustBeLessThan=5), nulls(mustBeLessOrEqualTo=5), READERS),
        (nulls(mustBeBetween=[1, 5]), nulls(mustBeBetween=[2, 6]), BOTH),
        (nulls(mustBeLessThan=5), nulls(mustBeLessThan=5, unit="percent"), BOTH),
        (nulls(mustBe=0), nulls(mustBe=0, severity="warning"), READERS),
        (known("a", "b"), known("a", "b", "c"), READERS),
        (known("a", "b"), known("a"), WRITERS),
        (known("a", "b"), known("b", "a"), NOBODY),
        (text(classification="restricted"), text(), READERS),
        (text(description="x"), text(description="y"), None),
    ],
)
def test_whom_a_change_breaks(tmp_path, old, new, breaks):
    found = changes(contract(tmp_path, "old.yaml", old), contract(tmp_path, "new.yaml", new))
    assert [c.breaks for c in found] == ([] if breaks is None else [breaks])


def test_back_again_breaks_the_others(tmp_path):
    a, b = contract(tmp_path, "a.yaml", text(required=True)), contract(tmp_path, "b.yaml")
    assert [c.breaks for c in changes(a, b)] == [READERS]
    assert [c.breaks for c in changes(b, a)] == [WRITERS]


def test_a_longer_retention_breaks_readers(tmp_path):
    day = {"name": "day", "logicalType": "date"}
    levels = [[{"property": "retention", "value": v, "unit": "d", "element": "day"}] for v in (30, 90)]
    old, new = (contract(tmp_path, f"{k}.yaml", day, slaProperties=level) for k, level in enumerate(levels))
    assert [(c.says, c.breaks) for c in changes(old, new)] == [("retention 30 days becomes 90 days", READERS)]
