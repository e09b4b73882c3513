"""What judges, files and folders may do to `tamis judge`: nothing is lost, nothing ends in a traceback."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from judging import answers, longer
from serving import Served

from tamis.cli import main
from tamis.judge import strength
from tamis.judge.accord import sliced
from tamis.judge.answers import read_answers
from tamis.judge.leaderboard import board
from tamis.judge.reading import read_judgments


def said(capsys: pytest.CaptureFixture[str], *args: Any) -> tuple[int, str, str]:
    """Exit code and both streams of `tamis judge`."""
    with pytest.raises(SystemExit) as left:
        main(["judge", *map(str, args)])
    out = capsys.readouterr()
    return int(str(left.value.code)), out.out, out.err


@pytest.fixture
def x(tmp_path: Path) -> str:
    """Answers of x to three questions."""
    return answers(tmp_path, "x", ["a", "aaaaaaaaaaaaaa", "aa"])


def scored(server: Served, out: Path, *more: Any) -> tuple[Any, ...]:
    return ("score", "-o", out, "--judge", "m", "--base-url", server.url, "--structured", "text", *more)


def test_a_judge_that_takes_its_time_is_told_of(x: str, tmp_path: Path, capsys: Any) -> None:
    with Served(longer, delay=0.3) as server:
        code, _, err = said(capsys, *scored(server, tmp_path / "out", "--concurrency", 1), x)
    assert code == 0 and "judging: " in err and " requests, " in err


def test_half_a_letter_in_reasons_is_stored_as_a_sign_for_it(x: str, tmp_path: Path, capsys: Any) -> None:
    with Served(lambda body: '{"reasons": "so \\ud83d", "score": 3}') as server:
        code, _, _ = said(capsys, *scored(server, tmp_path / "out"), x)
    found = pl.read_parquet(tmp_path / "out/judgments.parquet")
    assert code == 0 and found["reasons"].to_list() == ["so ?"] * 3


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("e.jsonl", "", "e.jsonl: no answer in it that counts"),
        ("e.csv", "item_id,prompt,answer\n1,Why?,So\n", "e.csv:1: not JSON"),
        ("e.json", '[1, {"answer": "x"}]', "e.json, number 2: no item_id"),
        ("e.json", '[{"item_id": 1', "e.json is a list, but no JSON"),
    ],
)
def test_a_file_without_answers_is_named(x: str, tmp_path: Path, capsys: Any, name: str, text: str, why: str) -> None:
    (tmp_path / name).write_text(text)
    code, _, err = said(capsys, "pairwise", x, tmp_path / name, "-o", tmp_path / "out", "--judge", "m", "--dry-run")
    assert code == 2 and why in err


def test_ids_are_the_same_as_number_and_as_text(tmp_path: Path) -> None:
    rows = [{"id": name, "prompt": "Why?", "answer": "So.", "model": str(k)} for k, name in enumerate(["3", 3, 3.0])]
    (tmp_path / "a.json").write_text(json.dumps(rows))
    found = read_answers([tmp_path / "a.json"])
    assert list(found.items) == ["3"] and list(found.models) == ["0", "1", "2"]


def judged(tmp_path: Path, *rows: dict[str, Any]) -> str:
    path = tmp_path / "j.jsonl"
    path.write_text("".join(json.dumps({"item_id": "q", "model_a": "x", "model_b": "y", **row}) + "\n" for row in rows))
    return str(path)


def test_a_cost_that_is_none_sets_its_row_aside(tmp_path: Path) -> None:
    read = read_judgments([judged(tmp_path, {"verdict": "a", "cost": "0.25"}, {"verdict": "b", "cost": "much"})])
    assert read.rows["cost"].to_list() == [0.25] and "cost is 'much'" in read.problems[0]


@pytest.mark.parametrize("name", ["item_id", "model_a", "model_b", "judge"])
@pytest.mark.parametrize("value", [["x"], {"x": 1}, True, 1.5])
def test_what_names_nobody_sets_its_row_aside(tmp_path: Path, name: str, value: Any) -> None:
    read = read_judgments([judged(tmp_path, {"verdict": "a"}, {"verdict": "b", name: value})])
    assert read.rows.height == 1 and read.problems == [f"j.jsonl:2: {name} is {value!r}; a judgment names it"]


def test_a_model_that_won_everything_is_listed_as_the_one_that_lost_it(tmp_path: Path) -> None:
    found = board(read_judgments([judged(tmp_path, {"verdict": "a"})]).rows)
    assert {m["model"]: m["win_rate"]["value"] for m in found["models"]} == {"x": 1.0, "y": 0.0}


@pytest.mark.parametrize(
    ("rows", "share"),
    [
        ([{"item_id": k, "verdict": "tie"} for k in range(9)], 0.0),
        ([{"verdict": v, "repeat": k} for k, v in enumerate("aab")], None),
    ],
)
def test_models_that_nothing_tells_apart_do_not_differ(tmp_path: Path, rows: list[Any], share: float | None) -> None:
    found = board(read_judgments([judged(tmp_path, *rows)]).rows, draws=50)
    assert found["distinct"]["value"] == share


NAMES = [{"item_id": k, "model_a": "red\x1b[31m", "model_b": "b\n\u202ec", "verdict": "ab"[k % 2]} for k in range(4)]


def test_no_name_steers_the_terminal(tmp_path: Path, capsys: Any) -> None:
    code, out, _ = said(capsys, "rate", judged(tmp_path, *NAMES), "--draws", 20)
    assert code == 0 and "red‹U+001B›[31m" in out and "b ‹U+202E›c" in out and not {"\x1b", "\u202e"} & set(out)


def test_no_text_of_a_prompt_steers_the_terminal(tmp_path: Path, capsys: Any) -> None:
    own = answers(tmp_path, "x", ["a\x1b]0;owned\x07"])
    asked = ("-o", tmp_path / "out", "--judge", "m", "--base-url", "http://127.0.0.1:9/v1", "--dry-run")
    _, out, _ = said(capsys, "score", own, *asked)
    assert "a‹U+001B›]0;owned" in out


@pytest.mark.parametrize(
    "words", [("rate", "--seed", -1), ("rate", "--confidence", "nan"), ("agree", "--min-alpha", "nan")], ids=str
)
def test_what_is_no_number_is_a_sentence(tmp_path: Path, capsys: Any, words: tuple[Any, ...]) -> None:
    code, _, err = said(capsys, *words, judged(tmp_path, {"verdict": "a"}))
    assert code == 2 and f"Invalid value for '{words[1]}'" in err


@pytest.mark.parametrize("answer", [5, None, [], ["a", 5]])
def test_looks_are_of_texts(tmp_path: Path, capsys: Any, answer: Any) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"item_id": "q", "model": "x", "answer": answer}))
    code, _, err = said(capsys, "rate", judged(tmp_path, {"verdict": "a"}), "--answers", tmp_path / "a.jsonl")
    assert code == 2 and "an answer is no text" in err


def test_a_person_who_gave_no_label_is_named(tmp_path: Path, capsys: Any) -> None:
    code, _, err = said(capsys, "agree", judged(tmp_path, {"verdict": "a"}), "--people", "dora")
    assert code == 2 and "nobody called 'dora' gave a label; there are judge" in err


def test_rows_whose_slice_is_not_told_are_a_slice() -> None:
    rows = pl.DataFrame({"item": range(40), "words": [float("nan")] * 20 + [float(k) for k in range(20)]})
    found = [(name, own.height) for name, own in sliced(rows, "words")]
    assert found == [("0 to 5", 5), ("5 to 10", 5), ("10 to 14", 4), ("14 to 19", 6), ("not told", 20)]


def test_resume_asks_again_what_failed_and_nothing_else(x: str, tmp_path: Path, capsys: Any) -> None:
    with Served(longer, faults={1: "400"}) as server:
        for more in ((), ("--resume",), ("--resume",)):
            assert said(capsys, *scored(server, tmp_path / "out", "--concurrency", 1), x, *more)[0] == 0
        assert len(server.asked) == 4
    assert pl.read_parquet(tmp_path / "out/judgments.parquet")["score"].to_list() == [1.0, 2.0, 1.0]


def test_resume_asks_what_a_budget_left_out(x: str, tmp_path: Path, capsys: Any) -> None:
    with Served(longer) as server:
        for more in (("--max-requests", 1, "--when-spent", "finish"), ("--resume",)):
            assert said(capsys, *scored(server, tmp_path / "out"), x, *more)[0] == 0
        assert len(server.asked) == 3
    assert pl.read_parquet(tmp_path / "out/judgments.parquet")["score"].null_count() == 0


@pytest.mark.parametrize(
    ("more", "other"),
    [(("--limit", 1), "parameters"), (("--rubric", "educational"), "criteria"), (("--judge", "n"), "judges")],
)
def test_resume_takes_no_run_for_another(x: str, tmp_path: Path, capsys: Any, more: Any, other: str) -> None:
    with Served(longer) as server:
        assert said(capsys, *scored(server, tmp_path / "out"), x)[0] == 0
        code, _, err = said(capsys, *scored(server, tmp_path / "out"), x, "--resume", *more)
    assert code == 2 and f"holds a finished run that had other {other}" in err


@pytest.mark.parametrize("name", ["run.json", "judgments.parquet"])
def test_a_damaged_run_is_a_sentence(x: str, tmp_path: Path, capsys: Any, name: str) -> None:
    with Served(longer) as server:
        said(capsys, *scored(server, tmp_path / "out"), x)
        (tmp_path / "out" / name).write_bytes(b"{")
        code, _, err = said(capsys, *scored(server, tmp_path / "out"), x, "--resume")
    assert code == 3 and f"{name} is damaged; remove" in err


def test_hidden_files_of_others_are_left_alone(x: str, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/.notes.tmp").write_text("mine")
    with Served(longer) as server:
        code, _, err = said(capsys, *scored(server, tmp_path / "mine"), x)
    assert code == 2 and "holds .notes.tmp" in err and (tmp_path / "mine/.notes.tmp").read_text() == "mine"


def test_a_pipe_is_not_waited_for(tmp_path: Path, capsys: Any) -> None:
    os.mkfifo(tmp_path / "pipe")
    for words in (
        ("rate", tmp_path / "pipe"),
        ("score", "x", "-o", "o", "--judge", "m", "--rubric", tmp_path / "pipe"),
    ):
        code, _, err = said(capsys, *words)
        assert code == 2 and "is a pipe or" in err


def test_more_models_than_one_fit_takes_have_win_rates_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strength, "MOST", 2)
    path = judged(tmp_path, *({"model_a": m, "model_b": "base", "verdict": "a"} for m in "xyz"))
    found = board(read_judgments([path]).rows)
    assert [(m["model"], m["games"]) for m in found["models"]] == [("x", 1), ("y", 1), ("z", 1), ("base", 3)]
    assert found["models"][-1]["win_rate"]["value"] == 0 and "no strengths" in found["notes"][0]
