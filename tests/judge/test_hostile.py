"""What judges, files and folders may do to `tamis judge`: nothing is lost, nothing ends in a traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from judging import answers, longer
from serving import Served

from tamis.cli import main


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
