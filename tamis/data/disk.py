"""What a disk can refuse, as a sentence."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tamis.errors import OutputError, UsageError

_FAR = ("s3:", "gs:")
"""The first part of a path that somebody made of a URI."""

_MENDS = {
    errno.ENOSPC: "the disk is full; free some space, then run again with --resume",
    errno.EDQUOT: "the disk quota is used up; free some space, then run again with --resume",
    errno.EACCES: "it may not be written; choose another place with -o, or change its permissions",
    errno.EPERM: "it may not be written; choose another place with -o, or change its permissions",
    errno.EROFS: "the file system is read-only; choose another place with -o",
    errno.ENOTDIR: "a file stands where a folder is needed; choose another place with -o",
    errno.EEXIST: "a file stands where a folder is needed; choose another place with -o",
    errno.ENOENT: "a folder on the way to it is not there; choose another place with -o",
    errno.ELOOP: "it is a link to itself; choose another place with -o",
    errno.EFBIG: "the file system allows no file that large; choose another place with -o",
    errno.ENAMETOOLONG: "the name is too long for the file system; choose another place with -o",
    errno.EIO: "the disk reports an error; check it, then run again with --resume",
}


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what the disk refuses while `path` is written into an OutputError that says what to do.

    Raises UsageError where `path` is a URI that was taken for a path: a folder called s3: is what nobody means.
    """
    if path.parts[:1] and path.parts[0] in _FAR:
        uri = f"{path.parts[0]}//{'/'.join(path.parts[1:])}"
        raise UsageError(
            f"{uri} cannot be written to object storage by this command; name a file or folder of this machine, and copy it there"
        )
    try:
        yield
    except OSError as refused:
        number = refused.errno
        if number not in _MENDS:
            raise
        raise OutputError(f"cannot write {path}: {_MENDS[number]}") from refused
