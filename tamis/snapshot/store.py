"""A store: the folder that snapshots lie in, and `.tamis` within it, which knows them by name and id.

.tamis/objects/sha256/ab/<hex>  data parts by their digest; files of snapshots are other names of them
.tamis/snapshots/<hex>.json     one for every snapshot: name, version, where it lies, whether it was withdrawn
.tamis/names/<name>.json        which version a name stands for, and which it stood for before
.tamis/models  runs  holds  receipts  journal  work  lock
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tamis.data.disk import disk_errors
from tamis.data.parquet import plain
from tamis.data.storage.address import Remote, is_remote, located
from tamis.data.writer import write_json
from tamis.errors import InputError, UsageError
from tamis.runs.manifest import sha256
from tamis.snapshot import journal
from tamis.snapshot.names import ID, NAME, VERSION, told, version

FOLDER = ".tamis"


class Entry(NamedTuple):
    """A snapshot as its store knows it. `state` is live, withdrawn (an erasure took its data) or missing."""

    id: str
    name: str
    version: str
    path: Path
    created: str
    parents: tuple[str, ...]
    root: str
    rows: int
    state: str
    superseded: str | None = None
    """Id of the snapshot that took its place."""


@dataclass(frozen=True)
class Store:
    """The store at `root`, the folder that holds `.tamis`."""

    root: Path

    def named(self, path: Path) -> Path | Remote:
        """What lies at `path` in `root`, as a user would name it."""
        return path

    @property
    def inside(self) -> Path:
        """`.tamis`."""
        return self.root / FOLDER

    def make(self) -> Store:
        """Make it where it is not there. Raises OutputError."""
        with disk_errors(self.inside):
            for name in ("objects", "snapshots", "names", "models", "runs", "holds", "receipts", "journal", "work"):
                (self.inside / name).mkdir(parents=True, exist_ok=True)
        return self

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold it against other commands that change it, once what a crash left is put right."""
        with journal.locked(self.inside):
            journal.recover(self.inside)
            yield

    def work(self) -> Any:
        """A context manager that gives a `journal.Work`: a folder to work in, and `commit`."""
        return journal.work(self.inside)

    def recover(self) -> None:
        """Put right what a crash left, if anything: what was committed is carried out, the rest thrown away.

        Raises OutputError where something is to be put right and the store may not be written.
        """
        if journal.pending(self.inside):
            with self.lock():
                pass

    def object(self, digest: str) -> Path:
        """Where the object with sha256 `digest` (hexadecimal) lies, if it is there."""
        return self.inside / "objects/sha256" / digest[:2] / digest

    def holds(self, digest: str) -> bool:
        """Whether the object is there, and undamaged: it is read."""
        path = self.object(digest)
        return path.is_file() and not path.is_symlink() and sha256(path) == digest

    def snapshots(self) -> list[Entry]:
        """All snapshots, by name and version."""
        found = [self._entry(facts) for facts in self._all("snapshots")]
        return sorted(found, key=lambda e: (e.name, version(e.version).order, e.created))

    def models(self) -> list[dict[str, Any]]:
        """What was registered of models, by name."""
        return self._all("models")

    def runs(self) -> list[dict[str, Any]]:
        """The runs that snapshots were frozen from: `id` (sha256 of the manifest), `path` and `snapshots` (ids)."""
        return [{**facts, "path": str(self.place(facts["path"]))} for facts in self._all("runs")]

    def current(self, name: str) -> str | None:
        """Id of the snapshot that `name` stands for."""
        return self.history(name).get("current")

    def history(self, name: str) -> dict[str, Any]:
        """What `name` stands for (`current`), and what it stood for (`was`: id and when, the last one last)."""
        path = self.inside / "names" / f"{name}.json"
        if not NAME.fullmatch(name) or not path.is_file():
            return {}
        found = _read(path)
        if not isinstance(found, dict) or not isinstance(found.get("was", []), list):
            raise InputError(f"{path} does not say what {name} stands for; the store is damaged there")
        return found

    def entry(self, ref: str) -> Entry | None:
        """The snapshot NAME, NAME@VERSION or sha256:ID (its first 8 digits will do); None where there is none.

        Raises UsageError where several begin so.
        """
        known = self.snapshots()
        if ref.startswith("sha256:"):
            found = [e for e in known if e.id.startswith(ref)] if len(ref) >= len("sha256:") + 8 else []
            if len(found) > 1:
                raise UsageError(f"{len(found)} snapshots begin with {ref}; write more of its digits")
            return found[0] if found else None
        name, at, wanted = ref.partition("@")
        if at:
            wanted = str(version(wanted))
            return next((e for e in reversed(known) if (e.name, e.version) == (name, wanted)), None)
        current = self.current(name)
        return next((e for e in known if e.id == current), None)

    def living(self, ref: str) -> Entry | None:
        """The snapshot `ref`, or what took its place, through however many erasures; None where that has not its data."""
        entry = self.entry(ref)
        known = {e.id: e for e in self.snapshots()} if entry is not None and entry.state == "withdrawn" else {}
        while entry is not None and entry.state == "withdrawn":
            entry = known.pop(entry.superseded or "", None)  # each once: a damaged catalog may lead in a circle
        return entry if entry is not None and entry.state == "live" else None

    def resolve(self, ref: str) -> Path:
        """The folder of a snapshot by NAME, NAME@VERSION or sha256:ID. Raises InputError."""
        self.recover()
        entry = self.entry(ref)
        if entry is None:
            known = ", ".join(dict.fromkeys(f"{e.name}@{e.version}" for e in self.snapshots())) or "none"
            raise InputError(
                f"the store at {self.root} has no snapshot {ref!r}; it has {known}. --store names another store"
            )
        if entry.state == "missing":
            raise InputError(
                f"{entry.name}@{entry.version} should lie at {entry.path}, and does not; put it back, or name where it is"
            )
        return entry.path

    def write(self, work: journal.Work, what: str, name: str, facts: Mapping[str, Any]) -> journal.Step:
        """Write a catalog file anew, in `work`; the step puts it in its place."""
        staged = work.folder / f"{what}-{name}.json"
        write_json(staged, dict(facts))
        return journal.Step("move", staged, self.inside / what / f"{name}.json")

    def place(self, path: str) -> Path:
        """A path as the catalog has it: within the store it is relative to `root`. A URI becomes a path where nothing is."""
        if is_remote(path):
            return Path(path)
        return Path(os.path.normpath(self.root / path))

    def placed(self, path: Path) -> str:
        """`path` as the catalog is to have it. Raises UsageError where it is no UTF-8."""
        path, root = Path(os.path.abspath(path)), Path(os.path.abspath(self.root))
        return told(path.relative_to(root).as_posix() if root in path.parents else str(path))

    def _entry(self, facts: dict[str, Any]) -> Entry:
        path = self.place(facts["path"])
        there = (path / "snapshot.json").is_file()
        state = "missing" if not there else "withdrawn" if facts.get("superseded") else "live"
        return Entry(
            id=facts["id"],
            name=facts["name"],
            version=facts["version"],
            path=path,
            created=facts["created"],
            parents=tuple(facts["parents"]),
            root=facts["root"],
            rows=facts["rows"],
            state=state,
            superseded=facts.get("superseded"),
        )

    def _all(self, what: str) -> list[dict[str, Any]]:
        paths = sorted((self.inside / what).glob("*.json"))
        return [_shaped(path, what) for path in paths if not path.name.startswith(".")]


