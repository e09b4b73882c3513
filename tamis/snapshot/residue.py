"""Is it gone? Values searched in every file below some folders, decompressed.

A table is searched column by column as it reads, and its footer as it stands; JSON, HTML, Markdown and all else as bytes. A
value is searched as UTF-8 and as JSON, HTML and URLs spell it; upper and lower case differ. Record ids are searched as 16
bytes in tables and as 32 hexadecimal digits everywhere. Names of files and folders are searched, too. Links are not followed.
"""

from __future__ import annotations

import gzip
import html
import json
import os
import re
import urllib.parse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from tamis.data.parquet import open_file
from tamis.schemas.rows import RECORD_ID
from tamis.snapshot.graph import Reached

CHUNK = 16 << 20
"""Bytes of a file that are searched at a time."""

SHORTEST = 3
"""Bytes of a value from which it is searched: shorter ones stand everywhere by chance."""

LONGEST = 1 << 12
"""Bytes of a value that are searched: its beginning, where it is a whole text."""

_HEX = re.compile(rb"(?<![0-9a-fA-F])[0-9a-fA-F]{32}(?![0-9a-fA-F])")


@dataclass(frozen=True)
class Left:
    """A file that still holds something: what (`value 1`, `record id`, `value 1 by name`), and in which column of a table."""

    file: str
    what: str
    column: str | None = None


@dataclass
class Residue:
    """What a search found, and how much it looked at. `unread`: files it could not look into, and why."""

    files: int
    bytes: int
    values: int
    too_short: int
    found: list[Left]
    unread: dict[str, str]


def search(roots: Iterable[Path], values: Iterable[str], gone: Reached) -> Residue:
    """Look for `values` and for the ids of `gone` in `roots`, files or folders, and in every file below these; one that has
    several names is read once."""
    wanted = list(dict.fromkeys(values))
    forms = [(f"value {k + 1}", _forms(v)) for k, v in enumerate(wanted) if len(v.encode()) >= SHORTEST]
    found = Residue(0, 0, len(forms), len(wanted) - len(forms), [], {})
    seen: set[Any] = set()
    roots = list(dict.fromkeys(Path(os.path.abspath(r)) for r in roots))
    inside = [Path(os.path.realpath(root)) for root in roots]
    for root, path in _files(roots):
        name = path.relative_to(root).as_posix().encode("utf-8", "surrogateescape")
        found.found += [Left(str(path), f"{what} by name") for what in _in_bytes(name, forms, gone)]
        if path.is_symlink():
            if not any(Path(os.path.realpath(path)).is_relative_to(root) for root in inside):
                found.unread[str(path)] = "it is a link that leads elsewhere"
            continue
        if not path.is_file():  # a FIFO or a socket holds nothing
            continue
        facts = path.stat()
        if (key := (facts.st_dev, facts.st_ino)) in seen:
            continue
        seen.add(key)
        found.files += 1
        found.bytes += facts.st_size
        try:
            found.found += [Left(str(path), *hit) for hit in _in_file(path, forms, gone)]
        except (OSError, EOFError, ValueError, pa.ArrowException) as damage:
            found.unread[str(path)] = str(damage).partition("\n")[0]
    return found


def _files(roots: Iterable[Path]) -> Iterator[tuple[Path, Path]]:
    """All that is no folder below each of `roots`, with the root."""
    for root in roots:
        if root.is_file():
            yield root.parent, root
        for folder, names, plain in os.walk(root):
            names.sort()
            links = [name for name in names if os.path.islink(os.path.join(folder, name))]
            yield from ((root, Path(folder) / name) for name in sorted([*plain, *links]))


def _forms(value: str) -> list[bytes]:
    """How a value may be spelled, each once."""
    head = value.encode()[:LONGEST].decode("utf-8", "ignore")
    spelled = [
        head,
        json.dumps(head, ensure_ascii=False)[1:-1],
        json.dumps(head)[1:-1],
        html.escape(head),
        urllib.parse.quote(head, safe=""),
        urllib.parse.quote_plus(head),
        urllib.parse.quote(head),
    ]
    return [s.encode() for s in dict.fromkeys(spelled)]


