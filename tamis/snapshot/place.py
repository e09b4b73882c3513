"""Which store is meant: by a snapshot in it, by its folder, or by where one stands."""

from __future__ import annotations

from pathlib import Path

from tamis.data.storage.address import Remote, at, is_remote, located
from tamis.errors import InputError
from tamis.snapshot.folder import Snapshot, open_snapshot
from tamis.snapshot.store import FOLDER, Store, find_store, is_ref, store_at


def opened(ref: str | None, store: Path | str | None = None) -> tuple[Snapshot | None, Store]:
    """The snapshot `ref` (folder, NAME, NAME@VERSION, sha256:ID) and its store; `ref` may be the folder of a store, or None.

    Raises InputError where there is no such thing, or the snapshot is in no store.
    """
    if is_remote(ref) or (is_remote(store) and (ref is None or is_ref(ref))):
        return _opened_far(ref, store)
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


def _opened_far(ref: str | None, store: Path | str | None) -> tuple[Snapshot | None, Store]:
    """As `opened`, of a store in object storage: all its snapshots are copied."""
    from tamis.snapshot.store_far import far_store, is_store, store_above

    named = located(ref) if ref is not None else None
    within = named if isinstance(named, Remote) and not is_store(named) else None
    given = at(store) if is_remote(store) and store else None
    far = store_above(within, given) if within else at(str(ref)) if isinstance(named, Remote) else given
    assert far is not None
    place = far_store(far)
    for entry in place.snapshots():
        if entry.state != "missing":
            place.bring(entry.path)
    if ref is None or named == place.far:
        return None, place
    if within is not None:
        return open_snapshot(place.root / within.key[len(place.far.key) :].lstrip("/"), place.root), place
    return open_snapshot(ref, place.root), place


def _is_store(path: Path) -> bool:
    try:
        return (path / FOLDER).is_dir()
    except OSError:  # a name that is too long for any file
        return False
