"""What evaluates is kept out of what trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from making import write_lines
from storing import frozen
from training import chats, job_of, snapshot_of

from tamis.errors import GateError, InputError
from tamis.evaluate.freeze import freeze
from tamis.recipes.training import checked
from tamis.snapshot import Snapshot

LONG = "Anna has three red apples and her brother Ben brings her two green pears and one plum, how many fruits has she now?"

SUITE = """
name: fruits
tasks:
  - {name: counted, type: generation, data: counted.jsonl, fields: {id: key, question: ask, answer: gold}, metrics: [exact_match]}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept-out")


@pytest.fixture(scope="module")
def sums(folder: Path) -> Snapshot:
    """30 conversations; the question of c7 is an evaluation item."""
    rows: list[Any] = chats(30)
    rows[7]["messages"][0]["content"] = LONG
    return snapshot_of(folder, rows)


def made(kind: str, folder: Path, question: str) -> str:
    """An evaluation set of one item, as a suite, a snapshot or a file."""
    if kind == "suite":
        write_lines(folder / "counted.jsonl", [{"key": "f1", "ask": question, "gold": "6"}])
        (folder / "suite.yaml").write_text(SUITE)
        return str(freeze(folder / "suite.yaml", folder / "frozen").path)
    row = {"id": "f1", "question": question, "answer": "6"}
    if kind == "snapshot":
        return str(frozen(folder, "fruits", [row]).path)
    return str(write_lines(folder / "fruits.jsonl", [row]))


@pytest.mark.parametrize("kind", ["suite", "snapshot", "file"])
def test_rows_that_hold_an_item_are_found(kind: str, sums: Snapshot, tmp_path: Path) -> None:
    job = job_of(sums, tmp_path / "base", tmp_path / "out")
    items = made(kind, tmp_path, LONG)
    with pytest.raises(GateError, match=r"1 of 30 rows hold items of fruits\S*, the first of them 'c7'"):
        checked(job, [items])
    kept = checked(job, [items], "drop")
    assert len(kept.excluded["overlap"]) == 1 and kept.evals[0]["digest"].startswith("sha256:")


def test_a_set_that_stands_nowhere_in_the_rows_excludes_none(sums: Snapshot, tmp_path: Path) -> None:
    other = made(
        "file", tmp_path, "Which of the seven seas is the saltiest of all, and why has nobody ever measured it before?"
    )
    found = checked(job_of(sums, tmp_path / "base", tmp_path / "out"), [other])
    assert found.excluded == {} and [one["name"] for one in found.evals] == ["fruits.jsonl"]


def test_a_set_that_is_not_there_is_a_sentence(sums: Snapshot, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        checked(job_of(sums, tmp_path / "base", tmp_path / "out"), [str(tmp_path / "none.jsonl")])
