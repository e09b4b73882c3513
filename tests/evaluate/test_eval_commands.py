"""Finished runs held against gates and each other, from the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from suites import SUMS, tasks, write_rows, write_suite

from tamis.evaluate.freeze import freeze

Call = Callable[..., tuple[int, str]]

FILES = ("report.json", "report.html", "report.md", "junit.xml", "samples.parquet", "scores.parquet")


@pytest.fixture
def sums(tmp_path: Path, tamis: Call) -> Path:
    """A folder with a snapshot of six sums, and the runs `good` (all right) and `bad` (half of them)."""
    freeze(write_suite(tmp_path / "in", tasks()[1:2]), tmp_path / "snap")
    for name, wrong in (("good", ()), ("bad", (1, 3, 5))):
        told = [
            {
                "task": "sums",
                "item_id": str(row["id"]),
                "response": f"#### {99 if row['id'] in wrong else row['id'] + 1}",
            }
            for row in SUMS
        ]
        write_rows(tmp_path / f"{name}.jsonl", told)
        assert asked(tamis, tmp_path, name) == 0
    return tmp_path


def asked(tamis: Call, folder: Path, name: str, snap: str = "snap", out: str = "", *more: Any) -> int:
    place = folder / (out or name)
    return tamis(
        "eval", "run", folder / snap, "--model", f"replay:{folder / name}.jsonl", "-o", place, "--quiet", *more
    )[0]


def test_another_folder_changes_no_byte_of_a_report(sums: Path, tamis: Call) -> None:
    shutil.copytree(sums / "snap", sums / "elsewhere/copy")
    assert asked(tamis, sums, "good", "elsewhere/copy", "elsewhere/run") == 0
    for file in FILES:
        assert (sums / "good" / file).read_bytes() == (sums / "elsewhere/run" / file).read_bytes()


def test_the_order_of_stored_answers_changes_no_byte_of_a_report(sums: Path, tamis: Call) -> None:
    (sums / "other").mkdir()
    rows = (sums / "bad.jsonl").read_text().splitlines(keepends=True)
    (sums / "other/bad.jsonl").write_text("".join(rows[::-1]))
    given = ("--model", f"replay:{sums / 'other/bad.jsonl'}", "-o", sums / "other/run", "--quiet")
    assert tamis("eval", "run", sums / "snap", *given)[0] == 0
    for file in FILES:
        assert (sums / "bad" / file).read_bytes() == (sums / "other/run" / file).read_bytes()


@pytest.mark.parametrize(
    "gates, code, said",
    [
        ("tasks: {sums: {min: 0.5}}", 0, "passed   sums: min"),
        ("tasks: {sums: {min: 0.6}}", 1, "FAILED   sums: min: exact_match is 0.500"),
        ("tasks: {sums: {max_regression: 0.1}}", 1, "FAILED   sums: max_regression: exact_match is 0.500 worse"),
        ("tasks: {suns: {min: 0.5}}", 2, "did you mean 'sums'"),
        ("min: 0.5", 2, "no key 'min'"),
    ],
)
def test_the_exit_code_says_what_became_of_the_gates(sums: Path, tamis: Call, gates: str, code: int, said: str) -> None:
    (sums / "gates.yaml").write_text(gates)
    given = ("--gates", sums / "gates.yaml", "--baseline", sums / "good", "--junit", sums / "gates.xml")
    found, text = tamis("eval", "gate", sums / "bad", *given)
    assert found == code and said in text
    assert (sums / "gates.xml").is_file() == (code < 2)


def test_a_run_without_a_gate_is_not_passed_by_one(sums: Path, tamis: Call) -> None:
    code, text = tamis("eval", "gate", sums / "good")
    assert code == 2 and "there is no gate" in text


def test_a_worse_model_fails_where_it_is_run(sums: Path, tamis: Call) -> None:
    (sums / "gates.yaml").write_text("max_regression: 0.1")
    assert asked(tamis, sums, "bad", "snap", "again", "--baseline", sums / "good", "--gates", sums / "gates.yaml") == 1
    assert "worse than the baseline" in (sums / "again/junit.xml").read_text()


def test_what_cannot_be_held_against_it_is_refused_before_anyone_is_asked(sums: Path, tamis: Call) -> None:
    freeze(write_suite(sums / "other", tasks()[1:2], version="2"), sums / "later")
    assert asked(tamis, sums, "bad", "later", "none", "--baseline", sums / "good") == 2
    assert not (sums / "none/samples.parquet").exists()


def test_runs_of_two_snapshots_are_not_compared(sums: Path, tamis: Call) -> None:
    freeze(write_suite(sums / "other", tasks()[1:2], version="2"), sums / "later")
    asked(tamis, sums, "good", "later", "newer")
    code, text = tamis("eval", "compare", sums / "bad", sums / "newer")
    assert code == 2 and "different evaluation snapshots" in text
    code, text = tamis("eval", "ladder", sums / "bad", sums / "newer")
    assert code == 0 and "small 2" in text and "+0.500" in text


def test_a_comparison_is_of_the_second_less_the_first(sums: Path, tamis: Call) -> None:
    code, text = tamis("eval", "compare", sums / "bad", sums / "good", "--json")
    (found,) = json.loads(text)["tasks"]
    assert code == 0 and found["difference"]["value"] == 0.5 and (found["won"], found["lost"]) == (3, 0)


def test_answers_changed_behind_a_report_are_seen(sums: Path, tamis: Call) -> None:
    shutil.copy(sums / "good/scores.parquet", sums / "bad/scores.parquet")
    assert "its sha256 differs" in tamis("eval", "report", sums / "bad", "--format", "html")[1]


@pytest.mark.parametrize("form, file", [("markdown", "report.md"), ("html", "report.html"), ("junit", "junit.xml")])
def test_a_report_is_written_again_as_it_was_without_its_baseline(
    sums: Path, tamis: Call, form: str, file: str
) -> None:
    assert asked(tamis, sums, "bad", "snap", "beside", "--baseline", sums / "good") == 0
    shutil.rmtree(sums / "good")
    assert tamis("eval", "report", sums / "beside", "--format", form, "-o", sums / file)[0] == 0
    assert (sums / file).read_bytes() == (sums / "beside" / file).read_bytes()
