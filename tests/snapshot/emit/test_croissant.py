from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tamis.snapshot.emit.beside import counted
from tamis.snapshot.emit.croissant import croissant
from tamis.snapshot.emit.dossier import UNKNOWN, Dossier
from tamis.snapshot.folder import open_snapshot

pytestmark = pytest.mark.filterwarnings("ignore")  # rdflib and pandas warn of their own use


@pytest.fixture(scope="session")
def mlc() -> Any:
    """mlcroissant, which takes seconds to import."""
    return pytest.importorskip("mlcroissant", reason="mlcroissant is not installed: pip install mlcroissant")


def test_mlcroissant_finds_nothing_to_say(frozen: Path, mlc: Any) -> None:
    issues = mlc.Dataset(frozen / "croissant.json").metadata.ctx.issues
    assert (issues.errors, issues.warnings) == (set(), set())


def test_its_records_are_the_rows(frozen: Path, mlc: Any) -> None:
    snapshot, dataset = open_snapshot(frozen), mlc.Dataset(frozen / "croissant.json")
    for split in snapshot.splits:
        found = [flat(record) for record in dataset.records(split)]
        assert found == [flat(row) for row in snapshot.data(split=split).to_pylist()]


def flat(value: Any) -> Any:
    """As mlcroissant gives it: text as bytes, names without the path before them."""
    if isinstance(value, dict):
        return {name.rpartition("/")[2]: flat(v) for name, v in value.items()}
    if isinstance(value, list):
        return [flat(v) for v in value]
    return value.encode() if isinstance(value, str) else value


def test_a_file_that_was_changed_is_seen_where_a_split_is_one_file(copied: Path, mlc: Any) -> None:
    part = copied / "data/train-00000-of-00001.parquet"
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    with pytest.raises(Exception, match="Download") as raised:
        list(mlc.Dataset(copied / "croissant.json").records("train"))
    assert "hash" in str(raised.value.__cause__).lower()


@pytest.mark.parametrize(
    "change",
    [
        lambda doc: doc["distribution"][0].pop("sha256"),
        lambda doc: doc["recordSet"][0]["field"][0]["source"]["fileObject"].update({"@id": "nowhere"}),
        lambda doc: doc["recordSet"][0]["field"][0].pop("dataType"),
    ],
    ids=["no digest", "no such file", "no type"],
)
def test_mlcroissant_refuses_a_broken_one(edited: Callable[..., Path], change: Any, mlc: Any) -> None:
    with pytest.raises(mlc.ValidationError):
        mlc.Dataset(edited("croissant.json", change) / "croissant.json")


def test_a_split_of_several_files_is_read_through_a_pattern(made: dict[str, Path], tmp_path: Path, mlc: Any) -> None:
    import shutil

    folder = Path(shutil.copytree(made["document"], tmp_path / "two"))
    first = folder / "data/train-00000-of-00001.parquet"
    shutil.copy(first, folder / "data/train-00000-of-00002.parquet")
    first.rename(folder / "data/train-00001-of-00002.parquet")
    facts = json.loads((folder / "snapshot.json").read_bytes())
    part = next(f for f in facts["files"] if f["path"].startswith("data/train"))
    facts["files"].remove(part)
    facts["files"] += [{**part, "path": f"data/train-{k:05d}-of-00002.parquet"} for k in range(2)]
    (folder / "snapshot.json").write_text(json.dumps(facts))
    snapshot = open_snapshot(folder)
    (folder / "croissant.json").write_bytes(croissant(Dossier(snapshot, counted(snapshot), {})))
    found = list(mlc.Dataset(folder / "croissant.json").records("train"))
    assert len(found) == 2 * snapshot.splits["train"]


def test_what_nobody_said_is_unknown_and_what_the_contract_says_is_there(frozen: Path) -> None:
    found = json.loads((frozen / "croissant.json").read_bytes())
    assert found["rai:dataBiases"] == "Mostly English" and found["rai:dataSocialImpact"] == UNKNOWN
    assert found["rai:dataCollectionTimeframe"] == ["2026-10-01", "2026-10-28"]
    assert len([name for name in found if re.match("rai:", name)]) == 20
