"""Licences of what was made of a snapshot that records were erased from since."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from making import recipe, write_lines
from storing import frozen, made

from tamis.recipes.run import run
from tamis.snapshot.erase import erase
from tamis.snapshot.folder import Snapshot
from tamis.snapshot.freeze import freeze
from tamis.snapshot.inherited import finder, licences
from tamis.snapshot.licences import Group, Licences
from tamis.snapshot.select import match
from tamis.snapshot.store import Store
from tamis.snapshot.trace import trace

DOCS = [
    {"id": f"d{k}", "text": f"Line {k} of a page about sieves.", "license": name}
    for k, name in enumerate(["CC-BY-4.0", "CC-BY-4.0", "CC-BY-NC-4.0", "CC-BY-NC-4.0"])
]


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def docs(tmp_path: Path) -> Snapshot:
    return frozen(tmp_path, "docs", DOCS)


def summary(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"s{number}", "text": f"In short: {number}.", "license": "CC-BY-4.0", **more}


def told(folder: Path, name: str) -> Licences:
    """Licences of what `name` stands for now."""
    store = Store(folder / "store")
    return licences(Snapshot(store.resolve(name)), finder(store))


def test_parents_are_found_in_what_took_the_place_of_theirs(tmp_path: Path, docs: Snapshot) -> None:
    frozen(tmp_path, "sums", [summary(k, derived_from=[f"d{k}"]) for k in range(4)], parents=[docs])
    for gone in ("d0", "d3"):
        erase(Store(tmp_path / "store"), [match(f"id={gone}")])
        found = told(tmp_path, "sums")
        assert found.missing == [] and [c.rule for c in found.conflicts] == ["use"]
    assert found.groups == {Group("CC-BY-4.0", (name,)): 1 for name in ("CC-BY-4.0", "CC-BY-NC-4.0")}


def test_what_is_frozen_after_the_erasure_is_held_against_them_too(tmp_path: Path, docs: Snapshot) -> None:
    frozen(tmp_path, "sums", [summary(1, derived_from=["d1"])], parents=[docs])
    erase(Store(tmp_path / "store"), [match("id=d0")])
    sums = Snapshot(Store(tmp_path / "store").resolve("sums"))
    run_of_x = made(tmp_path, "x", [{**summary(9), "derived_from": "s1"}])
    x = freeze(
        run_of_x,
        tmp_path / "store/x/1.0.0",
        lineage="meta.derived_from",
        derived_from=[str(sums.path)],
        licenses="strict",
    )
    assert json.loads((x.path / "licenses.json").read_bytes())["conflicts"] == []


def test_a_parent_that_was_erased_itself_has_a_licence_nobody_knows(tmp_path: Path, docs: Snapshot) -> None:
    """A run that was in no store when its parent went; `trace` holds that parent nowhere, either."""
    store = Store(tmp_path / "store")
    rows = docs.data(["record_id", "id"]).to_pylist()
    gone = next(row["record_id"].hex() for row in rows if row["id"] == "d0")
    erase(store, [match("id=d0")])
    later = write_lines(tmp_path / "late.jsonl", [summary(0)])
    edges = write_lines(tmp_path / "edges.jsonl", [{"child": "s0", "parent": gone, "snapshot": docs.id}])
    run_of_late = run(recipe(), later, tmp_path / "late", engine="inline")
    late = freeze(run_of_late, tmp_path / "store/late/1.0.0", lineage=edges)
    found = told(tmp_path, "late")
    assert found.missing == [] and [c.rule for c in found.conflicts] == ["unknown_ancestor"]
    above = trace(store, [match("id=s0")], within=late, down=False, up=True)
    assert above.ancestry is not None and above.ancestry["not_held"] == 1


def test_what_was_made_of_it_as_a_whole_is_told_of_the_erasure(tmp_path: Path, docs: Snapshot) -> None:
    frozen(tmp_path, "sums", [summary(1)], parents=[docs])
    assert told(tmp_path, "sums").notes[-1] == "1 of 1 records permit noncommercial use only"
    erase(Store(tmp_path / "store"), [match("id=d2"), match("id=d3")])
    found = told(tmp_path, "sums")
    assert found.groups == {Group("CC-BY-4.0", ("CC-BY-4.0",)): 1} and found.conflicts == []
    assert found.notes == [
        f"records were erased from {docs.id}, which all of it was made of: the licences of those are not known any more"
    ]


def test_where_every_record_of_the_whole_was_erased_nobody_knows_its_licence(tmp_path: Path, docs: Snapshot) -> None:
    frozen(tmp_path, "sums", [summary(1)], parents=[docs])
    erase(Store(tmp_path / "store"), [match("text~sieves")], all_records=True)
    assert [c.rule for c in told(tmp_path, "sums").conflicts] == ["unknown_ancestor"]