def _in_file(path: Path, forms: list[tuple[str, list[bytes]]], gone: Reached) -> Iterator[tuple[str, str | None]]:
    with path.open("rb") as file:
        head = file.read(4)
        if head == b"PAR1":
            yield from _in_table(path, forms, gone)
            file.seek(-8, os.SEEK_END)
            size = int.from_bytes(file.read(4), "little")
            file.seek(-8 - size, os.SEEK_END)
            yield from ((what, "footer") for what in _in_bytes(file.read(size), forms, gone))
            return
    with _opened(path, head) as stream:
        yield from ((what, None) for what in dict.fromkeys(_in_stream(stream, forms, gone)))


def _opened(path: Path, head: bytes) -> Any:
    if head[:2] == b"\x1f\x8b":
        return gzip.open(path)
    if head == b"\x28\xb5\x2f\xfd":
        import zstandard

        return zstandard.open(path, "rb")
    if head[:3] == b"BZh":
        import bz2

        return bz2.open(path)
    if head == b"\xfd7zX":
        import lzma

        return lzma.open(path)
    return path.open("rb")


def _in_stream(stream: Any, forms: list[tuple[str, list[bytes]]], gone: Reached) -> Iterator[str]:
    """What stands in a stream; pieces overlap by as much as a value is long."""
    before = b""
    while piece := stream.read(CHUNK):
        yield from _in_bytes(before + piece, forms, gone)
        before = piece[-6 * LONGEST :]


def _in_bytes(data: bytes, forms: list[tuple[str, list[bytes]]], gone: Reached) -> Iterator[str]:
    for what, spelled in forms:
        if any(form in data for form in spelled):
            yield what
    ids = [bytes.fromhex(m.group().decode()) for m in _HEX.finditer(data)]
    if ids and gone.holds(pa.array(ids, RECORD_ID)).any():
        yield "record id"


def _in_table(path: Path, forms: list[tuple[str, list[bytes]]], gone: Reached) -> Iterator[tuple[str, str]]:
    hits: dict[tuple[str, str], None] = {}
    with open_file(path) as file:
        for batch in file.iter_batches(1 << 14):
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                for leaf in _leaves(column):
                    hits.update(dict.fromkeys((what, name) for what in _in_column(leaf, forms, gone)))
    yield from hits


def _leaves(column: pa.Array) -> Iterator[pa.Array]:
    """The flat columns within a column."""
    if pa.types.is_dictionary(column.type):
        yield from _leaves(column.dictionary)
    elif pa.types.is_struct(column.type):
        for part in column.flatten():
            yield from _leaves(part)
    elif isinstance(column, pa.ExtensionArray):
        yield from _leaves(column.storage)
    elif pa.types.is_map(column.type):
        yield from _leaves(column.keys)
        yield from _leaves(column.items)
    elif pa.types.is_nested(column.type):
        yield from _leaves(column.flatten())
    else:
        yield column


def _in_column(column: pa.Array, forms: list[tuple[str, list[bytes]]], gone: Reached) -> Iterator[str]:
    kind = column.type
    if kind == RECORD_ID:
        if gone.holds(column).any():
            yield "record id"
        return
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    if not is_text and not pa.types.is_binary(kind) and not pa.types.is_large_binary(kind):
        return
    series: Any = pl.from_arrow(column)
    for what, spelled in forms:
        if any(_holds(series, form, is_text) for form in spelled):
            yield what
    if is_text:
        ids = series.str.extract_all("[0-9a-fA-F]{32}").explode().drop_nulls().str.decode("hex")
        if len(ids) and gone.holds(ids.to_arrow().cast(pa.binary()).cast(RECORD_ID)).any():
            yield "record id"


def _holds(series: Any, form: bytes, is_text: bool) -> bool:
    hits = series.str.contains(form.decode(), literal=True) if is_text else series.bin.contains(form)
    return bool(hits.any())
