"""A store in object storage, as a folder of this machine: its catalog is copied anew each time, snapshots when they are read.

A freeze holds a claim from copying the catalog until it has put what is new: data first, then snapshot.json, then what the
store knows of it, the name last. So no freeze undoes another, and what broke off is known to nobody. Other changes are made
on a copy.
"""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tamis.data.disk import disk_errors
from tamis.data.storage import Claim, Remote, at, claimed, fetch, listed, put_file, stored
from tamis.data.storage.scratch import cache
from tamis.errors import InputError, OutputError, UsageError
from tamis.runs.manifest import MANIFEST, sha256
from tamis.runs.mirror import Mirror, copied
from tamis.snapshot.names import named
from tamis.snapshot.store import FOLDER, Store

SNAPSHOT = "snapshot.json"
_CLAIMS = f"{FOLDER}/claims"
_CATALOG = ("models", "runs", "holds", "receipts", "snapshots", "names")
"""What a store knows, in the order in which it is put."""


@dataclass(frozen=True)
class FarStore(Store):
    """The store at `far`; `root` is a folder of this process, with its catalog and those snapshots that were asked for."""

    far: Remote
    _known: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)
    """Catalog files as they were copied, by name."""

    def named(self, path: Path) -> Path | Remote:
        """What lies at `path` in `root`, as a user would name it."""
        return self.far / path.relative_to(self.root).as_posix() if self.root in path.parents else path

    def resolve(self, ref: str) -> Path:
        """As of a folder; the snapshot is copied."""
        path = super().resolve(ref)
        self.bring(path)
        return path

    def bring(self, path: Path) -> None:
        """Copy the snapshot at `path`, within `root`, held against its manifest. Raises InputError."""
        if self.root in path.parents:
            snapshot_at(at(str(self.named(path))), path)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """A change that is not put back would be lost. Raises OutputError."""
        raise OutputError(
            f"the store at {self.far} lies in object storage, where this command changes nothing yet; copy the store down, run the "
            "command there, and copy it back"
        )
        yield

    def work(self) -> Any:
        """As `lock`."""
        return self.lock()

    def copy(self) -> FarStore:
        """Copy the catalog, and of every snapshot what says that it is there."""
        inside = self.far / FOLDER
        files = [one.remote for one in listed(inside) if one.remote.key.split("/")[-2] in _CATALOG]
        self.make()
        with ThreadPoolExecutor(8, thread_name_prefix="tamis-fetch") as pool:
            list(pool.map(self._copy, files))
            facts = [json.loads(data) for name, data in self._known.items() if name.startswith(f"{FOLDER}/snapshots/")]
            places = [self.place(str(one["path"])) for one in facts]
            list(pool.map(self._head, [place for place in places if self.root in place.parents]))
        return self

    def _copy(self, remote: Remote) -> None:
        name = remote.key[len(self.far.key) :].lstrip("/")
        self._known[name] = fetch(remote, self.root / name).read_bytes()

    def _head(self, path: Path) -> None:
        try:
            fetch(at(str(self.named(path))) / SNAPSHOT, path / SNAPSHOT)
        except FileNotFoundError:
            return

    def put(self, output: Path, claim: Claim) -> None:
        """Put the new snapshot at `output`, then what the store knows of it. Raises OutputError."""
        files = sorted(path for path in output.rglob("*") if path.is_file() and path.name != SNAPSHOT)
        with ThreadPoolExecutor(4, thread_name_prefix="tamis-put") as pool:
            list(pool.map(self._put, files))
        claim.check()
        self._put(output / SNAPSHOT)
        for what in _CATALOG:
            for path in sorted((self.inside / what).glob("*.json")):
                if self._known.get(f"{FOLDER}/{what}/{path.name}") != path.read_bytes():
                    self._put(path)

    def _put(self, path: Path) -> None:
        put_file(at(str(self.named(path))), path)


