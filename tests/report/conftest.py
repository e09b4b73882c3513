"""A run whose texts try to break out of the page, and what is needed to make others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from making import NASTY, recipe, sentences, write_lines

import tamis

STAGES = ("own:Shout", {"quality.gopher@1": {"min_words": 20, "min_stop_words": 1}}, "own:Allergic", "exact@1")


@pytest.fixture(scope="session")
def sieve(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tamis.Run]:
    """Runs `stages` over rows (objects, or lines as bytes) in a folder of its own."""

    def call(rows: list[Any], *stages: Any, **head: Any) -> tamis.Run:
        folder = tmp_path_factory.mktemp("report")
        path = write_lines(folder / "in.jsonl", rows)
        return tamis.run(recipe(*(stages or STAGES), **head), path, folder / "run", engine="inline")

    return call


@pytest.fixture(scope="session")
def run(sieve: Callable[..., tamis.Run]) -> tamis.Run:
    """500 records of three sources, one of them NASTY in name and text; some kept, edited, dropped and set aside."""
    rows: list[Any] = sentences(500)
    for k, row in enumerate(rows):
        row["source"] = ["crawl", "books", NASTY][k % 3]
        if k % 3 == 2:
            row["text"] = NASTY + row["text"]
    rows[40]["text"] = NASTY + "the poison of a pill " * 20
    rows[60:60] = [b'{"text": "never ' + NASTY.encode(), b"\xff"]
    return sieve(rows)


@pytest.fixture(scope="session")
def page(run: tamis.Run) -> Path:
    """The page that the run wrote."""
    return run.path / "report.html"
