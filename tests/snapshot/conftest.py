"""A small run, made once, and stores to freeze it in."""

from __future__ import annotations

from pathlib import Path

import pytest
from making import recipe, sentences, write_lines

import tamis
from tamis.runs import Run
from tamis.snapshot import Snapshot, freeze

ROWS = 120


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run over made-up rows: some are dropped as too short, some as repeats."""
    return make_run(tmp_path_factory.mktemp("small"), ROWS, 5)


@pytest.fixture(scope="session")
def later_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same with more rows and a stricter rule; the text of one row is another."""
    return make_run(tmp_path_factory.mktemp("later"), ROWS + 20, 20, changed="r3")


def make_run(folder: Path, rows: int, min_words: int, changed: str | None = None) -> Run:
    """A run in `folder`."""
    made = sentences(rows)
    for row in made:
        if row["id"] == changed:
            row["text"] = f"{row['text']} {'and some more words that were not there before ' * 4}"
    data = write_lines(folder / "corpus.jsonl", made)
    own = {"quality.gopher@1": {"min_words": min_words, "min_stop_words": 0, "min_mean_word_length": 0}}
    return tamis.run(recipe(own, "exact@1"), data, folder / "run", engine="inline")


@pytest.fixture
def frozen(small_run: Run, tmp_path: Path) -> Snapshot:
    """small_run as docs@1.0.0 in a store of its own."""
    return freeze(small_run, tmp_path / "store/docs/1.0.0")
