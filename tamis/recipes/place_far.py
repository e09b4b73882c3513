"""A run that is written to object storage.

It is worked on in a folder of this machine; files are put where they belong as they are finished, MANIFEST.sha256 last. That
one PUT is the commit: what has no manifest is no run. `.work` beside it says what was begun, and who is at it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tamis.data.disk import disk_errors
from tamis.data.storage import Claim, Remote, claimed, clear, fetch, listed, located, put, put_file
from tamis.data.storage.scratch import scratch_of
from tamis.data.writer import write_bytes
from tamis.errors import UsageError
from tamis.recipes.place import Place
from tamis.runs.manifest import MANIFEST, files

PUTS = 4
"""Files put at once."""


@dataclass(frozen=True)
class FarPlace(Place):
    """A prefix in object storage, and the folder `root` of this machine where the run is made."""

    far: Remote
    _claims: list[Claim] = field(default_factory=list, repr=False, compare=False)

    def __str__(self) -> str:
        return str(self.far)

    @property
    def named(self) -> Remote:
        """What the user calls it."""
        return self.far

    @property
    def beside(self) -> Path:
        """The working folder: object storage cannot hold a cache of answers."""
        return Path.cwd()

    def holds(self, input: Path | Remote) -> bool:
        """Whether a file of the input is a copy of ours, gone when the run is finished."""
        return super().holds(input) or (isinstance(input, Remote) and str(input).startswith(f"{self.far}/.work/"))

    @property
    def plan(self) -> Remote:
        """What the run is of."""
        return self.far / ".work/plan.json"

    @contextmanager
    def taken(self, resume: bool) -> Iterator[bool]:
        """As of a folder. Whoever else writes there is told by a claim."""
        there = {one.remote for one in listed(self.far, "write")}
        claims = {one for one in there if one.key.startswith((self.far / ".work/lock").key + "/")}
        begun, finished = self.plan in there, self.far / MANIFEST in there
        if there - claims and not resume:
            state = "holds a finished run" if finished else "holds an unfinished run" if begun else "is not empty"
            mend = "go on with it with --resume, or " if begun and not finished else ""
            raise UsageError(f"{self.far} {state}; {mend}name another place with -o, or remove it")
        if finished:
            yield True
            return
        if there - claims and not begun:
            raise UsageError(f"{self.far} holds something that is not a run; name another place with -o")
        with claimed(self.far / ".work/lock", f"the run at {self.far}") as claim:
            self._claims.append(claim)
            self._like(begun)
            with super().taken(resume=True) as whole:
                assert not whole, "what is whole here was committed there"
                yield False

    def _like(self, begun: bool) -> None:
        """Make the folder one of the run that was begun there: what is left of another one is thrown away."""
        with disk_errors(self.root):
            if not begun or (self.root.is_dir() and not self.work.is_dir()):
                shutil.rmtree(self.root, ignore_errors=True)
            if begun and not (self.work / "plan.json").exists():
                self.work.mkdir(parents=True, exist_ok=True)
                write_bytes(self.work / "plan.json", self.plan.read_bytes())

    def belongs_to(self, identity: dict[str, Any]) -> None:
        """As of a folder; and it is noted there, for a resume on another machine."""
        super().belongs_to(identity)
        put(self.plan, (self.work / "plan.json").read_bytes())

    def gather(self, written: Sequence[dict[str, Any]]) -> None:
        """Fetch what other nodes wrote: contract and report read it."""
        for file in written:
            if not (self.root / file["path"]).exists():
                fetch(self.far / file["path"], self.root / file["path"], file["sha256"])

    def finish(self) -> None:
        """Put what is not there yet, then the manifest, and throw away what was worked with."""
        there = {one.remote.key: one.bytes for one in listed(self.far, "write")}
        # What is no Parquet says when and how it was made: after a resume it may be of one size, and another.
        left = [
            path
            for path in files(self.root)
            if path.suffix != ".parquet" or there.get((self.far / self._name(path)).key) != path.stat().st_size
        ]
        with ThreadPoolExecutor(PUTS, thread_name_prefix="tamis-put") as pool:
            list(pool.map(lambda path: put_file(self.far / self._name(path), path), left))
        for claim in self._claims:
            claim.check()
        put(self.far / MANIFEST, (self.root / MANIFEST).read_bytes())
        shutil.rmtree(self.root, ignore_errors=True)
        if any(key.startswith((self.far / ".work/tasks").key + "/") for key in there):
            clear(self.far / ".work/tasks")

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


def place_of(output: Path | str | Remote) -> Place:
    """The place that `output` names, a folder or a URI. Raises UsageError."""
    found = located(output)
    return FarPlace(scratch_of(found), found) if isinstance(found, Remote) else Place(found)
