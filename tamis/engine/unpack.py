"""Compressed input, unpacked to disk before it is read.

A compressed stream can only be read from its beginning. Unpacked, it is cut like any other file: many workers share it, a
resume goes on within it, and what a task holds in memory does not grow with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tamis.data import Fragment, InputFile, fragments
from tamis.data.compressed import PIECE, Broken, unpacked
from tamis.data.disk import disk_errors
from tamis.engine.work import Work

GROUP = "unpacked"
PREFIX = 4096
"""As much of a line that is cut off as is kept."""


class UnpackTask(NamedTuple):
    """One compressed file. Of lines of more than `max_record` bytes, which are refused unread, only the room is kept."""

    work: Work
    number: int
    file: InputFile
    max_record: int


def run_unpack(task: UnpackTask) -> dict[str, Any]:
    """Unpack one file, unless that is done; return its completion record: bytes, and where and how it is damaged."""
    if (done := task.work.done(GROUP, task.number)) is not None:
        return done
    path = task.work.temporary(GROUP, task.number, "jsonl")
    size = line = 0
    tail, damage = b"", None
    with disk_errors(path), task.file.path.open("rb") as packed, path.open("wb") as out:
        pieces = unpacked(packed, task.file.compression)  # type: ignore[arg-type]
        while True:
            try:
                piece = next(pieces, None)
            except Broken as broken:
                damage = f"{broken}, at byte {size:,} of what it unpacks to"
                break
            except OSError as error:
                damage = f"reading stopped: {error.strerror or error}, at byte {size:,} of what it unpacks to"
                break
            if piece is None:
                break
            newline = piece.rfind(b"\n")
            if newline < 0 and size - line > task.max_record + PIECE:
                out.seek(len(piece), 1)  # a hole: nobody will look at these bytes, and a bomb is full of them
            else:
                out.write(piece)
            tail = piece[newline + 1 :][:PREFIX] if newline >= 0 else (tail + piece[:PREFIX])[:PREFIX]
            line = size + newline + 1 if newline >= 0 else line
            size += len(piece)
        size = line if damage else size
        out.truncate(size)
    facts = {"bytes": size, "damage": damage, "tail": tail.hex() if damage else ""}
    return task.work.finish(GROUP, task.number, {"jsonl": path}, facts)


def cut(work: Work, files: Sequence[InputFile], records: Sequence[dict[str, Any]], size: int) -> Iterator[Fragment]:
    """Fragments of about `size` bytes of all `files`; `records` are those of the compressed ones, in order."""
    of_packed = iter(enumerate(records))
    for file in files:
        if file.compression is None:
            yield from fragments(file, size)
            continue
        number, record = next(of_packed)
        plain = file._replace(path=work.lies(GROUP, number, "jsonl"), bytes=record["bytes"], compression=None)
        yield from fragments(plain, size) if plain.bytes or not record["damage"] else ()
        if record["damage"]:
            tail = bytes.fromhex(record["tail"])
            yield Fragment(plain, plain.bytes, plain.bytes, plain.bytes, record["damage"], tail)
