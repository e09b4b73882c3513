import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from making import write_lines

QUESTION = "Natalia sold clips to 48 of her friends in April and then she sold half as many clips in May"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    train = [{"id": "a", "text": f"Here: {QUESTION}. 72"}, {"id": "b", "text": "Nothing."}, b"{bad"]
    evals = [{"id": "q", "prompt": QUESTION, "target": "72"}, {"id": "r", "prompt": "Why?", "target": "42"}]
    return write_lines(tmp_path / "train.jsonl", train), write_lines(tmp_path / "evals.jsonl", evals)


def test_the_report_says_what_is_dirty_and_by_what(tamis: Any, files: tuple[Path, Path]) -> None:
    code, said = tamis("contamination", *files, "--field", "question=prompt", "--field", "answer=target")
    assert code == 0
    assert "2 records, 1 (50.0%) with an evaluation item" in said
    assert "evals:q in train:a: 20 of 20 words of its question in a row" in said
    assert "1 line of the training data could not be read" in said


def test_one_json_object_says_the_same(tamis: Any, files: tuple[Path, Path]) -> None:
    _, said = tamis("contamination", *files, "--field", "question=prompt", "--field", "answer=target", "--json")
    facts = json.loads(said)
    assert facts["records"] == {"read": 2, "unreadable": 1, "touched": 1, "flagged": 0}
    assert facts["evals"]["evals"]["dirty"] == facts["evals"]["evals"]["answers"] == 1


def test_the_table_is_written_where_told(tamis: Any, files: tuple[Path, Path], tmp_path: Path) -> None:
    tamis("contamination", *files, "--field", "question=prompt", "-o", tmp_path / "out")
    assert pq.read_table(tmp_path / "out/contamination.parquet")["status"].to_pylist() == ["dirty", "too_short"]


def test_a_field_that_is_not_there_is_named(tamis: Any, files: tuple[Path, Path]) -> None:
    code, said = tamis("contamination", *files, "--field", "question=prompt", "--field", "answer=solution")
    assert code == 2
    assert "no row has 'solution', which fields names as the answer; its rows have 'id', 'prompt', 'target'" in said


def test_a_field_without_a_name_is_refused(tamis: Any, files: tuple[Path, Path]) -> None:
    code, said = tamis("contamination", *files, "--field", "question")
    assert (code, "OURS=THEIRS was wanted" in said) == (2, True)
