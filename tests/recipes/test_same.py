"""A run is of what it says: of input that did not change meanwhile, of no run before it, and a finished one of what is asked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from making import digests, recipe, sentences, write_lines

from tamis.errors import InputError, TamisError, UsageError
from tamis.recipes.run import run
from tamis.runs import Run

RECIPE = recipe("exact@1")


def at_the_books(do: Callable[[], object]) -> Callable[[Any], None]:
    """Calls `do` once, when all is read and nothing is written."""
    left = [do]

    def tell(progress: Any) -> None:
        if progress.what == "balancing the books" and left:
            left.pop()()

    return tell


def other_texts(path: Path) -> None:
    """The file with other texts of the same size."""
    path.write_bytes(path.read_bytes().translate(bytes.maketrans(b"aeiou", b"eioua")))


@pytest.mark.parametrize(
    "change", [other_texts, lambda path: os.truncate(path, 2000), Path.unlink], ids=["other", "cut", "gone"]
)
@pytest.mark.parametrize("options", [{"engine": "inline"}, {"engine": "local", "workers": 2}], ids=["inline", "local"])
def test_input_that_changes_while_it_is_read_makes_no_run(tmp_path: Path, change: Any, options: dict[str, Any]) -> None:
    rows = write_lines(tmp_path / "in.jsonl", sentences(200))
    with pytest.raises(TamisError, match=r"in\.jsonl|the input changed"):
        run(RECIPE, rows, tmp_path / "run", on_progress=at_the_books(lambda: change(rows)), **options)
    assert not (tmp_path / "run/run.json").exists()


def test_so_does_an_earlier_corpus(tmp_path: Path) -> None:
    rows, before = (write_lines(tmp_path / f"{name}.jsonl", sentences(200)) for name in ("in", "before"))
    against = recipe({"near@1": {"against": [str(before)]}})
    with pytest.raises(InputError, match=r"before\.jsonl changed while the run read it"):
        run(against, rows, tmp_path / "run", engine="inline", on_progress=at_the_books(lambda: other_texts(before)))


@pytest.fixture
def done(tmp_path: Path) -> Run:
    """A finished run of in.jsonl."""
    return run(RECIPE, write_lines(tmp_path / "in.jsonl", sentences(50)), tmp_path / "run", engine="inline")


def test_a_finished_run_is_given_back_for_its_own_recipe_and_input(done: Run, tmp_path: Path) -> None:
    before = digests(done.path)
    again = run(RECIPE, tmp_path / "in.jsonl", done.path, resume=True, engine="inline")
    assert again.path == done.path and digests(done.path) == before


@pytest.mark.parametrize(
    ("of", "file", "differs"),
    [
        (recipe("near@1"), "in.jsonl", "recipe"),
        (RECIPE, "other.jsonl", "input"),
        (recipe("near@1"), "other.jsonl", "recipe and input"),
    ],
)
def test_and_is_no_answer_to_another_question(done: Run, tmp_path: Path, of: Any, file: str, differs: str) -> None:
    write_lines(tmp_path / "other.jsonl", sentences(51))
    with pytest.raises(UsageError, match=f"is finished, and is of another {differs}; name another folder"):
        run(of, tmp_path / file, done.path, resume=True, engine="inline")


def test_input_that_is_not_there_is_not_resumed_either(done: Run, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        run(RECIPE, tmp_path / "nowhere.jsonl", done.path, resume=True, engine="inline")


def test_a_run_in_the_place_of_one_that_was_removed_knows_nothing_of_it(tmp_path: Path) -> None:
    # exact lets other rows go in one than in the other; near must not look at those of the other.
    rows = sentences(60)
    first, second = ([*rows[:30], *rows[:15], *rows[45:]], [*rows[:15], *rows[:15], *rows[15:45]])
    several = recipe("exact@1", "near@1")
    paths = [write_lines(tmp_path / f"{k}.jsonl", each) for k, each in enumerate((first, second))]
    run(several, paths[0], tmp_path / "run", engine="inline")
    shutil.rmtree(tmp_path / "run")
    again = run(several, paths[1], tmp_path / "run", engine="inline")
    alone = run(several, paths[1], tmp_path / "alone", engine="inline")
    assert digests(again.path) == digests(alone.path)
