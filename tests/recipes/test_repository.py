"""The commit that a recipe lies at is that which git would tell."""

from pathlib import Path

import pytest

from tamis.recipes.repository import commit

NEW, OLD = "a" * 40, "b" * 40

LAID_OUT = {
    "a branch": {"HEAD": "ref: refs/heads/main\n", "refs/heads/main": NEW + "\n"},
    "a branch that was packed": {"HEAD": "ref: refs/heads/main\n", "packed-refs": f"# pack\n{NEW} refs/heads/main\n"},
    "one that moved on since": {
        "HEAD": "ref: refs/heads/main\n",
        "packed-refs": f"{OLD} refs/heads/main\n",
        "refs/heads/main": NEW,
    },
    "no branch": {"HEAD": NEW + "\n"},
}


def laid_out(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.parametrize("files", LAID_OUT.values(), ids=LAID_OUT)
def test_the_commit_is_found_from_a_folder_within(files: dict[str, str], tmp_path: Path) -> None:
    laid_out(tmp_path / ".git", files)
    (tmp_path / "recipes/own").mkdir(parents=True)
    assert commit(tmp_path / "recipes/own") == NEW


def test_a_worktree_has_its_own_head_and_shares_branches(tmp_path: Path) -> None:
    laid_out(tmp_path / "main/.git", {"HEAD": OLD, "refs/heads/side": NEW})
    laid_out(tmp_path / "main/.git/worktrees/side", {"HEAD": "ref: refs/heads/side", "commondir": "../..\n"})
    laid_out(tmp_path / "side", {".git": f"gitdir: {tmp_path}/main/.git/worktrees/side\n"})
    assert commit(tmp_path / "side") == NEW


@pytest.mark.parametrize("head", ["", "ref: refs/heads/main", "ref: ../../outside", "\x00", "A" * 40])
def test_what_is_no_commit_is_none(head: str, tmp_path: Path) -> None:
    laid_out(tmp_path, {".git/HEAD": head, "outside": "not a commit"})
    assert commit(tmp_path) is None
