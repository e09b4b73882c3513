"""The folder a run is written to: who may take it, what is there already, and when it is finished.

While a run goes on, `.work` lies in it. A folder with run.json and no `.work` is a finished run.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tamis.data.disk import disk_errors
from tamis.data.storage.address import Remote
from tamis.data.writer import write_json
from tamis.errors import DamagedError, OutputError, UsageError


@dataclass(frozen=True)
class Place:
    """The folder of one run."""

    root: Path

    @property
    def named(self) -> Path | Remote:
        """What the user calls it."""
        return self.root

    @property
    def beside(self) -> Path:
        """The folder that the run lies in, where what several runs share is kept."""
        return Path(os.path.abspath(self.root)).parent

    @property
    def work(self) -> Path:
        """Where intermediate files lie while the run goes on."""
        return self.root / ".work"

    def holds(self, input: Path | Remote) -> bool:
        """Whether a file of the input is a copy of ours, gone when the run is finished."""
        return isinstance(input, Path) and self.work in input.parents

    @contextmanager
    def taken(self, resume: bool) -> Iterator[bool]:
        """Hold the folder against other runs; yields True where a resumed run is finished already. Raises UsageError."""
        with disk_errors(self.root):
            there = self.root.exists() or self.root.is_symlink()
            if there and not self.root.is_dir():
                raise UsageError(f"{self.root} is a file; name a folder for the run with -o")
            begun, finished = self.work.is_dir(), (self.root / "run.json").is_file() and not self.work.is_dir()
            used = there and any(self.root.iterdir())
        if used and not resume:
            state = "holds a finished run" if finished else "holds an unfinished run" if begun else "is not empty"
            mend = "go on with it with --resume, or " if begun else ""
            raise UsageError(f"{self.root} {state}; {mend}name another folder with -o, or remove it")
        if used and resume and not (begun or finished):
            raise UsageError(f"{self.root} holds something that is not a run; name another folder with -o")
        if finished:
            yield True
            return
        with disk_errors(self.root):
            self.work.mkdir(parents=True, exist_ok=True)
            for half in self.root.rglob(".*.tmp"):  # left by a run that was killed while it wrote
                half.unlink(missing_ok=True)
            lock = os.open(self.work / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise OutputError(
                    f"another process is writing the run at {self.root}; wait for it, or stop it"
                ) from None
            yield False
        except DamagedError:
            # What rows are held against is looked at before one moves: nothing is lost with the folder.
            (self.work / "plan.json").unlink(missing_ok=True)
            raise
        finally:
            os.close(lock)
            if self.work.is_dir() and not (self.work / "plan.json").exists():
                self._leave_no_trace(there)

    def _leave_no_trace(self, there: bool) -> None:
        """Nothing was begun: take away what was made for it."""
        shutil.rmtree(self.work, ignore_errors=True)
        if not there:
            with suppress(OSError):
                self.root.rmdir()

    def cut(self, partition_size: int, share: int) -> tuple[int, int]:
        """Bytes of input and of memory a task takes here: as wanted when the run was begun, for its work is cut that way."""
        try:
            begun = json.loads((self.work / "plan.json").read_bytes())
            return int(begun["partition_size"]), int(begun["share"])
        except (FileNotFoundError, ValueError, KeyError, TypeError, RecursionError):
            return partition_size, share

    def belongs_to(self, identity: dict[str, Any]) -> None:
        """Note what this run is of, and a name for it, or check that it is the one that was begun here. Raises UsageError."""
        path = self.work / "plan.json"
        text = json.loads(json.dumps(identity))
        if not path.exists():
            write_json(path, {**text, "begun_as": secrets.token_hex(8)})
            return
        try:
            begun = json.loads(path.read_bytes())
        except (ValueError, RecursionError):
            begun = {}
        changed = [name for name in text if begun.get(name) != text[name]]
        if changed:
            what = {"tamis": "the version of tamis", "inputs": "the input"}
            names = " and ".join(what.get(name, f"the {name}") for name in changed)
            raise UsageError(
                f"the run begun at {self.root} cannot go on: {names} changed since; name another folder with -o, or remove it"
            )

    @property
    def begun_as(self) -> str:
        """The name of the run that was begun here: another one, with the same output, has another."""
        return str(json.loads((self.work / "plan.json").read_bytes()).get("begun_as", ""))

    def gather(self, written: Sequence[dict[str, Any]]) -> None:
        """See that every file `written` (path, sha256) lies in the folder."""

    def finish(self) -> None:
        """The run is whole: remove the work folder, in one step as others see it."""
        gone = self.root / ".work-done"
        if gone.exists():
            shutil.rmtree(gone, ignore_errors=True)
        os.rename(self.work, gone)
        shutil.rmtree(gone, ignore_errors=True)
