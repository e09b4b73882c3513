"""Memory given back soon after it is free: a command line's process is ours to tune, a library's is not."""

from __future__ import annotations

import contextlib
import os
import sys

_DECAY = 50
"""Milliseconds. At 0 a run spent a fifth of its CPU on pages taken back and asked for again."""

_NAMED = "ARROW_DEFAULT_MEMORY_POOL"


def one_pool() -> None:
    """Let all of Arrow allocate from one arena of jemalloc; what the user has set stays. Called before pyarrow is imported.

    pyarrow.set_memory_pool reaches what pyarrow asks for. What Arrow asks for itself, as the pages of a Parquet file, comes
    from the pool that the environment names when it is loaded, and by default that one keeps what is free: 60 of the 215 MB of
    near-duplicates by two workers. An arena for each thread would be as many heaps; Arrow's buffers are few and large.
    """
    if sys.platform == "linux" and "pyarrow" not in sys.modules and _NAMED not in os.environ:
        os.environ[_NAMED] = "jemalloc"
        os.environ.setdefault("JE_ARROW_MALLOC_CONF", "narenas:1")


def give_back() -> None:
    """Let Arrow return free memory to the system soon; by default it keeps much of it for as long as it runs."""
    import pyarrow as pa

    if os.environ.get(_NAMED, "jemalloc") == "jemalloc":
        with contextlib.suppress(NotImplementedError):  # a build of Arrow without jemalloc
            pa.set_memory_pool(pa.jemalloc_memory_pool())
            pa.jemalloc_set_decay_ms(_DECAY)
