"""A replay says what a real run under the same changes would do."""

from __future__ import annotations

from pathlib import Path

import pytest
from making import recipe, write_lines

import tamis
from tamis.errors import UsageError


def kept(run: tamis.Run) -> set[bytes]:
    return set(run.data(["record_id"]).column("record_id").to_pylist())


@pytest.mark.parametrize("low", [5, 60, 100, 250])
def test_a_replay_equals_a_real_run(corpus: Path, tmp_path: Path, low: int) -> None:
    stages = recipe("own:Shout", {"own:Length": {"low": 80}}, {"exact@1": {"keep": "longest"}})
    run = tamis.run(stages, corpus, tmp_path / "run")
    change = [f"own.length.low={low}"]
    told, real = tamis.replay(run, change), tamis.run(stages, corpus, tmp_path / "real", set=change)
    assert set(told.back.column("record_id").to_pylist()) == kept(real) - kept(run)
    assert set(told.gone.column("record_id").to_pylist()) == kept(run) - kept(real)
    assert told.rows["after"]["kept"] == real.rows["kept"]
    assert len(told.unknown) == 0


def test_what_later_steps_have_not_measured_is_unknown(corpus: Path, tmp_path: Path) -> None:
    stages = recipe({"own:Length": {"low": 80}}, "exact@1", {"own:Length": {"low": 200}})
    run = tamis.run(stages, corpus, tmp_path / "run")
    change = ["own.length#1.low=40"]
    told, real = tamis.replay(run, change), tamis.run(stages, corpus, tmp_path / "real", set=change)
    back = kept(real) - kept(run)
    assert len(told.unknown) and back <= {*told.unknown.to_pylist(), *told.back.column("record_id").to_pylist()}


@pytest.mark.parametrize("change", ["own.shout.word=drum", "exact.normalise=false"])
def test_a_change_that_needs_the_text_is_refused(corpus: Path, tmp_path: Path, change: str) -> None:
    run = tamis.run(recipe("own:Shout", "exact@1"), corpus, tmp_path / "run")
    with pytest.raises(UsageError, match="make a new run"):
        tamis.replay(run, [change])


def test_no_change_changes_nothing(corpus: Path, tmp_path: Path) -> None:
    run = tamis.run(recipe({"own:Length": {"low": 80}}, "exact@1"), corpus, tmp_path / "run")
    told = tamis.replay(run, ["own.length.low=80"])
    assert (told.back.num_rows, told.gone.num_rows) == (0, 0)
    assert told.rows["before"] == told.rows["after"]


def test_lines_that_could_not_be_read_stay_set_aside(tmp_path: Path) -> None:
    lines = write_lines(tmp_path / "in.jsonl", [{"text": "kept \u200bas it is"}, b"{cut", {"text": "short"}])
    run = tamis.run(recipe("clean@1", "quality.c4_lines@1", {"own:Length": {"low": 1}}), lines, tmp_path / "run")
    told = tamis.replay(run, ["own.length.low=2"])
    assert told.rows["before"] == told.rows["after"] and told.rows["after"]["quarantined"] == 1


def test_records_set_aside_by_a_stage_come_back_and_those_that_broke_it_do_not(tmp_path: Path) -> None:
    rows = [{"text": "no licence"}, {"text": "all is well", "license": "MIT"}, {"text": "poison", "license": "MIT"}]
    lines = write_lines(tmp_path / "in.jsonl", rows)
    run = tamis.run(recipe("own:Allergic", "license@1"), lines, tmp_path / "run")
    change = ["license.missing=keep"]
    told, real = (
        tamis.replay(run, change),
        tamis.run(recipe("own:Allergic", "license@1"), lines, tmp_path / "real", set=change),
    )
    assert (told.rows["after"]["kept"], told.rows["after"]["quarantined"]) == (2, 1)
    assert told.rows["after"].items() <= real.rows.items()
