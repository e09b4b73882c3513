"""How much memory a run may take, and how large its tasks are cut to stay within it."""

from __future__ import annotations

from typing import NamedTuple

from tamis.engine.desk import SHARE
from tamis.engine.executor import Apart, Engine
from tamis.errors import UsageError

PARTITION = 16 << 20
"""Bytes of input a task takes, unless told otherwise. Nothing but time and memory depends on it."""

BASE = 160 << 20
"""Bytes of the interpreter, its libraries and the compiled kernels."""

LEAST = 8 << 20
"""Bytes for which a task is still worth its start."""

PER_BYTE = 6
"""Bytes of memory for each byte of input a task takes: blocks, rows, shared columns, sketches (measured: 4 to 5)."""

PER_SHARE = 4
"""Bytes a task of an exchange takes for each byte of its share: what it reads, sorts and writes."""


def for_fewer(memory: int, workers: int, fewer: int) -> int:
    """Bytes that leave each of `fewer` workers what `memory` leaves each of `workers`: the base is there once, for any number."""
    return BASE + (memory - BASE) * fewer // workers


class Budget(NamedTuple):
    """Bytes of input a task takes, and bytes that one task of an exchange should hold."""

    partition: int = PARTITION
    share: int = SHARE

    @property
    def task(self) -> int:
        """Bytes that a process takes which carries out one task after another."""
        return BASE + max(self.partition * PER_BYTE, self.share * PER_SHARE)

    @classmethod
    def of(cls, memory: int | None, engine: Engine, apart: bool = False) -> Budget:
        """What fits in `memory` bytes with the workers of `engine`; None: the defaults. Raises UsageError.

        apart  whether workers are processes of their own, each with an interpreter and libraries
        """
        if memory is None:
            return cls()
        workers, base = getattr(engine, "workers", 1), BASE
        if isinstance(engine, Apart):  # each worker is a process that loads everything, as the driver does
            workers = engine.abreast()
            base += workers * BASE
        each = (memory - base) // workers
        if each < LEAST * PER_BYTE:
            least = base + LEAST * PER_BYTE * workers
            by, mend = (
                ("1 worker", "") if workers == 1 else (f"{workers:,} workers", ", or fewer workers with --workers")
            )
            raise UsageError(
                f"a memory budget of {memory:,} bytes is too small for {by}; name at least {least:,} bytes{mend}"
            )
        if apart:
            each = max(LEAST * PER_BYTE, (memory - BASE * (1 + workers)) // workers)
        return cls(min(PARTITION, each // PER_BYTE), min(4 * SHARE, each // PER_SHARE))
