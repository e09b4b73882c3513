"""The files a run reads: found, named and told apart by what is in them.

    find(["data", "more/*.jsonl.gz", "-"], scratch)

A place may be a URI in object storage, s3://bucket/prefix: objects are read where they lie. A file has a logical name: its path
within the folder or glob it was found by, or just its own name. Names and order are the same wherever the folder lies.
"""

from __future__ import annotations

import glob
import hashlib
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, BinaryIO, Literal, NamedTuple

from tamis.data.compressed import Compression, compression
from tamis.data.disk import disk_errors
from tamis.data.storage.address import Remote, located
from tamis.data.writer import replacing
from tamis.errors import InputError

if TYPE_CHECKING:
    from tamis.data.storage.objects import Stored

SUFFIXES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz", ".jsonl.zst", ".ndjson.zst", ".parquet")
"""What is taken from a folder. A file that is named itself, or by a glob, may have any name."""

_HEAD = 4096

_RUN = frozenset({"run.json", "fates.parquet", "MANIFEST.sha256"})
"""A folder that holds these is a run: of it, the data are taken."""

_STRANGE = (
    (b"PARE", "an encrypted Parquet file", "write it without encryption"),
    (b"ARROW1", "an Arrow IPC (Feather) file", "read it with pyarrow.feather and write Parquet"),
    (b"ORC", "an ORC file", "read it with pyarrow.orc and write Parquet"),
    (b"Obj\x01", "an Avro file", "convert it to Parquet or JSON Lines"),
    (b"PK\x03\x04", "a zip archive", "unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first"),
    (b"%PDF-", "a PDF", "extract its text to JSON Lines"),
    (b"SQLite format 3\x00", "an SQLite database", "export the table to JSON Lines"),
    (b"\x00\x00\xfe\xff", "UTF-32 text", "convert it to UTF-8: iconv -f UTF-32 -t UTF-8"),
    (b"\xff\xfe\x00\x00", "UTF-32 text", "convert it to UTF-8: iconv -f UTF-32 -t UTF-8"),
    (b"\xff\xfe", "UTF-16 text", "convert it to UTF-8: iconv -f UTF-16 -t UTF-8"),
    (b"\xfe\xff", "UTF-16 text", "convert it to UTF-8: iconv -f UTF-16 -t UTF-8"),
    (b"WARC/", "a web archive (WARC)", "extract its pages to JSON Lines"),
)
"""How files begin that are often taken for JSON Lines, what they are, and what to do."""


class InputFile(NamedTuple):
    """A file to read.

    name      logical name, parts divided by "/"
    path      where it lies: on this machine, or in object storage
    modified  changes when the file does: nanoseconds since 1970, or a digest where the file is a copy we made
    """

    path: Path | Remote
    name: str
    bytes: int
    modified: int
    format: Literal["jsonl", "parquet"]
    compression: Compression | None = None


def find(paths: Sequence[str | Path | Remote], scratch: Path | None = None) -> list[InputFile]:
    """The files that `paths` (files, folders, globs, URIs of them; "-" is standard input) stand for, sorted by logical name.

    Standard input is copied to `scratch` first; a copy that is there already is taken as it is. A file that is found
    twice is read once. Raises InputError for what is missing, unreadable or no JSON Lines or Parquet.
    """
    found: dict[Path | Remote, str] = {}
    far: dict[Remote, Stored] = {}
    for path in paths:
        if str(path) == "-":
            continue
        if isinstance(place := located(path), Remote):
            for one, name in _expand_far(place):
                found.setdefault(one.remote, legible(name))
                far[one.remote] = one
            continue
        with _read_errors(path):
            for file, name in _expand(place if str(path) else ""):
                found.setdefault(file.resolve(), legible(name))
    apart = _apart(found)
    files = [_open(path, name) for path, name in apart.items() if isinstance(path, Path)]
    files += _open_far([(far[path], name) for path, name in apart.items() if isinstance(path, Remote)])
    if any(str(path) == "-" for path in paths):
        files.append(_standard_input(scratch))
    return sorted(files, key=lambda file: file.name)


