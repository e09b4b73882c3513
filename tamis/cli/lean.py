"""Start-up that a command does without: its process is ours to tune. For commands that run nobody else's code."""

from __future__ import annotations

import atexit
import gc
import sys
from pathlib import Path
from typing import Any

_OFTEN = 100_000
"""Containers made before Python looks for circles among them. At its own 700, it took 0.5 s of a freeze: imports make many."""


def lean() -> None:
    """Let Python look for circles seldom, pyarrow do without pandas, and numba without scipy."""
    gc.set_threshold(_OFTEN)
    atexit.register(gc.freeze)  # else Python looks through all modules, three times, before it ends: 0.3 s
    if _NoScipy not in sys.meta_path:
        sys.meta_path.insert(0, _NoScipy)
    if "pandas" in sys.modules:
        return
    # pyarrow imports pandas, where it is installed, when it is first given a value of Python: 0.35 s to know that a list is
    # no Series. It asks once: what it is told then is that there is none.
    sys.meta_path.insert(0, _NoPandas)
    try:
        import pyarrow as pa

        pa.array([True])
    finally:
        sys.meta_path.remove(_NoPandas)


def lean_for(run: Path) -> None:
    """As `lean`, unless the run has stages of the user's own, or lies elsewhere and may have."""
    if run.is_dir() and not (run / "stages").exists():
        lean()


class _NoPandas:
    """Finds that pandas is not installed."""

    @staticmethod
    def find_spec(name: str, path: object, target: object = None) -> None:
        """As importers are asked. Raises ImportError for pandas; None: another may know it."""
        if name == "pandas":
            raise ImportError(name)


class _NoScipy:
    """Has numba find no scipy where it first asks, for the sake of np.correlate, which no kernel calls: 0.2 s, and a thread.

    It asks when it loads its first kernel. np.dot and all else ask again where they are compiled, and find it.
    """

    @staticmethod
    def find_spec(name: str, path: object, target: object = None) -> None:
        """As importers are asked, before the file that asks is loaded. None: another may know it."""
        if name == "numba.np.arraymath":
            from numba.np import linalg

            asked: Any = linalg.ensure_blas

            def deny() -> None:
                linalg.ensure_blas = asked
                raise ImportError("scipy.linalg")

            linalg.ensure_blas = deny