def far_store(far: Remote) -> FarStore:
    """The store at `far`, to be read. Raises InputError where there is none."""
    if not is_store(far):
        raise InputError(f"there is no store at {far}: it has no {FOLDER}; `tamis freeze` makes one")
    return _folder(far).copy()


def _folder(far: Remote) -> FarStore:
    above = cache() / "stores"
    with disk_errors(above):
        above.mkdir(parents=True, exist_ok=True)
        # Of this process alone, and in no folder that another store is above of.
        store = FarStore(Path(tempfile.mkdtemp(dir=above)).absolute(), far)
    atexit.register(shutil.rmtree, store.root, ignore_errors=True)  # not before: paths in it are given out
    return store


def is_store(far: Remote) -> bool:
    """Whether a store lies at `far`."""
    return bool(listed(far / FOLDER))


def snapshot_at(far: Remote, path: Path | None = None) -> Path:
    """A copy of the snapshot at `far`, at `path` if that is given. Raises InputError."""
    mirror = mirrored(far)
    mirror.need(lambda name: True)
    if path is None:
        return mirror.folder
    for name in [*mirror.digests, MANIFEST]:
        target = path / name
        if not target.exists() or name == SNAPSHOT:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            target.hardlink_to(mirror.folder / name)
    return path


def mirrored(far: Remote) -> Mirror:
    """The mirror of the snapshot at `far`, of which nothing is copied yet. Raises InputError."""
    if stored(far / SNAPSHOT) is None:
        raise InputError(
            f"there is no snapshot at {far}: it has no {SNAPSHOT}; name the place that `tamis freeze -o` wrote"
        )
    return copied(far, "snapshots")


def store_above(far: Remote, given: Remote | None) -> Remote:
    """The store that a snapshot at `far` goes to, or lies in. Raises UsageError where it is not within `given`."""
    if given is not None:
        if not far.key.startswith(f"{given.key}/" if given.key else "") or far.bucket != given.bucket:
            raise UsageError(f"{far} does not lie in the store {given}; name a place in it with -o")
        return given
    parts = far.key.split("/")[:-1]
    above = Remote(far.scheme, far.bucket, "/".join(parts))
    beside = (
        Remote(far.scheme, far.bucket, "/".join(parts[:-1])) if named(Path("/", *parts, far.name)).version else above
    )
    return above if is_store(above) else beside


@contextmanager
def changing(output: Remote, given: Remote | None) -> Iterator[tuple[FarStore, Path, Callable[[], None]]]:
    """Hold the store for a snapshot that is to lie at `output`: the store, the folder to freeze to, and what puts it."""
    there = listed(output, "write")
    far = store_above(output, given)
    if there:
        raise UsageError(
            f"{output} is there already, whole or of a freeze that broke off; a snapshot is never written over: name another "
            "place with -o, or remove it"
        )
    with claimed(far / _CLAIMS, f"the store at {far}") as claim:
        store = _folder(far).copy()
        folder = store.root / output.key[len(far.key) :].lstrip("/")
        yield store, folder, lambda: store.put(folder, claim)


def streamed(far: Remote) -> list[tuple[str, str]]:
    """What is wrong with the files at `far`, by its manifest: every one is read, none is kept."""
    digests = mirrored(far).digests
    there = {one.remote.below(far) for one in listed(far)}
    with ThreadPoolExecutor(4, thread_name_prefix="tamis-verify") as pool:
        found = dict(
            zip(digests, pool.map(lambda name: sha256(far / name) if name in there else None, digests), strict=True)
        )
    wrong = [(name, "is missing") for name, digest in found.items() if digest is None]
    wrong += [
        (name, "is not what was frozen: its sha256 differs")
        for name, d in found.items()
        if d is not None and d != digests[name]
    ]
    return wrong + [(name, "was added: the manifest does not name it") for name in sorted(there - {*digests, MANIFEST})]
