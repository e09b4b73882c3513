"""The work folder of a run on machines that share no disk: every node has a scratch folder, and what is finished is put.

A task writes its files on its node, puts each, and its record last. Whoever reads a file fetches it once to its own node and
holds it against the record there. What is put twice, by a task carried out twice, is the same.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tamis.data.disk import disk_errors
from tamis.data.storage import Remote, fetch, put, put_file, stored
from tamis.data.storage.scratch import scratch_of, sweep
from tamis.engine.work import AGAIN, Work
from tamis.errors import RunError

OF_RUN = "run-"
"""How the folder of a run begins, in the scratch folder of its place."""


@dataclass(frozen=True)
class FarWork(Work):
    """The work of the run at `run`. `root` is a folder of whatever machine this object is on.

    name  of this run among those that were at the same place before: what a node keeps of them is not taken for it
    """

    run: Remote
    name: str

    @property
    def far(self) -> Remote:
        """Where intermediate files are put."""
        return self.run / ".work/tasks"

    def __reduce__(self) -> tuple[Callable[[Remote, str], FarWork], tuple[Remote, str]]:
        """Sent to another machine, it is of a folder there."""
        return far_work, (self.run, self.name)

    def lies(self, group: object, index: int, part: str) -> Path | Remote:
        """Where any node may read `part` from."""
        return self._far(group, index, part)

    def done(self, group: object, index: int) -> dict[str, Any] | None:
        """The completion record of a task if every file it names is there: whole on this node, or put."""
        if (here := super().done(group, index)) is not None:
            return here
        record = self._record(group, index)
        for part, (size, _) in record["files"].items() if record else ():
            there = stored(self._far(group, index, part))
            if there is None or there.bytes != size:
                return None
        return record

    def finish(self, group: object, index: int, parts: Mapping[str, Path], facts: Mapping[str, Any]) -> dict[str, Any]:
        """Put the files of a task in place, here and there, then its record."""
        record = super().finish(group, index, parts, facts)
        for part in record["files"]:
            put_file(self._far(group, index, part), self.path(group, index, part))
        put(self._far(group, index, "json"), json.dumps(record).encode())
        return record

    def temporary(self, group: object, index: int, part: str) -> Path:
        """As on one disk; the folder may be new to this node."""
        with disk_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
        return super().temporary(group, index, part)

    def read(self, group: object, index: int, part: str) -> Path:
        """As on one disk, once it is fetched. Raises RunError."""
        path = self.path(group, index, part)
        if not path.exists():
            # The record first: what is fetched is held against it.
            for wanted in ("json", part):
                self._fetch(group, index, wanted)
        return super().read(group, index, part)

    def _fetch(self, group: object, index: int, part: str) -> None:
        path, far = self.path(group, index, part), self._far(group, index, part)
        try:
            fetch(far, path)
        except FileNotFoundError:
            raise RunError(f"{far}: the object is gone, which a finished task put; {AGAIN}") from None

    def _record(self, group: object, index: int) -> dict[str, Any] | None:
        try:
            record: dict[str, Any] = json.loads(self._far(group, index, "json").read_bytes())
        except (FileNotFoundError, ValueError, RecursionError):
            return None
        return record

    def _far(self, group: object, index: int, part: str) -> Remote:
        return self.far / str(group) / f"{index:06d}.{part}"


@lru_cache(8)
def far_work(run: Remote, name: str) -> FarWork:
    """The work of the run at `run`, on this machine. What earlier runs left here is removed."""
    folder = scratch_of(run)
    sweep(folder)
    own = folder / ".work" / f"{OF_RUN}{name}"
    for other in own.parent.glob(f"{OF_RUN}*"):
        if other != own:
            shutil.rmtree(other, ignore_errors=True)
    return FarWork(own, run, name)
