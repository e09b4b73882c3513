from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from storing import frozen, made

Tamis = Callable[..., tuple[int, str]]

WEB = [
    {"id": "free", "text": "a text to share", "license": "MIT"},
    {"id": "nc", "text": "a text not to sell", "license": "cc by-nc 4.0"},
]
SYNTH = [
    {"id": "s0", "text": "made of free", "license": "Apache-2.0", "derived_from": "free"},
    {"id": "s1", "text": "made of nc", "license": "Apache-2.0", "derived_from": "nc"},
    {"id": "s2", "text": "made of both", "derived_from": ["free", "nc"]},
    {"id": "s3", "text": "https://creativecommons.org/licenses/by-nd/4.0/", "license": "MIT"},
]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """synth 1.0.0, made of web 1.0.0."""
    web = frozen(tmp_path, "web", WEB)
    return frozen(tmp_path, "synth", SYNTH, parents=[web]).path.parents[1]


def test_a_non_commercial_ancestor_taints_what_was_made_of_it(store: Path, tamis: Tamis) -> None:
    code, printed = tamis("licenses", store / "synth/1.0.0", "--json")
    found = json.loads(printed)
    assert code == 0 and found["evidence"] == {"declared": 3, "inferred": 1, "none": 0}
    assert {g["declared"]: g["permits"]["use"] for g in found["groups"]}[None] == "noncommercial"
    [conflict] = found["conflicts"]
    assert (conflict["rule"], conflict["rows"], len(conflict["records"])) == ("use", 1, 1)
    assert found == json.loads((store / "synth/1.0.0/licenses.json").read_bytes())


def test_strict_says_no_where_licences_conflict(store: Path, tamis: Tamis) -> None:
    assert tamis("licenses", "synth", "--store", store, "--strict")[0] == 1
    code, printed = tamis("licenses", "web", "--store", store, "--strict")
    assert code == 0 and "no conflict" in printed and "1 of 2 records permit noncommercial use only" in printed


def test_what_a_text_names_is_held_against_what_was_declared(store: Path, tamis: Tamis) -> None:
    code, printed = tamis("licenses", store / "synth/1.0.0", "--detect")
    assert code == 0 and "its text names CC-BY-ND-4.0" in printed


def test_what_was_found_of_each_record_can_be_written(store: Path, tamis: Tamis, tmp_path: Path) -> None:
    tamis("licenses", store / "synth/1.0.0", "--detect", "--records", tmp_path / "each.parquet")
    rows = pq.read_table(tmp_path / "each.parquet").to_pylist()
    assert [r["declared"] for r in rows] == ["Apache-2.0", "Apache-2.0", None, "MIT"]
    assert [r["inherited"] for r in rows] == [["MIT"], ["CC-BY-NC-4.0"], ["CC-BY-NC-4.0", "MIT"], []]
    assert [r["detected"] for r in rows] == [[], [], [], ["CC-BY-ND-4.0"]]
    assert [r["use"] for r in rows] == ["any", "noncommercial", "noncommercial", "any"]


def test_freezing_strictly_refuses_what_conflicts_and_leaves_nothing(store: Path, tamis: Tamis, tmp_path: Path) -> None:
    run = made(tmp_path, "again", SYNTH).path
    given = ("--lineage", "meta.derived_from", "--derived-from", store / "web/1.0.0")
    code, printed = tamis("freeze", run, "-o", store / "again/1.0.0", *given, "--licenses", "strict")
    assert code == 1 and "made of CC-BY-NC-4.0" in printed and not (store / "again/1.0.0").exists()
    assert tamis("freeze", run, "-o", store / "again/1.0.0", *given)[0] == 0
