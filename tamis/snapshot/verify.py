"""Is a snapshot what was frozen? Told offline, from its folder alone.

manifest  snapshot.json, MANIFEST.sha256 and the files that are there agree; the signature, where a key is given
files     and every file has the sha256 it had
leaves    and every record has its leaf, the leaves their root; the books balance
rerun     and the recipe, carried out again on the same input, gives the same records: tamis.recipes.rerun
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from tamis.data.parquet import UNREADABLE, one_line
from tamis.data.storage.address import at, is_remote
from tamis.errors import InputError, UsageError
from tamis.runs import Finding
from tamis.runs.manifest import MANIFEST, closing, sha256
from tamis.snapshot.check_facts import SNAPSHOT, disagreements, misshapen, outside, unnamed
from tamis.snapshot.check_leaves import check_leaves
from tamis.snapshot.folder import FORMAT, Snapshot
from tamis.snapshot.jcs import canonical_json
from tamis.snapshot.store import Store, find_store
from tamis.snapshot.withdraw import WITHDRAWN, check, vouched, words

Level = Literal["manifest", "files", "leaves", "rerun"]

LEVELS: tuple[Level, ...] = get_args(Level)

SIGNATURE = "provenance.dsse.json"


@dataclass
class Verified:
    """What was looked at, and what is wrong with it. `notes` is what a reader should know although nothing is wrong."""

    path: Path
    level: Level
    id: str | None = None
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: int = 0
    records: int = 0

    @property
    def whole(self) -> bool:
        """True where nothing is wrong."""
        return not self.findings

    def wrong(self, file: str, problem: str) -> None:
        """Note that something is wrong with `file`."""
        self.findings.append(Finding(file, problem))

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "snapshot": str(self.path),
            "id": self.id,
            "level": self.level,
            "whole": self.whole,
            "files": self.files,
            "records": self.records,
            "findings": [finding._asdict() for finding in self.findings],
            "notes": self.notes,
        }


def verify(
    path: Path | str,
    level: Level = "leaves",
    *,
    id: str | None = None,
    key: Path | str | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Verified:
    """Verify the snapshot in the folder `path`, up to `level`; `rerun` is taken as `leaves` here.

    id    sha256:… as it was told on another way; without it, or a key, a folder that was made anew looks right
    key   public ed25519 key (PEM): it must be signed by that

    Raises InputError where there is no snapshot, or one of a newer tamis.
    """
    if is_remote(path):
        return _verify_far(path, level, id, key, on_progress)
    path = Path(path)
    if level not in LEVELS:
        raise UsageError(f"no level {level!r}; there are {', '.join(LEVELS)}")
    if not is_snapshot(path):
        raise InputError(f"there is no snapshot at {path}; name the folder that `tamis freeze -o` wrote")
    found = Verified(path, level)
    facts = _facts(found)
    listed = _manifest(found)
    if (path / WITHDRAWN).is_file():
        return _withdrawn(found, listed, id, key)
    there = _agree(found, facts, listed)
    _known(found, id)
    if (path / SIGNATURE).exists() or key is not None:
        _signature(found, listed, key)
    if level != "manifest":
        _files(found, listed, there)
    if level in ("leaves", "rerun") and facts is not None:
        _records(found, facts, on_progress)
    return found


def _verify_far(
    path: Path | str, level: Level, id: str | None, key: Path | str | None, on_progress: Callable[[int], None] | None
) -> Verified:
    """Of a snapshot in object storage every file is read where it lies; then a copy is looked into as any folder."""
    from tamis.snapshot.store_far import mirrored, snapshot_at, streamed

    wrong = [] if level == "manifest" else streamed(at(path))
    if wrong:
        found = Verified(mirrored(at(path)).folder, level)
        found.files = len(mirrored(at(path)).digests)
        for name, problem in wrong:
            found.wrong(name, problem)
        return found
    return verify(snapshot_at(at(path)), level, id=id, key=key, on_progress=on_progress)


def _withdrawn(found: Verified, listed: dict[str, str], id: str | None, key: Path | str | None) -> Verified:
    """What is left of a version that an erasure withdrew: its id, its root, and the records that were not erased."""
    there = _agree(found, None, listed)
    _known(found, id)
    if key is not None:
        found.findings += vouched(found.path, found.id or "", key)
    if found.level != "manifest":
        _files(found, listed, there)
    if found.level in ("leaves", "rerun"):
        try:
            found.findings += check(found.path, find_store(found.path))
            ids = Snapshot(found.path).leaves().column("record_id")
            found.records = len(ids) - ids.null_count
            found.notes.append(words(found.path))
        except (*UNREADABLE, InputError, KeyError, TypeError) as error:
            found.wrong(WITHDRAWN, f"cannot be held against what it stands for: {one_line(error)}")
    return found


def is_snapshot(path: Path) -> bool:
    """Whether `path` is, or was, the folder of a snapshot."""
    return path.is_dir() and ((path / SNAPSHOT).exists() or (path / "leaves.parquet").exists())


def _facts(found: Verified) -> dict[str, Any] | None:
    """snapshot.json, where it can be relied on. Raises InputError for one of a newer tamis."""
    place = found.path / SNAPSHOT
    if not _is_plain(place):
        found.wrong(SNAPSHOT, "is missing" if not os.path.lexists(place) else "is not a plain file")
        return None
    raw = place.read_bytes()
    try:
        facts = json.loads(raw)
        number = facts["tamis_snapshot"]
    except (ValueError, KeyError, TypeError, RecursionError):
        found.wrong(SNAPSHOT, "is not what was written: it cannot be read")
        return None
    if isinstance(number, int) and number > FORMAT:
        raise InputError(
            f"{found.path} was written by a newer tamis (format {number}, this one reads {FORMAT}); update tamis"
        )
    found.id = Snapshot(found.path).id
    if wrong := misshapen(facts):
        found.wrong(SNAPSHOT, f"is not what was written: {wrong}")
        return None
    if _spelled(facts) != raw:
        found.wrong(SNAPSHOT, "is not what was written: it is not in its one spelling (RFC 8785)")
    assert isinstance(facts, dict)
    return facts


def _spelled(facts: Any) -> bytes | None:
    try:
        return canonical_json(facts)
    except (ValueError, RecursionError):  # a number or a depth that we never write
        return None


def _manifest(found: Verified) -> dict[str, str]:
    """The digests of MANIFEST.sha256, by name; what leads out of the folder is left out."""
    place = found.path / MANIFEST
    if not _is_plain(place):
        found.wrong(MANIFEST, "is missing" if not os.path.lexists(place) else "is not a plain file")
        return {}
    try:
        text = place.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        found.wrong(MANIFEST, "cannot be read")
        return {}
    body, mark, last = text.rpartition("# ")
    if closing(body) != mark + last:
        found.wrong(MANIFEST, "is not what was written: its last line does not fit")
    listed: dict[str, str] = {}
    for line in body.splitlines():
        digest, gap, name = line.partition("  ")
        if not gap or len(digest) != 64 or name in listed:
            found.wrong(MANIFEST, f"has a line that is none of ours: {line[:80]!r}")
        elif outside(name):
            found.wrong(MANIFEST, f"names {name[:80]!r}, which is not in the folder")
        else:
            listed[name] = digest
    return listed


def _agree(found: Verified, facts: dict[str, Any] | None, listed: dict[str, str]) -> set[str]:
    """snapshot.json, the manifest and the folder, by names, sizes and digests; the files that can be opened."""
    there, openable = set(_walk(found, found.path)), set()
    for name in sorted(listed):
        if name not in there:
            found.wrong(name, "is missing")
        elif not _is_plain(found.path / name):
            found.wrong(name, "is not a plain file")
        else:
            openable.add(name)
    for name in sorted(there - listed.keys() - {MANIFEST}):
        found.wrong(name, "was added: the manifest does not name it")
    if SNAPSHOT in openable and sha256(found.path / SNAPSHOT) != listed[SNAPSHOT]:
        found.wrong(SNAPSHOT, "is not what was written: its sha256 differs")
    for file in facts["files"] if facts else ():
        name, size = file["path"], file["bytes"]
        if name not in listed:
            found.wrong(MANIFEST, f"does not name {name}, which snapshot.json does")
        elif listed[name] != file["sha256"]:
            found.wrong(MANIFEST, f"has another sha256 of {name} than snapshot.json")
        if name in openable and (found.path / name).stat().st_size != size:
            found.wrong(name, f"has {(found.path / name).stat().st_size:,} bytes, it was written with {size:,}")
    if facts:
        found.findings += [finding for finding in unnamed(facts, listed) if finding.file in there]
    found.files = len(openable)
    return openable


def _walk(found: Verified, folder: Path) -> Iterator[str]:
    """Names of all that is in the folder. Links are not followed; a linked folder is named."""
    for root, folders, names in os.walk(folder):
        for name in [*names, *(f for f in folders if (Path(root) / f).is_symlink())]:
            yield (Path(root) / name).relative_to(folder).as_posix()


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _known(found: Verified, id: str | None) -> None:
    """The id, by whoever knows it: the caller, and the store the folder is in."""
    if id is not None and found.id != id:
        found.wrong(SNAPSHOT, f"is not that of {id}: its id is {found.id}")
    store = find_store(found.path)
    entry = _entry(store, found.path) if store else None
    if entry is not None and entry != found.id:
        found.wrong(
            SNAPSHOT, f"is not that which was frozen here: the store at {store.root if store else ''} knows {entry}"
        )


def _entry(store: Store, path: Path) -> str | None:
    place = Path(os.path.abspath(path))
    return next((e.id for e in store.snapshots() if Path(os.path.abspath(e.path)) == place), None)


def _signature(found: Verified, listed: dict[str, str], key: Path | str | None) -> None:
    from tamis.snapshot.sign import check_signature

    try:
        said = check_signature(found.path / SIGNATURE, {n: d for n, d in listed.items() if n != SIGNATURE}, key)
    except InputError as wrong:
        found.wrong(SIGNATURE, str(wrong))
    else:
        found.notes.append(said)


def _files(found: Verified, listed: dict[str, str], openable: set[str]) -> None:
    for name in sorted(openable - {SNAPSHOT}):
        try:
            same = sha256(found.path / name) == listed[name]
        except OSError as error:
            found.wrong(name, f"cannot be read: {error.strerror or error}")
            continue
        if not same:
            found.wrong(name, "is not what was written: its sha256 differs")


def _records(found: Verified, facts: dict[str, Any], on_progress: Callable[[int], None] | None) -> None:
    """Every record against its leaf, the leaves against the root, and the numbers of rows."""
    if any(
        f.file == "leaves.parquet" and f.problem.startswith(("is missing", "is not a plain")) for f in found.findings
    ):
        return
    try:
        checked = check_leaves(Snapshot(found.path), on_progress)
    except (*UNREADABLE, InputError, KeyError) as error:
        found.wrong("leaves.parquet", f"cannot be read: {one_line(error)}")
        return
    found.findings += checked.findings
    found.records = checked.records
    found.findings += disagreements(facts, found.path)
    books = facts["conservation"]
    came, went = (
        books.get("in", 0) + books.get("derived", 0),
        sum(books.get(k, 0) for k in ("kept", "dropped", "quarantined", "erased")),
    )
    if came != went:
        found.wrong(SNAPSHOT, f"does not balance: {came:,} came in, {went:,} are accounted for")
    if books.get("kept", 0) != sum(facts["splits"].values()):
        found.wrong(
            SNAPSHOT, f"does not balance: {books.get('kept', 0):,} kept, {sum(facts['splits'].values()):,} in splits"
        )
