"""Rows of every kind and shape, from the input through a recipe to what is kept, and in again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from making import digests, recipe, write_lines

import tamis

WORDS = " ".join(["The sieve keeps what is fine, and that of it which is not stays in the drum for all to see."] * 4)
DIRT = "\u200b\u00ad"

Rows = list[dict[str, Any]]


def turn(role: str, content: str | None, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def documents(dirt: str, words: str, k: int) -> dict[str, Any]:
    return {"text": words + dirt, "lang": f"l{k}"}


def openai(dirt: str, words: str, k: int) -> dict[str, Any]:
    call = turn("assistant", None, tool_calls=[{"name": f"sift{k}"}])
    talk = [turn("user", words + dirt), call, turn("tool", "42" + dirt, name="sift"), turn("assistant", words)]
    return {"messages": talk, "lang": f"l{k}"}


def sharegpt(dirt: str, words: str, k: int) -> dict[str, Any]:
    talk = [{"from": "human", "value": words + dirt, "weight": k}, {"from": "gpt", "value": words}]
    return {"conversations": talk, "lang": f"l{k}"}


def alpaca(dirt: str, words: str, k: int) -> dict[str, Any]:
    return {"instruction": words, "input": f"{words}{dirt}", "output": words, "lang": f"l{k}"}


def completion(dirt: str, words: str, k: int) -> dict[str, Any]:
    return {"prompt": words + dirt, "completion": words, "lang": f"l{k}"}


def preference(dirt: str, words: str, k: int) -> dict[str, Any]:
    talk = [turn("user", words), turn("assistant", "fine" + dirt, n=k)]
    return {"chosen": talk, "rejected": [talk[0], turn("assistant", "not fine", n=k)], "lang": f"l{k}"}


def question(dirt: str, words: str, k: int) -> dict[str, Any]:
    asked = {"question": words, "choices": [f"a{dirt}", "b", f"c{dirt}"], "lang": f"l{k}"}
    return {**asked, "answer_index": 2} if k % 2 == 0 else {**asked, "context": None, "answer": "b"}


SHAPES = [
    (documents, "document"),
    (openai, "chat"),
    (sharegpt, "chat"),
    (alpaca, "chat"),
    (completion, "chat"),
    (preference, "preference"),
    (question, "eval_item"),
]
Row = Callable[[str, str, int], dict[str, Any]]


def rows_of(row: Row) -> Rows:
    """Ten rows, each other one dirty, then three duplicates of them once clean, and two that are too short."""
    rows = [row(DIRT * (k % 2), f"Number {k}. {WORDS}", k) for k in range(10)]
    rows += [row(DIRT * (k % 2 == 0), f"Number {k}. {WORDS}", k) for k in (2, 4, 7)]
    rows += [row(DIRT, "Too short", k) for k in (0, 1)]
    return [{"id": f"r{n}", "license": "MIT", **given} for n, given in enumerate(rows)]


STAGES = ["clean@1", {"quality.gopher@1": {"min_words": 20}}, "exact@1", {"quality.gopher@1": {"min_words": 21}}]


class Sieved(NamedTuple):
    """A run over rows of one shape."""

    row: Row
    kind: str
    input: Path
    run: tamis.Run


@pytest.fixture(scope="module", params=SHAPES, ids=lambda shape: shape[0].__name__)
def sieved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sieved:
    row, kind = request.param
    folder = tmp_path_factory.mktemp("shape")
    lines = write_lines(folder / "in.jsonl", rows_of(row))
    return Sieved(row, kind, lines, tamis.run(recipe(*STAGES), lines, folder / "run", engine="inline"))


def test_the_right_rows_are_kept(sieved: Sieved) -> None:
    assert sieved.run.facts["kind"] == sieved.kind
    assert sieved.run.data(["id"]).column("id").to_pylist() == [f"r{k}" for k in range(10)]
    assert sieved.run.rows == {"in": 15, "kept": 10, "dropped": 5, "quarantined": 0, "derived": 0}


def test_dirt_is_gone_and_all_else_is_where_it_was(sieved: Sieved, tmp_path: Path) -> None:
    rows = [{**given, **sieved.row("", f"Number {k}. {WORDS}", k)} for k, given in enumerate(rows_of(sieved.row)[:10])]
    expected = tamis.run(recipe(), write_lines(tmp_path / "in.jsonl", rows), tmp_path / "run").data()
    assert sieved.run.data().equals(expected)


def test_verdicts_and_fates_balance(sieved: Sieved) -> None:
    verdicts = sieved.run.verdicts().to_pylist()
    gone = {v["record_id"] for v in verdicts if v["action"] == "drop"}
    assert gone == {f["record_id"] for f in sieved.run.fates().to_pylist() if f["fate"] == "dropped"}
    edits = [v for v in verdicts if v["action"] == "edit"]
    assert len(edits) == 9 and all(v["before_hash"] != v["after_hash"] for v in edits)
    assert tamis.verify(sieved.run.path) == []


@pytest.mark.parametrize(("workers", "size"), [(1, 900), (3, 2500)])
def test_bytes_do_not_depend_on_the_cut(sieved: Sieved, tmp_path: Path, workers: int, size: int) -> None:
    cut = tamis.run(recipe(*STAGES), sieved.input, tmp_path / "cut", workers=workers, partition_size=size)
    assert digests(cut.path) == digests(sieved.run.path)


def test_what_was_kept_is_kept_again_under_the_same_ids(sieved: Sieved, tmp_path: Path) -> None:
    again = tamis.run(recipe(*STAGES), sieved.run.path / "data", tmp_path / "again")
    assert again.facts["kind"] == sieved.kind
    assert again.data().equals(sieved.run.data())
    assert again.verdicts().num_rows == 0


def test_every_record_can_be_explained(sieved: Sieved) -> None:
    lives = [tamis.explain(sieved.run, f"r{k}") for k in range(15)]
    assert [life.fate for life in lives] == ["kept"] * 10 + ["dropped"] * 5
    assert "Number 0." in (lives[0].text or "")


def test_a_replay_equals_a_real_run(sieved: Sieved, tmp_path: Path) -> None:
    change = ["quality.gopher#2.min_words=100000"]
    told = tamis.replay(sieved.run, change)
    real = tamis.run(recipe(*STAGES), sieved.input, tmp_path / "real", set=change)
    assert told.rows["after"].items() <= real.rows.items()


def test_rows_set_aside_are_whole(sieved: Sieved, tmp_path: Path) -> None:
    rows = [{**given, "license": None} for given in rows_of(sieved.row)[:2]]
    lines = write_lines(tmp_path / "in.jsonl", rows)
    aside = tamis.run(recipe("clean@1", "license@1"), lines, tmp_path / "run").quarantine()
    kept = tamis.run(recipe("clean@1"), lines, tmp_path / "same").data()
    assert aside.select(kept.schema.names).to_pylist() == kept.to_pylist()


@pytest.mark.parametrize("kind", sorted({kind for _, kind in SHAPES}))
def test_no_rows_give_a_run_without_rows(tmp_path: Path, kind: str) -> None:
    stages = recipe(*STAGES, "license@1", "quality.c4_lines@1", input={"kind": kind})
    run = tamis.run(stages, write_lines(tmp_path / "in.jsonl", []), tmp_path / "run")
    assert run.rows["in"] == 0 == run.data().num_rows


@pytest.mark.parametrize(
    ("row", "on"),
    [(preference, "prompt"), (question, "choices"), (question, "answer_index"), (openai, "messages"), (alpaca, "meta")],
)
def test_a_field_of_any_type_can_be_compared(tmp_path: Path, row: Row, on: str) -> None:
    lines = write_lines(tmp_path / "in.jsonl", [row("", WORDS, 0), row("", WORDS, 0)])
    assert tamis.run(recipe({"exact@1": {"on": on}}), lines, tmp_path / "run").rows["kept"] == 1


def test_the_best_number_may_be_of_any_type(tmp_path: Path) -> None:
    rows = [{"question": "q", "choices": ["a", "b"], "answer_index": k} for k in (0, 1)]
    stage = {"exact@1": {"on": "question", "keep": "best:answer_index"}}
    run = tamis.run(recipe(stage), write_lines(tmp_path / "in.jsonl", rows), tmp_path / "run")
    assert run.data().column("answer_index").to_pylist() == [1]
