"""Stages that make rows of rows: every seed told, every row accounted for, and nothing but input and recipe changes a byte."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import digests, recipe, sentences, write_lines

import tamis
from tamis.bench import Means
from tamis.errors import RunError, UsageError

STAGES = Path(__file__).parents[1] / "deriving_stages.py"


def steps(*stages: Any, **head: Any) -> dict[str, Any]:
    """A recipe; `made:Halves` names a stage of deriving_stages.py."""
    spelled = [s if isinstance(s, dict) else {s: {}} for s in stages]
    named = [{k.replace("made:", f"{STAGES}:"): v for k, v in s.items()} for s in spelled]
    return recipe(*named, **head)


ROWS = 120


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """120 rows in two files of a folder."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    rows = sentences(ROWS, 11)
    write_lines(folder / "a.jsonl", rows[:70])
    write_lines(folder / "b.jsonl", rows[70:])
    return folder


WALKS = {
    "among others": ("own:Shout", {"made:Halves": {"least": 3}}, "exact@1", {"own:Length": {"low": 20}}),
    "first": ({"made:Halves": {"least": 3}}, "exact@1"),
    "last": ("own:Shout", {"made:Halves": {"least": 3}}),
    "alone": ("made:Ask",),
    "twice": ({"made:Halves": {"least": 3}}, "exact@1", "made:Ask", {"exact@1": {"keep": "longest"}}),
    "seeds kept": ({"own:Length": {"low": 30}}, {"made:Halves": {"least": 3, "keep_seeds": True}}, "exact@1", "near@1"),
    "no seeds": ({"own:Length": {"low": 9999}}, {"made:Halves": {"least": 3}}, "made:Ask", "exact@1"),
    "nothing made that stays": ({"made:Halves": {"least": 999}}, "exact@1", "made:Ask"),
}


@pytest.mark.parametrize("walk", WALKS)
def test_the_books_balance(corpus: Path, tmp_path: Path, walk: str) -> None:
    run = tamis.run(steps(*WALKS[walk]), corpus, tmp_path / "run", engine="inline")
    rows, left = run.rows, 0
    for step in run.steps:
        here = step["rows"]
        assert here["in"] == (left if step["step"] else ROWS)
        assert here["in"] + here["derived"] == here["kept"] + here["dropped"] + here["quarantined"]
        left = here["kept"]
    assert rows["derived"] == sum(step["rows"]["derived"] for step in run.steps)
    assert run.data().num_rows == left == rows["kept"]
    assert len({*run.fates().column("record_id").to_pylist()}) == ROWS + rows["derived"]
    assert tamis.verify(run.path) == []


@pytest.mark.parametrize("walk", ["among others", "twice", "seeds kept"])
@pytest.mark.parametrize(("workers", "size"), [(1, 1 << 24), (3, 2_001)])
def test_bytes_are_the_same_however_the_work_is_cut(
    corpus: Path, tmp_path: Path, walk: str, workers: int, size: int
) -> None:
    one = tamis.run(steps(*WALKS[walk]), corpus, tmp_path / "one", engine="inline", partition_size=6_000)
    two = tamis.run(steps(*WALKS[walk]), corpus, tmp_path / "two", workers=workers, partition_size=size)
    assert digests(one.path) == digests(two.path)
    assert [s["rows"] for s in one.steps] == [s["rows"] for s in two.steps]


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(12)))
def test_the_order_of_the_input_decides_the_order_and_nothing_else(tmp_path: Path, order: list[int]) -> None:
    rows = sentences(12)
    walk = steps({"made:Halves": {"least": 3}}, "made:Ask")
    made = []
    for k, some in enumerate((rows, [rows[i] for i in order])):
        folder = Path(tmp_path / str(hash(tuple(order)))) / str(k)
        folder.mkdir(parents=True)
        write_lines(folder / "a.jsonl", some)
        data = tamis.run(walk, folder / "a.jsonl", folder / "run", engine="inline").data().to_pylist()
        made.append(sorted(data, key=lambda row: row["record_id"]))
    assert made[0] == made[1]


