"""Which store is meant: by a snapshot in it, by its folder, or by where one stands."""

from __future__ import annotations

from pathlib import Path

from tamis.errors import InputError
from tamis.snapshot.folder import Snapshot, open_snapshot
from tamis.snapshot.store import FOLDER, Store, find_store, store_at


def opened(ref: str | None, store: Path | str | None = None) -> tuple[Snapshot | None, Store]:
    """The snapshot `ref` (folder, NAME, NAME@VERSION, sha256:ID) and its store; `ref` may be the folder of a store, or None.

    Raises InputError where there is no such thing, or the snapshot is in no store.
    """
    if ref is None or _is_store(Path(ref)):
        found = store_at(ref or store)
        found.recover()
        return None, found
    snapshot = open_snapshot(ref, store)
    place = Store(Path(store)) if store else find_store(snapshot.path)
    entry = place.entry(snapshot.id) if place else None
    if place is None or entry is None:
        raise InputError(f"{snapshot.path} is in no store here; name its store with --store")
    return snapshot, place


def _is_store(path: Path) -> bool:
    try:
        return (path / FOLDER).is_dir()
    except OSError:  # a name that is too long for any file
        return False
