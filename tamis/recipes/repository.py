"""The commit that a recipe was carried out at, where it lies in a git repository.

.git/HEAD: ref: refs/heads/main    .git/refs/heads/main, or a line of .git/packed-refs: the commit
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def commit(folder: Path) -> str | None:
    """What is checked out in the repository that `folder` lies in; None where it lies in none, or that has no commit yet.

    Read from its files: git itself would run what the configuration of a repository names.
    """
    place = Path(os.path.abspath(folder))
    for above in (place, *place.parents):
        if (above / ".git").exists():
            return _checked_out(above / ".git")
    return None


def _checked_out(git: Path) -> str | None:
    if git.is_file():  # a worktree or submodule says where its own lies
        git = git.parent / _text(git).removeprefix("gitdir: ")
    head = _text(git / "HEAD")
    name = head.removeprefix("ref: ")
    if name == head:
        return head if _COMMIT.fullmatch(head) else None
    shared = git / (_text(git / "commondir") or ".")
    packed = [line.partition(" ") for line in _text(shared / "packed-refs").splitlines()]
    known = [_text(git / name), _text(shared / name), *(digest for digest, _, ref in packed if ref == name)]
    return next((digest for digest in known if _COMMIT.fullmatch(digest)), None)


def _text(path: Path) -> str:
    """What is in a small file; nothing where it is none, or cannot be read."""
    try:
        return path.read_text("utf-8").strip() if path.is_file() else ""
    except (OSError, ValueError):
        return ""
