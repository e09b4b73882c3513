"""An object read by ranges, some of it ahead of whoever reads."""

from __future__ import annotations

import io
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from tamis.data.storage.address import Remote

PIECE = 4 << 20
"""Bytes asked for at once where a file is read on; a round trip is 10–100 ms, in which 4 MB come anyway."""

FIRST = 64 << 10
"""Bytes of the first piece: often nothing but the head is wanted."""

TRIES = 4
"""Times a range is asked for whose bytes did not all come."""


def open_ranges(remote: Remote, until: int | None = None) -> io.BufferedReader:
    """`remote`, to be read from any place; bytes before `until` are asked for ahead. Raises FileNotFoundError, InputError."""
    return io.BufferedReader(_Ranges(remote, until), 1 << 16)


class _Ranges(io.RawIOBase):
    """Pieces of an object; while one is read the next one is on its way."""

    def __init__(self, remote: Remote, until: int | None) -> None:
        self._remote, self._native = remote, remote.native()
        self._size = int(self._native.size())
        self._until = self._size if until is None else min(until, self._size)
        self._at = 0
        self._start, self._held = 0, memoryview(b"")
        self._ahead: tuple[int, Future[bytes]] | None = None
        self._pool: ThreadPoolExecutor | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        if self._at >= self._size or not len(view):
            return 0
        if not self._start <= self._at < self._start + len(self._held):
            self._next()
        piece = self._held[self._at - self._start :][: len(view)]
        view[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def _next(self) -> None:
        """Hold the piece that begins where reading is, and ask for the one after it where reading goes on."""
        goes_on = bool(self._held) and self._at == self._start + len(self._held)
        if self._ahead and self._ahead[0] == self._at:
            data = self._ahead[1].result()
        else:
            self._drop()
            data = self._range(self._at, FIRST if not goes_on or self._at >= self._until else PIECE)
        self._ahead = None
        self._start, self._held = self._at, memoryview(data)
        following = self._start + len(data)
        if goes_on and following < self._until:
            self._pool = self._pool or ThreadPoolExecutor(1, thread_name_prefix="tamis-read-ahead")
            self._ahead = (following, self._pool.submit(self._range, following, min(PIECE, self._until - following)))

    def _range(self, start: int, wanted: int) -> bytes:
        """Bytes from `start` on, `wanted` of them where there are so many. Raises InputError."""
        from tamis.data.storage.refusals import storage_errors

        wanted = min(wanted, self._size - start)
        with storage_errors(self._remote, "read"):
            for left in reversed(range(TRIES)):
                data = b""
                try:
                    data = self._native.read_at(wanted, start)
                except OSError as cut:
                    # The SDK tries again what a server refuses, and not an answer that broke off in its middle.
                    if not left or "flush response stream" not in str(cut):
                        raise
                if len(data) == wanted:
                    return data
            raise OSError(f"{len(data):,} of {wanted:,} bytes came, {TRIES} times")

    def _drop(self) -> None:
        if self._ahead:
            self._ahead[1].cancel()
            self._ahead = None

    def close(self) -> None:
        if not self.closed:
            self._drop()
            if self._pool:
                self._pool.shutdown(wait=True)
            self._native.close()
        super().close()
