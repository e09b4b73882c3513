"""Which version a name stands for: changed by hand, to go back or forth."""

from __future__ import annotations

from tamis.errors import InputError, UsageError
from tamis.snapshot.freeze import use
from tamis.snapshot.names import is_version
from tamis.snapshot.store import Entry, Store


def use_version(store: Store, ref: str) -> Entry:
    """Let the name of the snapshot `ref` (NAME@VERSION or sha256:ID) stand for it. Raises InputError or UsageError."""
    store.recover()
    if "@" not in ref and not ref.startswith("sha256:"):
        if is_version(ref):
            raise UsageError(f"{ref} of which name? write NAME@{ref}; `tamis snapshots list` has all")
        raise UsageError(f"which version of {ref!r}? write {ref}@1.0.0; `tamis snapshots list {ref}` has all")
    store.resolve(ref)
    with store.work() as work, store.lock():
        entry = store.entry(ref)
        assert entry is not None
        if entry.state == "withdrawn":
            raise InputError(f"{entry.name}@{entry.version} was withdrawn by an erasure, and cannot be gone back to")
        if store.current(entry.name) != entry.id:
            work.commit([use(store, work, entry.name, entry.id)])
    return entry
