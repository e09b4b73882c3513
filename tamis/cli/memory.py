"""Memory given back soon after it is free: a command line's process is ours to tune, a library's is not."""

from __future__ import annotations

import contextlib

_DECAY = 50
"""Milliseconds. At 0 a run spent a fifth of its CPU on pages taken back and asked for again."""


def give_back() -> None:
    """Let Arrow return free memory to the system soon; by default it keeps much of it for as long as it runs."""
    import pyarrow as pa

    with contextlib.suppress(NotImplementedError):  # a build of Arrow without jemalloc
        pa.set_memory_pool(pa.jemalloc_memory_pool())
        pa.jemalloc_set_decay_ms(_DECAY)
