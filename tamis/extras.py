"""Libraries behind an extra: `with extra("ray"): import ray`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tamis.errors import ExtraMissing


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Turn a failed import inside the block into a sentence that names the extra to install."""
    try:
        yield
    except ModuleNotFoundError as missing:
        raise ExtraMissing(f"{missing.name!r} is not installed; run: pip install 'tamis[{name}]'") from missing
