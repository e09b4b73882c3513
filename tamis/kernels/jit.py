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

HERE = Path(__file__).parent

_config: Any = numba.config


def njit(**options: Any) -> Callable[[Any], Any]:
    """As `numba.njit(**options)`."""

    def decorate(function: Any) -> Any:
        with _cached_in(_folder(Path(function.__code__.co_filename))):
            return numba.njit(**options)(function)

    return decorate


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
