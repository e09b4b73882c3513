"""Kernels compiled once and kept: `numba.njit`, with a cache that notices when any kernel changes.

numba looks at the file of a function alone: a kernel that calls one of another file would go on with the old one after an
edit or an upgrade. Here the place of the cache depends on the file and on all kernels that it imports.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache
from numba.core.runtime.nrt import rtsys

HERE = Path(__file__).parent

_config: Any = numba.config


def njit(**options: Any) -> Callable[[Any], Any]:
    """As `numba.njit(**options)`."""

    def decorate(function: Any) -> Any:
        kernel = numba.njit(**{name: given for name, given in options.items() if name != "cache"})(function)
        if options.get("cache"):
            with _cached_in(_folder(Path(function.__code__.co_filename))):
                kernel._cache = _Kept(function)
        return kernel

    return decorate


class _Kept(FunctionCache):
    """numba's cache, but what is kept is loaded without what only a compiler needs.

    Before it looks, numba's own has its compiler learn all types and functions it can lower: 0.12 s and 14 MB of every process.
    What is kept is machine code, and wants the runtime alone. Where nothing is kept numba compiles, and learns them first.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """As FunctionCache does."""
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)


@cache
def _folder(file: Path) -> str:
    """Where the compiled kernels of `file` lie: under NUMBA_CACHE_DIR where that is set, else beside their source."""
    digest = hashlib.sha256()
    for path in sorted({file, HERE / "jit.py", *_imported(file)}):
        digest.update(path.name.encode() + path.read_bytes())
    return str(Path(_config.CACHE_DIR or HERE / "__pycache__") / f"kernels-{digest.hexdigest()[:12]}")


@cache
def _imported(file: Path) -> frozenset[Path]:
    """Kernel files that `file` imports, and those that they import."""
    names = re.findall(r"^\s*from tamis\.kernels\.(\w+) import", file.read_text(encoding="utf-8"), re.MULTILINE)
    direct = {HERE / f"{name}.py" for name in names}
    return frozenset(direct.union(*map(_imported, direct)))


@contextmanager
def _cached_in(folder: str) -> Iterator[None]:
    """numba's own setting belongs to whoever else uses numba: it is put back."""
    before, _config.CACHE_DIR = _config.CACHE_DIR, folder
    try:
        yield
    finally:
        _config.CACHE_DIR = before
