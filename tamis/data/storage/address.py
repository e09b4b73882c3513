"""What a place is called: a path, or a URI in object storage."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from tamis.errors import UsageError

if TYPE_CHECKING:
    from io import BufferedReader

    import pyarrow as pa

_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/{1,2}(.*)", re.DOTALL)
"""One slash will do: `Path("s3://bucket/key")` has one."""

_BARE = re.compile(r"(s3|gs):", re.IGNORECASE)
"""All that is left of `Path("s3://")`: nobody calls a folder that."""

_KNOWN = ("s3", "gs")
_OTHERS = {
    "s3a": "write it as s3://",
    "s3n": "write it as s3://",
    "gcs": "write it as gs://",
    **dict.fromkeys(("http", "https", "ftp"), "download it first"),
    **dict.fromkeys(("abfs", "abfss", "az", "adl", "wasb", "wasbs", "hdfs", "viewfs", "hf"), "copy it down first"),
}


@dataclass(frozen=True, order=True)
class Remote:
    """An object in object storage, or the prefix of some: `scheme`://`bucket`/`key`. Nothing is looked up until it is read.

    key  as it is stored: nothing in it is escaped, and it neither begins nor ends with "/"
    """

    scheme: str
    bucket: str
    key: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.inside}"

    @property
    def inside(self) -> str:
        """BUCKET/KEY, as pyarrow's file systems name it."""
        return f"{self.bucket}/{self.key}" if self.key else self.bucket

    @property
    def name(self) -> str:
        """The last part."""
        return PurePosixPath(self.inside).name

    @property
    def suffix(self) -> str:
        """The last part from its last dot on."""
        return PurePosixPath(self.inside).suffix

    @property
    def stem(self) -> str:
        """The last part before its last dot."""
        return PurePosixPath(self.inside).stem

    @property
    def parts(self) -> tuple[str, ...]:
        """Scheme, bucket, and the parts of the key."""
        return (f"{self.scheme}://", *PurePosixPath(self.inside).parts)

    @property
    def digest(self) -> str:
        """32 hexadecimal digits that stand for it, where it names something on this machine."""
        return hashlib.sha256(str(self).encode("utf-8", "surrogateescape")).hexdigest()[:32]

    @property
    def parent(self) -> Remote:
        """What it lies in: the prefix before the last part of its key, or the bucket."""
        return Remote(self.scheme, self.bucket, self.key.rpartition("/")[0])

    def below(self, prefix: Remote) -> str:
        """Its key from `prefix` on, which may be a bucket."""
        return self.key[len(prefix.key) + 1 :] if prefix.key else self.key

    def __truediv__(self, name: object) -> Remote:
        joined = f"{self.key}/{name}" if self.key else str(name)
        return Remote(self.scheme, self.bucket, joined.strip("/"))

    def open(self, mode: str = "rb", until: int | None = None) -> BufferedReader:
        """A file to read; bytes are asked for as they are needed, and those before `until` some time ahead.

        Raises FileNotFoundError, or InputError where the storage refuses.
        """
        from tamis.data.storage.ranges import open_ranges

        assert mode == "rb", "objects are put whole"
        return open_ranges(self, until)

    def native(self) -> pa.NativeFile:
        """What Arrow reads from. Raises as `open` does."""
        from tamis.data.storage.objects import native

        return native(self)

    def read_bytes(self) -> bytes:
        """All of it. Raises as `open` does."""
        with self.open() as file:
            return file.read()


def located(place: str | os.PathLike[str] | Remote) -> Path | Remote:
    """The path or URI that `place` is; file:// becomes a path. Raises UsageError for storage that is not known."""
    if isinstance(place, Remote):
        return place
    text = str(place)
    found = _URI.match(f"{text}//" if _BARE.fullmatch(text) else text)
    if found is None:
        return place if isinstance(place, Path) else Path(text)
    scheme, rest = found[1].lower(), found[2]
    if scheme == "file":
        return _path(text)
    if scheme in _OTHERS:
        raise UsageError(f"{text}: {scheme}:// is not read from or written to; {_OTHERS[scheme]}")
    if scheme not in _KNOWN:
        return Path(text)
    bucket, _, key = rest.partition("/")
    if not bucket:
        raise UsageError(f"'{scheme}://{rest}' names no bucket; write {scheme}://BUCKET/KEY")
    return Remote(scheme, bucket, key.strip("/"))


def beside(base: Path, place: str | os.PathLike[str] | Remote) -> Path | Remote:
    """`place` as somebody in the folder `base` means it."""
    found = located(place)
    return base / found if isinstance(found, Path) else found


def at(place: str | os.PathLike[str] | Remote) -> Remote:
    """The URI that `place` is, which is known to be one."""
    found = located(place)
    assert isinstance(found, Remote)
    return found


def is_remote(place: Any) -> bool:
    """Whether `place` names something in object storage."""
    return isinstance(place, Remote) or (
        isinstance(place, (str, Path)) and re.match(r"(s3|gs):(/|$)", str(place), re.IGNORECASE) is not None
    )


def _path(uri: str) -> Path:
    """The path of a file:// URI, whose %20 are unescaped."""
    parts = urlsplit(uri)
    if parts.netloc not in ("", "localhost"):
        raise UsageError(f"{uri} names a file of another machine, {parts.netloc}; write file:///PATH")
    return Path(unquote(uri[uri.index(":") + 1 :] if not parts.netloc else parts.path)).resolve()
