"""A run in object storage, copied to this machine as it is read.

Copies lie in the cache by the sha256 of the run's manifest and are held against it, so that none is of another run, or of half
a file. Small files come at once; those of data, verdicts and other tables when they are asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tamis.data.storage import Remote, fetch, stored
from tamis.data.storage.scratch import cache
from tamis.data.writer import write_bytes
from tamis.errors import InputError
from tamis.runs.manifest import MANIFEST, closing, listed_in

LATER = ("data/", "verdicts/", "scores/", "quarantine/", "derived/", "edges/", "lineage/", "requests/")
"""What is fetched when it is asked for."""

AT_ONCE = 4
"""Files fetched at once."""


@dataclass(frozen=True)
class Mirror:
    """The run at `remote`, and the folder its copies lie in. digests: sha256 of its files, by name"""

    remote: Remote
    folder: Path
    digests: Mapping[str, str] = field(repr=False)

    def need(self, wanted: Callable[[str], bool]) -> None:
        """See that every file whose name is `wanted` lies in the folder. Raises InputError."""
        missing = [name for name in self.digests if wanted(name) and not (self.folder / name).exists()]
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="tamis-fetch") as pool:
            list(pool.map(self._fetch, missing))

    def _fetch(self, name: str) -> None:
        try:
            fetch(self.remote / name, self.folder / name, self.digests[name])
        except FileNotFoundError:
            raise InputError(
                f"{self.remote / name} is missing; `tamis verify {self.remote}` says what else is wrong"
            ) from None


def mirror_of(remote: Remote) -> Mirror:
    """The mirror of the run at `remote`, with its small files. Raises InputError where there is none, or not finished."""
    mirror = copied(remote, "runs")
    mirror.need(lambda name: not name.startswith(LATER))
    return mirror


def copied(remote: Remote, what: str) -> Mirror:
    """The mirror of what has a manifest at `remote`, which alone is fetched. Raises InputError where there is none."""
    try:
        manifest = (remote / MANIFEST).read_bytes()
    except FileNotFoundError:
        raise InputError(_none(remote)) from None
    body, mark, last = manifest.decode("utf-8", "replace").rpartition("# ")
    if closing(body) != mark + last:
        raise InputError(f"{remote / MANIFEST} is not what was written; `tamis verify {remote}` says what else is")
    folder = cache() / what / hashlib.sha256(manifest).hexdigest()
    mirror = Mirror(remote, folder, listed_in(body))
    if not (folder / MANIFEST).exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(folder / MANIFEST, manifest)
    return mirror


def _none(remote: Remote) -> str:
    if stored(remote / ".work/plan.json"):
        return f"the run at {remote} is not finished; give the command that began it again, with --resume"
    return f"there is no run at {remote}: it has no {MANIFEST}; name the place that `tamis run -o` wrote"
