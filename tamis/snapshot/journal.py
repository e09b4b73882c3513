"""Changes to a store that happen whole or not at all.

All that a command makes is written to `.tamis/work/<transaction>/` first. `commit` then writes the list of steps that put
it in place to `.tamis/journal/`, by one rename: from there on the change is made, whatever happens. A step can be taken
again where a crash cut it short, so the next command takes what is left of the list; work without a list is thrown away.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from tamis.data.disk import disk_errors
from tamis.data.parquet import plain
from tamis.data.writer import write_json
from tamis.errors import OutputError


class Step(NamedTuple):
    """One change; taken twice it does what it does once.

    move     `source` becomes `target`; a file that is there is replaced, a folder must not be there
    link     `target` becomes another name of the file `source`, or a copy where the file system has no links
    remove   `source` (file or folder) is gone
    """

    do: Literal["move", "link", "remove"]
    source: Path
    target: Path | None = None


@dataclass(frozen=True)
class Work:
    """A transaction that goes on: `folder` is its own, on the file system of the store."""

    root: Path
    folder: Path

    @property
    def name(self) -> str:
        """Of the transaction."""
        return self.folder.name

    def commit(self, steps: Iterable[Step]) -> None:
        """Make the change. The caller holds the store's lock.

        Raises OutputError before anything is changed where a step cannot be taken: what is committed must be finished, so a
        step that never can would keep everyone out of the store.
        """
        steps = list(steps)
        for step in steps:
            _prepare(step)
        _demand_room(steps)
        listed = [_written(step, self.root) for step in steps]
        path = self.root / "journal" / f"{self.name}.json"
        write_json(path, {"tamis_journal": 1, "place": _mark(self.root), "steps": listed})
        forward(path, self.root)


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the store of `root` (a `.tamis`) against others; it waits. Not to be taken twice by one process."""
    _demand_own(root)
    with disk_errors(root):
        handle = os.open(root / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def work(root: Path) -> Iterator[Work]:
    """A folder to work in, below `root`; it is gone when the block ends, however that is."""
    folder = root / "work" / secrets.token_hex(8)
    with locked(root), disk_errors(folder):  # locked: what is not held yet looks like what a crash left
        folder.mkdir(parents=True)
        (root / "journal").mkdir(exist_ok=True)
        held = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(held, fcntl.LOCK_EX)
    try:
        yield Work(root, folder)
    finally:
        if not (root / "journal" / f"{folder.name}.json").exists():
            shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _demand_own(root: Path) -> None:
    """Raises OutputError where a folder of the store is a link: what lies in work/ or objects/ is removed some day."""
    for path in (root, *(root / name for name in ("work", "journal", "objects", "objects/sha256", "cache"))):
        if path.is_symlink():
            raise OutputError(
                f"{path} is a link, and what lies where it leads would be taken for the store's own; move that folder to its place"
            )


def pending(root: Path) -> bool:
    """Whether there is something to recover below `root`."""
    return any(any((root / name).glob("*")) for name in ("journal", "work"))


def recover(root: Path) -> None:
    """Take the steps that a crash left, and throw away work that was not committed. The caller holds the store's lock."""
    for path in sorted((root / "journal").glob("*.json")):
        forward(path, root)
    for half in (root / "journal").glob(".*.tmp"):
        half.unlink(missing_ok=True)
    for folder in (root / "work").glob("*"):
        if not _is_in_use(folder):
            shutil.rmtree(folder, ignore_errors=True)


def forward(path: Path, root: Path) -> None:
    """Take every step of the journal at `path`; then the journal is gone.

    Steps lead out of the store, to runs, and remove what is there. So only a journal that was written in this very folder is
    followed: one in a store that somebody copied or sent is told, and left. Raises OutputError.
    """
    try:
        listed = json.loads(plain(path).read_bytes())
        number, place = listed["tamis_journal"], listed.get("place")
        steps = [_read(entry, root) for entry in listed["steps"]] if number == 1 else []
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as damage:
        raise OutputError(
            f"{path}, which says what an interrupted command began, cannot be read ({damage!r:.80}); the store may be between "
            "two states: `tamis verify` each snapshot in it, then remove that file"
        ) from damage
    if number != 1:
        raise OutputError(f"{path} was written by a newer tamis; finish what it began with that one")
    if place != _mark(root):
        raise OutputError(
            f"{path} says what an interrupted command began in another place: this store is a copy, and nothing was done; "
            f"run a command on the store that it was copied from, then copy again, or remove {path}"
        )
    for step in steps:
        _take(step)
    path.unlink()
    shutil.rmtree(root / "work" / path.stem, ignore_errors=True)


def _mark(root: Path) -> list[int]:
    """What tells a store from a copy of it, which nobody can foresee: file number and time of change of its lock."""
    found = (root / "lock").stat()
    return [found.st_ino, found.st_ctime_ns]


def _prepare(step: Step) -> None:
    """Make sure that a step can be taken: there is a folder for its target, and folders that change can be written."""
    if step.target is not None:
        with disk_errors(step.target):
            step.target.parent.mkdir(parents=True, exist_ok=True)
    changed = [step.target] if step.target else []
    for path in [*changed, *([step.source] if step.do != "link" else [])]:
        if path.parent.is_dir() and not os.access(path.parent, os.W_OK | os.X_OK):
            raise OutputError(f"cannot write {path}: the folder it is in may not be written; change its permissions")


def _demand_room(steps: Iterable[Step]) -> None:
    """Raises OutputError where what moves to another file system does not fit there."""
    needed: dict[int, int] = {}
    for step in steps:
        if step.do != "move" or step.target is None or step.source.stat().st_dev == step.target.parent.stat().st_dev:
            continue
        on, place = step.target.parent.stat().st_dev, os.statvfs(step.target.parent)
        files = step.source.rglob("*") if step.source.is_dir() else [step.source]
        blocks = sum(-(-path.stat().st_size // place.f_frsize) for path in files if path.is_file())
        needed[on] = needed.get(on, 0) + blocks * place.f_frsize
        if needed[on] > place.f_bavail * place.f_frsize:
            raise OutputError(
                f"cannot write {step.target}: the disk it is on has no room for it; nothing was changed, free some space"
            )


def _take(step: Step) -> None:
    with disk_errors(step.target or step.source):
        if step.do == "remove":
            _remove(step.source)
            return
        assert step.target is not None
        if step.do == "move":
            if os.path.lexists(step.source):  # else it was moved before the crash
                step.target.parent.mkdir(parents=True, exist_ok=True)
                _move(step.source, step.target)
        elif not step.target.exists():
            step.target.parent.mkdir(parents=True, exist_ok=True)
            link(step.source, step.target)


def _move(source: Path, target: Path) -> None:
    try:
        os.replace(source, target)
    except OSError as refused:
        if refused.errno != errno.EXDEV:
            raise
        # Another file system: a copy beside the target, whole before it gets its name.
        beside = target.with_name(f".{target.name}.{source.parent.name}.tmp")
        _remove(beside)
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, beside)
        os.replace(beside, target)
        _remove(source)
    sync(target.parent)


def link(source: Path, target: Path) -> None:
    """`target` as another name of the file `source`; where there can be none, a copy that is whole when it has its name."""
    try:
        os.link(source, target)
    except FileExistsError:
        pass
    except OSError as refused:
        if refused.errno not in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS):
            raise
        beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
        shutil.copy2(source, beside)
        os.replace(beside, target)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Make a file, or the renames in a folder, outlast a power cut, where the file system knows how."""
    handle = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def _is_in_use(folder: Path) -> bool:
    """Whether a living process works in `folder`."""
    try:
        held = os.open(folder / ".lock", os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(held)
    return False


def _written(step: Step, root: Path) -> dict[str, str]:
    entry = {"do": step.do, "source": _place(step.source, root)}
    return {**entry, "target": _place(step.target, root)} if step.target else entry


def _place(path: Path, root: Path) -> str:
    """A path within the store as seen from there, so that a store which is moved can still recover."""
    path = Path(os.path.abspath(path))
    return path.relative_to(root.parent).as_posix() if root.parent in path.parents else str(path)


def _read(entry: dict[str, Any], root: Path) -> Step:
    source, target = root.parent / entry["source"], entry.get("target")
    return Step(entry["do"], source, root.parent / target if target is not None else None)
