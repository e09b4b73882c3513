from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

bindings = pytest.importorskip(
    "spdx_python_model.bindings.v3_0_1", reason="spdx-python-model is not installed: pip install spdx-python-model"
)

REQUIRED = {
    "dataset_DatasetPackage": {
        *("dataset_datasetType", "software_primaryPurpose", "software_downloadLocation", "software_packageVersion"),
        *("builtTime", "releaseTime", "originatedBy", "name", "creationInfo"),
    },
    "SpdxDocument": {"rootElement", "profileConformance", "creationInfo"},
    "CreationInfo": {"specVersion", "created", "createdBy"},
    "Relationship": {"from", "to", "relationshipType", "creationInfo"},
    "simplelicensing_LicenseExpression": {"simplelicensing_licenseExpression", "creationInfo"},
}
"""Members that the model asks for, and that the parser lets one leave out (the Dataset profile's among them)."""


def parsed(path: Path) -> Any:
    """The objects of a document; raises where a member is none of the model or has a value it does not know."""
    objects = bindings.SHACLObjectSet()
    bindings.JSONLDDeserializer().read(io.BytesIO(path.read_bytes()), objects)
    return objects


def test_it_parses_and_every_reference_is_met(frozen: Path) -> None:
    assert parsed(frozen / "dataset.spdx.json").missing_ids == set()


def test_it_can_be_written_again(frozen: Path) -> None:
    bindings.JSONLDSerializer().write(parsed(frozen / "dataset.spdx.json"), written := io.BytesIO())
    assert b"dataset_DatasetPackage" in written.getvalue()


def test_every_required_member_is_there(frozen: Path) -> None:
    graph = json.loads((frozen / "dataset.spdx.json").read_bytes())["@graph"]
    assert REQUIRED.keys() <= {element["type"] for element in graph}
    assert [e for e in graph if REQUIRED.get(e["type"], set()) - e.keys()] == []


@pytest.mark.parametrize(
    "change",
    [
        lambda package: package.update(dataset_datasetType=["prose"]),
        lambda package: package.update(dataset_hasSensitivePersonalInformation="perhaps"),
        lambda package: package.update(rows=4),
        lambda package: package.update(builtTime="yesterday"),
    ],
    ids=["type", "presence", "unknown member", "time"],
)
def test_a_broken_one_does_not_parse(edited: Callable[..., Path], change: Any) -> None:
    def dataset(document: Any) -> None:
        change(next(e for e in document["@graph"] if e["type"] == "dataset_DatasetPackage"))

    with pytest.raises((TypeError, ValueError, AttributeError, KeyError)):
        parsed(edited("dataset.spdx.json", dataset) / "dataset.spdx.json")
