"""Folders of this machine for what lies elsewhere: scratch of runs, copies of what was read."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from tamis.data.disk import disk_errors
from tamis.data.storage.address import Remote
from tamis.data.storage.environment import endpoint

WEEK = 7 * 24 * 3600.0
"""Seconds."""


def scratch_of(remote: Remote) -> Path:
    """Where this machine works on what will lie at `remote`: in TAMIS_SCRATCH, else in the system's temporary folder.

    Two servers may have buckets of one name, and what is begun at one would be thrown away for the other.
    """
    base = os.environ.get("TAMIS_SCRATCH") or Path(tempfile.gettempdir(), f"tamis-{os.getuid()}")
    with disk_errors(Path(base)):
        Path(base).mkdir(parents=True, exist_ok=True, mode=0o700)
    named = f"{endpoint(remote.scheme) or ''} {remote}"
    return Path(base, hashlib.sha256(named.encode("utf-8", "surrogateescape")).hexdigest()[:32])


def sweep(kept: Path) -> None:
    """Remove what runs of other nodes left beside `kept`: what nobody wrote to for a week is there to be fetched again."""
    for folder in kept.parent.glob("[0-9a-f]" * 32):
        with suppress(OSError):
            if folder != kept and time.time() - (folder / ".work").stat().st_mtime > WEEK:
                shutil.rmtree(folder, ignore_errors=True)


def cache() -> Path:
    """Where copies are kept: TAMIS_CACHE, else tamis in XDG_CACHE_HOME, else ~/.cache/tamis. Everything in it may be deleted."""
    if named := os.environ.get("TAMIS_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "tamis"
