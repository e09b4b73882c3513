"""Rows from files and frames to the four kinds, and back."""

from tamis.data.block import BAD, Block
from tamis.data.frames import read_frame, restore, spool
from tamis.data.inputs import InputFile, find
from tamis.data.reading import Fragment, Reading, fragments, read, recognise
from tamis.data.shapes import Recognised
from tamis.data.writer import FileDigest, write_bytes, write_json, write_parquet

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
