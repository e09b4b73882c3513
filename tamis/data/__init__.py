"""Rows from files and frames to the four kinds, and back."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tamis.data.block import BAD, Block
    from tamis.data.frames import read_frame, restore, spool
    from tamis.data.inputs import InputFile, find
    from tamis.data.reading import Fragment, Reading, fragments, read, recognise
    from tamis.data.shapes import Recognised
    from tamis.data.writer import FileDigest, write_bytes, write_json, write_parquet

_HOME = {
    "BAD": "tamis.data.block",
    "Block": "tamis.data.block",
    "FileDigest": "tamis.data.writer",
    "Fragment": "tamis.data.reading",
    "InputFile": "tamis.data.inputs",
    "Reading": "tamis.data.reading",
    "Recognised": "tamis.data.shapes",
    "find": "tamis.data.inputs",
    "fragments": "tamis.data.reading",
    "read": "tamis.data.reading",
    "read_frame": "tamis.data.frames",
    "recognise": "tamis.data.reading",
    "restore": "tamis.data.frames",
    "spool": "tamis.data.frames",
    "write_bytes": "tamis.data.writer",
    "write_json": "tamis.data.writer",
    "write_parquet": "tamis.data.writer",
}

__all__ = [
    "BAD",
    "Block",
    "FileDigest",
    "Fragment",
    "InputFile",
    "Reading",
    "Recognised",
    "find",
    "fragments",
    "read",
    "read_frame",
    "recognise",
    "restore",
    "spool",
    "write_bytes",
    "write_json",
    "write_parquet",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: whoever only writes files needs no kernels, which take 0.7 s to import."""
    if name not in _HOME:
        raise AttributeError(f"module 'tamis.data' has no attribute {name!r}")
    found = getattr(import_module(_HOME[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
