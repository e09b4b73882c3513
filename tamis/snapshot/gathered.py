"""Rows of bytes, taken as they come and put in order: each is held once, but for a block of them."""

from __future__ import annotations

import numpy as np

BLOCK = 1 << 18
"""Rows of a block."""


class Gathered:
    """Rows of `width` bytes."""

    def __init__(self, width: int) -> None:
        self.width, self.rows = width, 0
        self._blocks: list[np.ndarray] = []

    def add(self, rows: np.ndarray) -> None:
        """Take rows (n, width) uint8."""
        while len(rows):
            room = len(self._blocks) * BLOCK - self.rows
            if not room:
                self._blocks.append(np.empty((BLOCK, self.width), np.uint8))
                room = BLOCK
            self._blocks[-1][BLOCK - room : BLOCK - room + len(rows)] = rows[:room]
            self.rows += min(room, len(rows))
            rows = rows[room:]

    def whole(self) -> np.ndarray:
        """All rows, as they came: (n, width) uint8."""
        found: np.ndarray = np.concatenate([np.empty((0, self.width), np.uint8), *self._blocks])[: self.rows]
        return found

    def given_up(self, place: np.ndarray) -> np.ndarray:
        """All rows, each at its `place` (n,) int64: (n, width) uint8. They are not here afterwards."""
        # As one value each: a row is then copied as a whole, and not byte by byte.
        out = np.empty(self.rows, np.dtype((np.void, self.width)))
        for start in range(0, self.rows, BLOCK):
            here = place[start : start + BLOCK]
            out[here] = self._blocks.pop(0).view(out.dtype).reshape(-1)[: len(here)]
        self.rows = 0
        return out.view(np.uint8).reshape(-1, self.width)
