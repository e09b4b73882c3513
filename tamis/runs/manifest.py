"""The last files of a run: MANIFEST.sha256 names every other one, in the format of `sha256sum -c`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from tamis.data.parquet import plain
from tamis.data.storage.address import Remote
from tamis.data.writer import write_bytes

MANIFEST = "MANIFEST.sha256"

WORKED_IN = (".work", ".work-done")
"""Folders in that of a run: where it is worked, and the same as it is thrown away."""


def seal(folder: Path, known: Mapping[str, str]) -> str:
    """Write the manifest of every file in `folder`; return its sha256. Its last line is a digest of those before.

    `known` has the sha256 of files that were hashed while they were written, by their place in the folder.
    """
    names = sorted(p.relative_to(folder).as_posix() for p in files(folder))
    body = "".join(f"{known.get(name) or sha256(folder / name)}  {name}\n" for name in names)
    return write_bytes(folder / MANIFEST, (body + closing(body)).encode()).sha256


def closing(body: str) -> str:
    """The last line of a manifest: a comment to `sha256sum`, a check on the manifest itself to us."""
    return f"# sha256 of the lines above: {hashlib.sha256(body.encode()).hexdigest()}\n"


def digests(folder: Path) -> dict[str, str]:
    """The sha256 of every file that the manifest of `folder` names, which has been verified."""
    return listed_in((folder / MANIFEST).read_text("utf-8"))


def listed_in(text: str) -> dict[str, str]:
    """The sha256 of every file that a manifest names."""
    lines = (line.split("  ", 1) for line in text.splitlines())
    return {name: digest for digest, *names in lines for name in names if not digest.startswith("#")}


def files(folder: Path) -> list[Path]:
    """Every file of a run but the manifest and the work folder. Links count as files: they are not followed."""
    found = []
    for path in folder.rglob("*"):
        inside = path.relative_to(folder).parts
        if inside[0] not in WORKED_IN and (path.is_symlink() or not path.is_dir()) and inside != (MANIFEST,):
            found.append(path)
    return found


def sha256(path: Path | Remote) -> str:
    """Hexadecimal sha256 of a file or an object. Raises OSError where it is no plain one."""
    with path.open() if isinstance(path, Remote) else plain(path).open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
