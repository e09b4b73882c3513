"""A dataset as evidence: frozen, content-addressed, verifiable offline."""

from tamis.snapshot.folder import Snapshot, open_snapshot
from tamis.snapshot.freeze import freeze
from tamis.snapshot.store import Entry, Store, store_at

__all__ = ["Entry", "Snapshot", "Store", "freeze", "open_snapshot", "store_at"]
