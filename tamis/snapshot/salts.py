"""Salts of a new version: a record that is as it was keeps its own, so its leaf is the same; any other gets a new one."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from tamis.snapshot.canonical import Canonical
from tamis.snapshot.folder import Snapshot
from tamis.snapshot.leaves import fixed, leaves_of, numbers, places


@dataclass(frozen=True)
class Salts:
    """Salts and leaves of the version before.

    ids     (n, 2) uint64, ascending
    salts   (n, 16) uint8
    leaves  (n, 32) uint8
    """

    ids: np.ndarray
    salts: np.ndarray
    leaves_before: np.ndarray

    @classmethod
    def of(cls, snapshot: Snapshot | None) -> Salts:
        """Those of `snapshot`, without its tombstones; None: none."""
        if snapshot is None:
            return cls(np.empty((0, 2), np.uint64), np.empty((0, 16), np.uint8), np.empty((0, 32), np.uint8))
        table = snapshot.leaves()
        table = table.filter(table.column("record_id").is_valid())
        return cls(
            numbers(fixed(table.column("record_id"), 16)),
            fixed(table.column("salt"), 16),
            fixed(table.column("leaf"), 32),
        )

    def leaves(self, ids: np.ndarray, records: Canonical) -> tuple[np.ndarray, np.ndarray]:
        """Salts (n, 16) and leaves (n, 32) of `records`, whose ids are (n, 16) uint8."""
        salts = np.frombuffer(os.urandom(16 * len(ids)), np.uint8).reshape(-1, 16)
        at = places(self.ids, numbers(ids))
        known = at >= 0
        if known.any():
            salts = np.where(known[:, None], self.salts[at], salts)
        leaves = leaves_of(records, salts)
        # A salt is used for one content only: two leaves under one salt would tell whether a guess fits both.
        changed = known & (leaves != self.leaves_before[at]).any(axis=1) if known.any() else np.zeros(len(ids), bool)
        if changed.any():
            salts = np.where(
                changed[:, None], np.frombuffer(os.urandom(16 * len(ids)), np.uint8).reshape(-1, 16), salts
            )
            leaves = leaves_of(records, salts)
        return salts, leaves