def changed(files: Iterable[InputFile]) -> list[str]:
    """Names of files that are gone, or another size or age than when they were found. Not of copies made here."""
    return [file.name for file in files if not _is_same(file)]


def _is_same(file: InputFile) -> bool:
    if isinstance(file.path, Remote):
        from tamis.data.storage.objects import listed, stored

        there = stored(file.path)
        if there is None or there.bytes != file.bytes:
            return False
        # A listing may tell parts of a second, and an answer about one object none; some listings do not tell the age of all.
        if not file.modified or there.modified // 10**9 == file.modified // 10**9:
            return True
        # Or they tell one time in two ways. Where the listing says what it said before, nobody wrote.
        again = ((one.remote, one.modified // 10**9) for one in listed(file.path.parent))
        return (file.path, file.modified // 10**9) in again
    try:
        facts = file.path.stat()
    except OSError:
        return False
    return (facts.st_size, facts.st_mtime_ns) == (file.bytes, file.modified)


@contextmanager
def _read_errors(path: str | Path | Remote) -> Iterator[None]:
    """Turn what the system says of a path it will not follow into an InputError."""
    try:
        yield
    except OSError as error:
        what = f"{error.filename or path}: {error.strerror or error}"
        raise InputError(f"cannot read {what}; mend the path or leave it out") from error
    except (RuntimeError, ValueError) as error:  # a link to itself, a home nobody has, a NUL
        raise InputError(f"cannot read {str(path)!r}: {error}; mend the path or leave it out") from error


def legible(name: str) -> str:
    """`name` as text: bytes of it that are no UTF-8 become \\xff."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _expand(path: str | Path) -> Iterator[tuple[Path, str]]:
    """Files that one path stands for, each with its logical name."""
    if not str(path):
        raise InputError("the name of an input is empty; name a file, folder or glob, or . for the folder you are in")
    place = Path(path).expanduser()
    if place.is_dir():
        yield from _folder(place)
    elif place.exists():
        yield place, place.name
    elif glob.has_magic(str(path)):
        yield from _globbed(place)
    else:
        raise InputError(_missing(place))


def _folder(folder: Path) -> Iterator[tuple[Path, str]]:
    taken, passed = [], Counter[str]()

    def refuse(error: OSError) -> None:
        raise InputError(
            f"cannot read the folder {error.filename}: {error.strerror}; change its permissions"
        ) from error

    for root, folders, names in os.walk(folder, onerror=refuse):
        if Path(root, ".work", "plan.json").exists():  # an unfinished run
            folders[:] = names[:] = []
        elif {*names} >= _RUN:
            folders[:], names[:] = [name for name in folders if name == "data"], []
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        for name in names:
            if name.startswith((".", "_")):
                continue
            if name.lower().endswith(SUFFIXES):
                taken.append(Path(root, name))
            else:
                passed[PurePath(name).suffix or name] += 1
    if not taken:
        there = ", ".join(f"{n} {suffix}" for suffix, n in passed.most_common(5))
        what = f"it has {there}; name such files one by one or by a glob" if there else "it is empty"
        raise InputError(f"{folder}: no {', '.join(SUFFIXES)} file in the folder or below it: {what}")
    for file in taken:
        yield file, file.relative_to(folder).as_posix()


def _globbed(pattern: Path) -> Iterator[tuple[Path, str]]:
    fixed = [part for part in pattern.parts[: next(k for k, p in enumerate(pattern.parts) if glob.has_magic(p))]]
    root, any_file = Path(*fixed), False
    for match in glob.iglob(str(pattern), recursive=True):
        file = Path(match)
        if file.is_file() and not file.name.startswith("."):
            any_file = True
            yield file, file.relative_to(root).as_posix()
    if not any_file:
        hint = "" if root.exists() else f"; {_missing(root)}"
        raise InputError(f"no file matches {str(pattern)!r}{hint}")


def _missing(path: Path) -> str:
    """That `path` is not there, and what is there that looks like it."""
    parent = path.parent
    while not parent.exists():
        path, parent = parent, parent.parent
    if path.is_symlink():
        return f"{path} is a link that leads nowhere; mend it or leave it out"
    names = [entry.name for entry in parent.iterdir()] if parent.is_dir() and os.access(parent, os.R_OK) else []
    near = get_close_matches(path.name, names, 1)
    return f"{path} does not exist" + (
        f"; did you mean {parent / near[0]}?" if near else f"; looked in {parent.resolve()}"
    )


def _expand_far(place: Remote) -> Iterator[tuple[Stored, str]]:
    # Imported here: most runs read nothing from far away.
    from tamis.data.storage.expanding import expand

    return expand(place, SUFFIXES, _RUN)


def _open_far(found: Sequence[tuple[Stored, str]]) -> list[InputFile]:
    """What objects are, told by how they begin; several are asked at once, as each takes two round trips."""

    def opened(one: Stored, name: str) -> InputFile:
        with one.remote.open(until=0) as file:
            head = file.read(_HEAD)
        # Whole seconds: not everything that storage says of an object has more.
        return _told(one.remote, name, one.bytes, one.modified // 10**9 * 10**9, head)

    with ThreadPoolExecutor(16, thread_name_prefix="tamis-heads") as pool:
        return list(pool.map(opened, *zip(*found, strict=True))) if found else []


def _apart(found: dict[Path | Remote, str]) -> dict[Path | Remote, str]:
    """Logical names that are all different: files that share one get as many of their folders as tells them apart."""
    named, depth = dict(found), dict.fromkeys(found, 0)
    while shared := {name for name, n in Counter(named.values()).items() if n > 1}:
        for path, name in named.items():
            if name in shared:
                depth[path] += 1
                above = path.parts[1 : len(path.parts) - len(PurePath(found[path]).parts)]
                named[path] = "/".join([*above[len(above) - depth[path] :], found[path]])
    return named


def _open(path: Path, name: str) -> InputFile:
    """What `path` is, told by how it begins."""
    try:
        if not path.exists():
            raise InputError(f"{name} links to {path}, which does not exist; mend the link or remove it")
        if not path.is_file():
            raise InputError(f"{path} is neither a file nor a folder; a pipe is read as standard input: -i -")
        with path.open("rb") as file:
            head = file.read(_HEAD)
        facts = path.stat()
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror or error}; change its permissions or leave it out"
        ) from error
    return _told(path, name, facts.st_size, facts.st_mtime_ns, head)


def _told(path: Path | Remote, name: str, size: int, modified: int, head: bytes) -> InputFile:
    for magic, what, advice in _STRANGE:
        if head.startswith(magic):
            raise InputError(f"{name} is {what} (it begins with {magic!r}); JSON Lines or Parquet was wanted: {advice}")
    if head[257:262] == b"ustar":
        raise InputError(f"{name} is a tar archive; JSON Lines or Parquet was wanted: unpack it first")
    if head.lstrip()[:1] == b"[" and PurePath(name).suffix == ".json":
        raise InputError(
            f"{name} is one JSON list; JSON Lines (an object a line) was wanted: "
            f"jq -c '.[]' {name} > {PurePath(name).with_suffix('.jsonl')}"
        )
    if head.startswith(b"PAR1"):
        return InputFile(path, name, size, modified, "parquet")
    return InputFile(path, name, size, modified, "jsonl", compression(head))


def _standard_input(scratch: Path | None) -> InputFile:
    if scratch is None:
        raise InputError("standard input ('-') can only be read by a run, which keeps a copy of it")
    copy = scratch / "stdin"
    if not copy.exists():
        _keep(sys.stdin.buffer, copy)
    return copied(copy, "stdin")


def _keep(stream: BinaryIO, copy: Path) -> None:
    with disk_errors(copy.parent):
        copy.parent.mkdir(parents=True, exist_ok=True)
    with replacing(copy) as file:
        while piece := stream.read(1 << 20):
            file.write(piece)


def copied(copy: Path, name: str) -> InputFile:
    """An InputFile for a copy of ours, which is the same file when it has the same bytes."""
    with copy.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
        file.seek(0)
        return _told(copy, name, copy.stat().st_size, int.from_bytes(digest[:6]), file.read(_HEAD))