def test_every_seed_ends_as_the_stage_says(corpus: Path, tmp_path: Path) -> None:
    run = tamis.run(steps("made:Halves"), corpus, tmp_path / "run")
    told = {(v["action"], v["rule"]) for v in run.verdicts().to_pylist()}
    assert told == {
        ("derive", "used"),
        ("drop", "rejected.short"),
        ("quarantine", "failed.timeout"),
        ("quarantine", "skipped.budget"),
    }
    assert {row["rule"] for row in run.quarantine().to_pylist()} == {"failed.timeout", "skipped.budget"}
    assert all(row["text"] for row in run.quarantine().to_pylist())


def test_seeds_that_are_kept_meet_what_was_made_of_them(tmp_path: Path) -> None:
    texts = ["a b a b", "a b", "c d e f"]
    data = write_lines(tmp_path / "a.jsonl", [{"text": t} for t in texts])
    walk = steps({"made:Halves": {"keep_seeds": True}}, "exact@1")
    kept = tamis.run(walk, data, tmp_path / "run").data().to_pylist()
    assert [row["text"] for row in kept] == ["a b a b", "a b", "c d e f", "a", "b", "c d", "e f"]
    assert [row["number"] for row in kept] == [None] * 3 + [0, 1, 0, 1]


def test_what_was_made_is_in_the_run_before_anything_was_decided(corpus: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    run = tamis.run(steps({"made:Halves": {"least": 5}}, "exact@1"), corpus, tmp_path / "run")
    made = pq.read_table(run.path / "derived/001-part-00000.parquet")
    assert made.num_rows == run.rows["derived"] > run.rows["kept"]
    assert made.column("words").to_pylist() == [len(t.split(" ")) for t in made.column("text").to_pylist()]
    lineage = pq.read_table(run.path / "lineage/step-001.parquet")
    assert sorted(lineage.column("child").to_pylist()) == sorted(made.column("record_id").to_pylist())


def test_requests_are_in_the_run_with_their_step(corpus: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    run = tamis.run(steps("own:Shout", "made:Ask"), corpus, tmp_path / "run")
    asked = pq.read_table(run.path / "requests/step-002.parquet").to_pylist()
    assert [row["step"] for row in asked] == [2] * ROWS


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("silent", "told what became of 118 seeds of 120"),
        ("twice", "ids that others have"),
        ("orphan", "does not tell what a row was made of"),
        ("columns", r"lack \['method'\]"),
        ("null", "'messages' as .* with 70 nulls"),
    ],
)
def test_a_stage_that_makes_what_cannot_be_is_blamed(corpus: Path, tmp_path: Path, how: str, says: str) -> None:
    with pytest.raises(RunError, match=says):
        tamis.run(steps({"made:Wrong": {"how": how}}), corpus, tmp_path / "run", engine="inline")