def find_store(place: Path | None = None) -> Store | None:
    """The store that `place` (a folder, there or not) lies in: the nearest one above, or at it; None where there is none.

    Raises InputError where there can be no such folder, its name being too long, say.
    """
    start = Path(os.path.abspath(place or Path.cwd()))
    try:
        return next((Store(folder) for folder in (start, *start.parents) if (folder / FOLDER).is_dir()), None)
    except OSError as refused:
        raise InputError(f"{str(start)[:80]!r} cannot be looked into: {refused.strerror}") from refused


def store_at(store: Path | str | Remote | None = None) -> Store:
    """The store to read from: `store`, else TAMIS_STORE, else the nearest above the working folder, else ./snapshots.

    Raises InputError where there is none.
    """
    given = store or os.environ.get("TAMIS_STORE")
    if given:
        place = located(given)
        if isinstance(place, Remote):
            # Imported here: most stores lie on a disk.
            from tamis.snapshot.store_far import far_store

            return far_store(place)
        if not (place / FOLDER).is_dir():
            raise InputError(f"there is no store at {given}: it has no {FOLDER} folder; `tamis freeze` makes one")
        return Store(place)
    found = find_store() or (Store(Path("snapshots")) if (Path("snapshots") / FOLDER).is_dir() else None)
    if found is None:
        raise InputError(
            "no store was found here or above, nor in ./snapshots; name one with --store or TAMIS_STORE, "
            "or name a snapshot by its folder"
        )
    return found


def is_ref(text: str) -> bool:
    """Whether `text` could be NAME, NAME@VERSION or sha256:ID."""
    name, _, _ = text.partition("@")
    return bool(NAME.fullmatch(name)) or ID.fullmatch(text) is not None or text.startswith("sha256:")


_SHAPES: dict[str, dict[str, Any]] = {
    "snapshots": {"id": ID, "name": NAME, "version": VERSION, "path": str, "created": str, "parents": list, "root": str}
    | {"rows": int},
    "models": {"name": NAME, "trained_on": list},
    "runs": {"id": re.compile("[0-9a-f]{64}"), "path": str, "snapshots": list},
}
"""Members of catalog files that are relied on; some become part of a path, and so are spelled as we do."""


def _shaped(path: Path, what: str) -> dict[str, Any]:
    facts = _read(path)
    for name, kind in _SHAPES[what].items():
        value = facts.get(name) if isinstance(facts, dict) else None
        fits = isinstance(value, kind) if isinstance(kind, type) else isinstance(value, str) and kind.fullmatch(value)
        if not fits or (name == "path" and "\0" in str(value)):
            raise InputError(f"{path} has no {name} as tamis writes one, but {value!r:.80}; the store is damaged there")
    return facts


def _read(path: Path) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads(plain(path).read_bytes())
    except (OSError, ValueError, RecursionError) as damage:
        raise InputError(f"{path} cannot be read ({damage}); the store is damaged there") from damage
    return facts
