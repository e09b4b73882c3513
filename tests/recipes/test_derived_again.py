"""A run that derived rows, looked at again: replayed, explained, carried out again without asking."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from making import digests, recipe, sentences, write_lines

import tamis
from tamis.errors import InputError, UsageError
from tamis.recipes.given import Given
from tamis.recipes.rerun import rerun
from tamis.snapshot.freeze import freeze
from tamis.snapshot.verify import verify

STAGES = Path(__file__).parents[1] / "deriving_stages.py"


def walk(least: int = 3, low: int = 30, keep: bool = False) -> dict[str, Any]:
    halves = {f"{STAGES}:Halves": {"least": least, "keep_seeds": keep}}
    return recipe({"own:Length": {"low": low}}, halves, "exact@1", {"own:Length": {"low": 10}})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "a.jsonl", sentences(150))


def kept(run: tamis.Run) -> set[bytes]:
    return {*run.data(["record_id"]).column("record_id").to_pylist()}


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize(
    ("change", "then"),
    [
        ("own.halves.least=10", {"least": 10}),
        ("own.halves.least=0", {"least": 0}),
        ("own.length#1.low=100", {"low": 100}),
    ],
)
def test_a_replay_is_what_a_run_would_be(data: Path, tmp_path: Path, keep: bool, change: str, then: Any) -> None:
    run = tamis.run(walk(keep=keep), data, tmp_path / "run", engine="inline")
    other = tamis.run(walk(**{"keep": keep, **then}), data, tmp_path / "other", engine="inline")
    found = tamis.replay(run, [change])
    unknown = {*found.unknown.to_pylist()}
    assert {*found.gone.column("record_id").to_pylist()} == kept(run) - kept(other)
    assert kept(other) - kept(run) <= {*found.back.column("record_id").to_pylist()} | unknown


def test_a_replay_knows_what_it_cannot_know_of_new_seeds(data: Path, tmp_path: Path) -> None:
    found = tamis.replay(tamis.run(walk(low=60), data, tmp_path / "run"), ["own.length#1.low=0"])
    assert len(found.unknown) > 0 and "own.halves@1" in found.unsure


def test_what_says_what_is_made_cannot_be_replayed(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="another keep_seeds needs the text"):
        tamis.replay(tamis.run(walk(), data, tmp_path / "run"), ["own.halves.keep_seeds=true"])


def test_a_row_tells_its_parents_and_a_seed_its_children(data: Path, tmp_path: Path) -> None:
    run = tamis.run(walk(), data, tmp_path / "run")
    child = tamis.explain(run, run.data(["record_id"]).column(0)[0].as_py().hex())
    assert child.stops[0].words.startswith(f"made of record {child.parents[0].record_id}")
    assert child.origin.startswith("derived/002-part-00000.parquet, row ")
    parent = tamis.explain(run, child.parents[0].record_id)
    assert child.record_id in {kin.record_id for kin in parent.children}
    assert (parent.fate, parent.stops[-1].action) == ("dropped", "derive")


def test_a_row_that_was_dropped_is_read_from_what_was_made(data: Path, tmp_path: Path) -> None:
    run = tamis.run(walk(least=10), data, tmp_path / "run")
    gone = next(v for v in run.verdicts().to_pylist() if v["rule"] == "min_words")
    life = tamis.explain(run, gone["record_id"].hex())
    assert life.text and life.text_from.endswith("derived/002-part-00000.parquet")
    assert "dropped by min_words" in life.stops[0].words


def test_what_was_made_can_be_given_to_another_run(data: Path, tmp_path: Path) -> None:
    ask = recipe({f"{STAGES}:Ask": {}}, "exact@1")
    one = tamis.run(ask, data, tmp_path / "one")
    assert digests(one.path) == digests(tamis.run(ask, data, tmp_path / "two", given=Given.of(one.path)).path)


def test_a_snapshot_is_made_again_without_asking(data: Path, tmp_path: Path) -> None:
    run = tamis.run(walk(), data, tmp_path / "run")
    snapshot = freeze(run, tmp_path / "snapshots/halves/1.0.0")
    assert snapshot.facts["conservation"] == run.rows
    found = verify(snapshot.path)
    rerun(found)
    assert found.findings == [] == found.notes


def test_without_what_was_made_there_is_no_making_it_again(data: Path, tmp_path: Path) -> None:
    run = tamis.run(walk(), data, tmp_path / "run")
    found = verify(freeze(run, tmp_path / "snapshots/halves/1.0.0").path)
    shutil.move(run.path, tmp_path / "moved")
    with pytest.raises(InputError, match="name the folder of the run with -i"):
        rerun(found)
    rerun(found, [str(tmp_path / "moved")])
    assert found.findings == []