def test_a_rule_that_is_called_as_what_is_said_of_seeds_is_refused(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has a rule 'rejected\.short'"):
        tamis.run(steps("made:Misnamed"), corpus, tmp_path / "run")


def test_a_stage_that_raises_stops_the_run_which_can_go_on(corpus: Path, tmp_path: Path) -> None:
    walk = steps({"made:Halves": {"break_on": "purée"}})
    with pytest.raises(RunError, match=r"own.halves@1: derive failed .*cannot be halved.*--resume"):
        tamis.run(walk, corpus, tmp_path / "run")
    with pytest.raises(RunError, match="cannot be halved"):
        tamis.run(walk, corpus, tmp_path / "run", resume=True)


@pytest.mark.parametrize(
    ("stages", "says"),
    [
        (("made:Ask", "made:Halves"), "takes rows of kind document; here they are chat"),
        (("made:Halves", {"made:Halves": {"keep_seeds": True}}), None),
    ],
)
def test_kinds_are_followed_through_the_recipe(corpus: Path, tmp_path: Path, stages: Any, says: str | None) -> None:
    if says is None:
        assert tamis.run(steps(*stages), corpus, tmp_path / "run").facts["kind"] == "document"
        return
    with pytest.raises(UsageError, match=says):
        tamis.run(steps(*stages), corpus, tmp_path / "run")


def test_seeds_gone_over_twice_by_one_stage_are_told_apart(corpus: Path, tmp_path: Path) -> None:
    twice = {"made:Halves": {"keep_seeds": True}}
    with pytest.raises(RunError, match="goes over the same seeds twice"):
        tamis.run(steps(twice, twice), corpus, tmp_path / "run")


def test_a_used_seed_is_no_loss_to_the_attrition_budget(corpus: Path, tmp_path: Path) -> None:
    budget = {"attrition": {"max_drop_per_source": 0.2}}
    assert tamis.run(steps("made:Ask", **budget), corpus, tmp_path / "run").rows["dropped"] == ROWS


KILLED = """
import os, sys, threading
sys.path.insert(0, sys.argv[4])
import tamis
from tamis.engine import derive, work
name, count = sys.argv[3].split(":")
real, left = work.Work.finish, [int(count)]
def finish(self, group, index, parts, facts):
    if str(group) == name:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), 9)
    return real(self, group, index, parts, facts)
work.Work.finish = finish
derive.PART_ROWS = 40
import json
tamis.run(json.loads(sys.argv[1]), sys.argv[2] + "/corpus", sys.argv[2] + "/run", engine="inline")
"""


@pytest.mark.parametrize("at", ["0:3", "derived2:0", "derived2-ids:0", "derived4:0", "out-lineage:0"])
def test_a_killed_run_goes_on_to_the_same_bytes(
    corpus: Path, tmp_path: Path, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json

    from tamis.engine import derive

    monkeypatch.setattr(derive, "PART_ROWS", 40)
    walk = steps("own:Shout", {"made:Halves": {"least": 3}}, "exact@1", "made:Ask")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, json.dumps(walk), str(tmp_path), at, str(Path(tamis.__file__).parents[1])],
        capture_output=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    run = tamis.run(walk, corpus, tmp_path / "run", resume=True, engine="inline")
    assert digests(run.path) == digests(tamis.run(walk, corpus, tmp_path / "whole", engine="inline").path)


def test_what_is_made_fills_several_files(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tamis.engine import derive

    monkeypatch.setattr(derive, "PART_ROWS", 40)
    run = tamis.run(steps({"made:Halves": {"least": 3}}, "exact@1"), corpus, tmp_path / "run")
    rows = [file["rows"] for file in run.facts["derived"]]
    assert rows[:-1] == [40] * (len(rows) - 1) and 0 < rows[-1] <= 40
    assert tamis.verify(run.path) == []


def test_money_spent_by_one_stage_is_not_there_for_the_next(tmp_path: Path) -> None:
    from decimal import Decimal

    from tamis.recipes.run import _bench

    bench = _bench(Means(budget=Decimal("1.5")), tmp_path, tmp_path / "scratch", Decimal("0.4"))
    assert bench.means.budget == Decimal("1.1")
    assert bench.responses == tmp_path / "responses.sqlite"


def test_what_a_stage_notes_is_in_run_json(corpus: Path, tmp_path: Path) -> None:
    facts = tamis.run(steps("made:Halves"), corpus, tmp_path / "run").facts
    assert facts["steps"][1]["facts"] == {"seeds": ROWS}
    assert facts["varies"]["steps"] == {"1": {"asked": ROWS}}
    assert (facts["read_as"], facts["kind"]) == ("document", "document")


def test_a_stage_called_on_a_table_gives_what_a_run_makes(tmp_path: Path) -> None:
    import pyarrow as pa

    data = write_lines(tmp_path / "a.jsonl", sentences(50))
    rows = tamis.run(recipe(), data, tmp_path / "rows").data()
    run = tamis.run(steps({"made:Halves": {"least": 3}}), data, tmp_path / "run")
    made, verdicts = tamis.load(steps({"made:Halves": {"least": 3}})).stages[0](rows)
    assert made.to_pylist() == run.data().to_pylist()
    told = sorted(verdicts.select(["record_id", "action", "rule"]).to_pylist(), key=str)
    assert told == sorted(run.verdicts(["record_id", "action", "rule"]).to_pylist(), key=str)
    assert isinstance(made, pa.Table)


def test_an_unreadable_line_and_a_repeated_id_go_past_a_deriving_stage(tmp_path: Path) -> None:
    rows = [{"id": "a", "text": "one two"}, b"{", {"id": "a", "text": "three four"}]
    run = tamis.run(steps("made:Ask"), write_lines(tmp_path / "a.jsonl", rows), tmp_path / "run")
    assert run.rows == {"in": 3, "derived": 1, "kept": 1, "dropped": 1, "quarantined": 2}
    assert sorted(row["rule"] for row in run.quarantine().to_pylist()) == ["duplicate_id", "truncated"]
