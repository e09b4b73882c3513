from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tamis.licenses import canonical
from tamis.snapshot.emit.cyclonedx import sum_of


def wrong(path: Path) -> Any:
    """What the strict validator of CycloneDX 1.6 says; None where it is content."""
    validation = pytest.importorskip(
        "cyclonedx.validation.json", reason="cyclonedx-python-lib is not installed: pip install cyclonedx-python-lib"
    )
    from cyclonedx.schema import SchemaVersion

    return validation.JsonStrictValidator(SchemaVersion.V1_6).validate_str(path.read_text("utf-8"))


def test_the_strict_validator_is_content(frozen: Path) -> None:
    assert wrong(frozen / "bom.cdx.json") is None


@pytest.mark.parametrize(
    "change",
    [
        lambda bom: bom["metadata"]["component"].update(type="dataset"),
        lambda bom: bom["metadata"]["component"]["hashes"][0].update(content="no digest"),
        lambda bom: bom["formulation"][0]["workflows"][0].pop("taskTypes"),
        lambda bom: bom["metadata"]["component"]["data"][0].update(rows=4),
    ],
    ids=["type", "hash", "workflow", "unknown member"],
)
def test_the_strict_validator_refuses_a_broken_one(edited: Callable[..., Path], change: Any) -> None:
    assert wrong(edited("bom.cdx.json", change) / "bom.cdx.json") is not None


def test_it_names_every_file_input_and_licence(made: dict[str, Path]) -> None:
    bom = json.loads((made["document"] / "bom.cdx.json").read_bytes())
    names = {c["name"] for c in bom["components"]}
    assert names == {"data/train-00000-of-00001.parquet", "data/validation-00000-of-00001.parquet", "rows.jsonl"}
    [license] = bom["metadata"]["component"]["licenses"]
    assert license["expression"] == "(Apache-2.0 OR MIT) AND CC-BY-4.0 AND CC-BY-SA-4.0 AND MIT"
    assert bom["metadata"]["component"]["data"][0]["sensitiveData"] == ["url: personal"]


@pytest.mark.parametrize(
    "parts", [["MIT"], ["(MIT OR ISC) AND Zlib"], ["MIT OR ISC", "Zlib"], ["A" * 0 or "MIT", "MIT"]]
)
def test_a_sum_of_expressions_is_one(parts: list[str]) -> None:
    assert canonical(sum_of(parts)) == sum_of(parts)
