"""`tamis freeze`, `verify` and `snapshots`: the walk, and what they say of slips."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contract_text import written
from making import recipe, sentences, write_lines

import tamis as api
from tamis.runs.manifest import seal, sha256
from tamis.snapshot import freeze
from tamis.snapshot.jcs import canonical_json

Tamis = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run."""
    folder = tmp_path_factory.mktemp("frozen")
    data = write_lines(folder / "corpus.jsonl", sentences(60))
    return api.run(recipe("exact@1"), data, folder / "run", engine="inline").path


@pytest.fixture
def store(run: Path, tmp_path: Path, tamis: Tamis) -> Path:
    """A store with docs@1.0.0 and docs@1.1.0."""
    for version in ("1.0.0", "1.1.0"):
        assert tamis("freeze", run, "-o", tmp_path / "store/docs" / version)[0] == 0
    return tmp_path / "store"


def listed(store: Path, tamis: Tamis) -> list[tuple[str, bool]]:
    """Versions, and whether the name stands for each."""
    told = json.loads(tamis("snapshots", "list", "--store", store, "--json")[1])
    return [(row["version"], row["current"]) for row in told["snapshots"]]


def test_a_name_stands_for_the_last_version_until_it_is_told_otherwise(store: Path, tamis: Tamis) -> None:
    assert listed(store, tamis) == [("1.0.0", False), ("1.1.0", True)]
    assert tamis("snapshots", "use", "docs@1.0.0", "--store", store) == (0, "docs stands for 1.0.0 now\n")
    assert listed(store, tamis) == [("1.0.0", True), ("1.1.0", False)]


def test_show_says_what_the_snapshot_says(store: Path, tamis: Tamis) -> None:
    told = json.loads(tamis("snapshots", "show", "docs@1.0.0", "--store", store, "--json")[1])
    assert (told["name"], told["version"], told["parents"]) == ("docs", "1.0.0", [])
    assert "docs@1.0.0, frozen" in tamis("snapshots", "show", "docs@1.0.0", "--store", store)[1]


@pytest.mark.parametrize("ref", ["docs", "docs@1.0.0"])
def test_verify_takes_a_name(ref: str, store: Path, tamis: Tamis) -> None:
    code, printed = tamis("verify", ref, "--store", store)
    assert (code, "records under one root" in printed) == (0, True)


def test_verify_carries_the_recipe_out_again(store: Path, tamis: Tamis) -> None:
    assert tamis("verify", store / "docs/1.0.0", "--level", "rerun")[0] == 0


@pytest.mark.parametrize("stages", [["exact@1"], ["exact@1", {"split@1": {"train": 0.5, "test": 0.5}}]])
def test_conversations_come_out_with_the_same_bytes(stages: list[Any], tmp_path: Path, tamis: Tamis) -> None:
    rows = [
        {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "Yes."}]}
        for text in "abcdefgh"
    ]
    data = write_lines(tmp_path / "chats.jsonl", rows)
    run = api.run({"name": "chats", "stages": stages}, data, tmp_path / "run", engine="inline").path
    frozen = freeze(run, tmp_path / "store/chats/1.0.0").path
    code, printed = tamis("verify", frozen, "--level", "rerun")
    assert (code, "note" in printed) == (0, False)


KEPT: dict[str, Any] = {"id": "few_go", "type": "custom", "engine": "tamis"}
KEPT["implementation"] = {"measure": "attrition", "mustBeLessThan": 90, "arguments": {"by": "run"}}


def test_a_rerun_holds_the_data_against_its_contract(run: Path, tmp_path: Path, tamis: Tamis) -> None:
    written(tmp_path, [{"name": "text", "logicalType": "string"}], quality=[KEPT])
    contract = tmp_path / "contract.odcs.yaml"
    frozen = freeze(run, tmp_path / "store/docs/1.0.0", contract=contract).path
    assert tamis("verify", frozen, "--level", "rerun")[0] == 0
    written(tmp_path, [{"name": "text", "logicalType": "string", "logicalTypeOptions": {"maxLength": 3}}])
    shutil.copy(contract, frozen / "evidence/contract.odcs.yaml")
    facts = json.loads((frozen / "snapshot.json").read_bytes())
    for told in (facts["contract"], *(f for f in facts["files"] if f["path"] == "evidence/contract.odcs.yaml")):
        told |= {"sha256": sha256(contract)} | ({"bytes": contract.stat().st_size} if "bytes" in told else {})
    (frozen / "snapshot.json").write_bytes(canonical_json(facts))
    (frozen / "MANIFEST.sha256").unlink()
    seal(frozen, {})
    moved = shutil.move(frozen, tmp_path / "elsewhere")  # away from the store, which knows its id
    assert tamis("verify", moved)[0] == 0
    code, printed = tamis("verify", moved, "--level", "rerun")
    assert (code, "longer than maxLength 3" in printed) == (1, True)


def test_a_rerun_takes_input_that_was_moved_and_renamed(store: Path, run: Path, tmp_path: Path, tamis: Tamis) -> None:
    moved = tmp_path / "elsewhere.jsonl"
    moved.write_bytes((run.parent / "corpus.jsonl").read_bytes())
    assert tamis("verify", store / "docs/1.0.0", "--level", "rerun", "-i", moved)[0] == 0
    moved.write_bytes(moved.read_bytes() + b"{}\n")
    code, printed = tamis("verify", store / "docs/1.0.0", "--level", "rerun", "-i", moved)
    assert (code, "corpus.jsonl is not to be found as the run read it" in printed) == (2, True)


@pytest.mark.parametrize(
    "arguments, says",
    [
        (("snapshots", "use", "docs"), "which version of 'docs'?"),
        (("snapshots", "use", "1.0.0"), "1.0.0 of which name? write NAME@1.0.0"),
        (("snapshots", "use", "docs@9.0.0"), "has no snapshot 'docs@9.0.0'; it has docs@1.0.0, docs@1.1.0"),
        (("snapshots", "list", "doc"), "has no snapshot called 'doc'; it has docs"),
        (("snapshots", "show", "docs@one"), "'one' is no version"),
        (("snapshots", "show", "sha256:00"), "has no snapshot 'sha256:00'"),
        (("diff", "docs", "other"), "has no snapshot 'other'"),
    ],
)
def test_a_slip_is_a_sentence(arguments: tuple[str, ...], says: str, store: Path, tamis: Tamis) -> None:
    code, printed = tamis(*arguments, "--store", store)
    assert (code, says in printed) == (2, True), printed


def test_no_store_is_a_sentence(tmp_path: Path, tamis: Tamis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TAMIS_STORE", raising=False)
    code, printed = tamis("snapshots", "list")
    assert (code, "no store was found here or above" in printed) == (2, True)


def test_options_of_a_snapshot_are_not_those_of_a_run(run: Path, store: Path, tamis: Tamis) -> None:
    assert tamis("verify", run, "--level", "files")[0] == 2
    assert tamis("verify", store / "docs/1.0.0", "--no-pii")[0] == 2
