"""What many tests share: a folder of JSON Lines, and the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from making import sentences, write_lines


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """400 rows in two files of a folder."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    rows = sentences(400)
    write_lines(folder / "a.jsonl", rows[:250])
    write_lines(folder / "b.jsonl", rows[250:])
    return folder


@pytest.fixture
def tamis(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """The command line: returns its exit code and all it printed."""
    from tamis.cli import main

    def call(*args: object) -> tuple[int, str]:
        with pytest.raises(SystemExit) as left:
            main([str(a) for a in args])
        out, err = capfd.readouterr()
        return int(left.value.code or 0), out + err

    return call
