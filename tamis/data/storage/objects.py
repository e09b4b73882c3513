"""Objects listed, put, fetched and deleted. An object is there whole or not at all: there is no renaming, and none is needed."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from tamis.data.disk import disk_errors
from tamis.data.storage.address import Remote
from tamis.data.storage.connection import filesystem
from tamis.data.storage.refusals import Verb, storage_errors
from tamis.errors import InputError, OutputError

PIECE = 4 << 20
"""Bytes that a file is put and fetched by."""


class Stored(NamedTuple):
    """An object as a listing has it. modified: nanoseconds since 1970 by the clock of the storage"""

    remote: Remote
    bytes: int
    modified: int


def stored(remote: Remote) -> Stored | None:
    """The object `remote`, None where there is none of exactly this name. Raises InputError."""
    with storage_errors(remote, "read"):
        found = filesystem(remote.scheme).get_file_info(remote.inside)
    return _stored(remote.scheme, found) if found.is_file else None


def listed(prefix: Remote, verb: Verb = "list") -> list[Stored]:
    """All objects below `prefix` (it/…), by key; empty where there are none.

    verb  "write" where something is to be put there

    Raises InputError, OutputError for "write".
    """
    from pyarrow.fs import FileSelector

    with storage_errors(prefix, verb):
        found = filesystem(prefix.scheme).get_file_info(
            FileSelector(prefix.inside, recursive=True, allow_not_found=bool(prefix.key))
        )
    return sorted(_stored(prefix.scheme, one) for one in found if one.is_file)


def _stored(scheme: str, found: Any) -> Stored:
    bucket, _, key = found.path.partition("/")
    return Stored(Remote(scheme, bucket, key), int(found.size), int(found.mtime_ns or 0))


def native(remote: Remote) -> Any:
    """The object as Arrow reads it, by ranges. Raises FileNotFoundError, or InputError where the storage refuses."""
    with storage_errors(remote, "read"):
        return filesystem(remote.scheme).open_input_file(remote.inside)


def put(remote: Remote, data: bytes) -> None:
    """Put `data` as the object `remote`, in one step as others see it. Raises OutputError."""
    with (
        storage_errors(remote, "write"),
        filesystem(remote.scheme).open_output_stream(remote.inside, compression=None) as stream,
    ):
        stream.write(data)


def put_file(remote: Remote, path: Path) -> None:
    """Put the file at `path` as the object `remote`, in one step as others see it: small ones by one PUT, large ones in parts
    that are made one at the end. Raises OutputError.
    """
    with open(path, "rb") as file, storage_errors(remote, "write"):
        try:
            _put_open(remote, file)
        except OSError as refused:
            # What makes parts one was heard, and the answer was lost: asked again, the storage knows of no such parts.
            if "NO_SUCH_UPLOAD" not in str(refused):
                raise
            file.seek(0)
            _put_open(remote, file)
        size = os.fstat(file.fileno()).st_size
    there = stored(remote)
    if there is None or there.bytes != size:
        raise OutputError(
            f"{remote} was put with {size:,} bytes and has {there.bytes if there else 0:,}: something else writes there too; "
            "choose another place with -o"
        )


def _put_open(remote: Remote, file: BinaryIO) -> None:
    stream = filesystem(remote.scheme).open_output_stream(remote.inside, compression=None)
    try:
        while piece := file.read(PIECE):
            stream.write(piece)
    except BaseException:
        # Arrow closes what it lets go of, and what is closed is an object, of half a file: closed here, so that nothing that
        # comes later is undone by it. Whoever reads knows the digest of the whole.
        with suppress(OSError):
            stream.close()
        raise
    stream.close()


def fetch(remote: Remote, path: Path, sha256: str | None = None) -> Path:
    """Copy the object to `path`, which is there whole or not at all; return `path`.

    Raises FileNotFoundError, and InputError where the storage refuses or the bytes are not those of `sha256`.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    digest = hashlib.sha256()
    try:
        with remote.open() as source, disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(temporary, "wb") as target:
                while piece := source.read(PIECE):
                    digest.update(piece)
                    target.write(piece)
            if sha256 is not None and digest.hexdigest() != sha256:
                raise InputError(
                    f"{remote} is not what was written: its sha256 is {digest.hexdigest()[:12]}…, "
                    f"{sha256[:12]}… was wanted; put it back, or make it anew"
                )
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def brought(place: Path | Remote, folder: Path) -> Path:
    """`place` itself, or a copy of the object in `folder`. Raises as `fetch` does."""
    return place if isinstance(place, Path) else fetch(place, folder / place.digest / place.name)


def clear(prefix: Remote) -> None:
    """Delete all objects below `prefix`, where that may be done: nothing depends on it.

    Arrow leaves an empty object in the place of the folder above, as other programs do that think in folders.
    """
    with suppress(OSError):
        filesystem(prefix.scheme).delete_dir(prefix.inside)
