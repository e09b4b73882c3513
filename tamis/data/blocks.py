"""Files and streams as blocks of whole lines, in bounded memory.

A block is at most as large as asked for, or as its longest line. A line longer than the caller is willing to hold is
passed over and reported in its place; so is damage to a compressed stream, after every line before it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple, TypeAlias

import numpy as np

from tamis.data.compressed import HEAD, Broken, compression, unpacked
from tamis.kernels.newlines import count_newlines, last_newline, next_newline

BLOCK = 8 << 20
MAX_RECORD = 64 << 20
PREFIX = 4096
_BEYOND = 1 << 16


class Block(NamedTuple):
    """Whole lines. `data` is overwritten when the next item is asked for: copy what you keep."""

    data: np.ndarray
    """(n,) uint8, read only; ends with a newline, unless the stream ends without one."""
    offset: int
    """Where it begins in the unpacked stream."""
    line: int
    """Its first line, from 0, counted from the beginning of the range."""
    lines: int
    """How many lines it holds, blank ones too."""


class Oversize(NamedTuple):
    """A line that was longer than `max_record` bytes, which is not held."""

    offset: int
    length: int
    """Bytes of the line, without the newline."""
    line: int
    prefix: bytes
    """Its first bytes, 4096 at most."""


class Damage(NamedTuple):
    """Where reading had to stop; always the last item. What is left of the line it happened in is not whole."""

    offset: int
    """Where the broken line begins in the unpacked stream."""
    length: int
    """Bytes of it that could be read."""
    line: int
    prefix: bytes
    message: str


Item: TypeAlias = Block | Oversize | Damage


def read_blocks(
    file: BinaryIO,
    size: int = BLOCK,
    max_record: int = MAX_RECORD,
    lo: int = 0,
    hi: int | None = None,
    plain: bool = False,
) -> Iterator[Item]:
    """The lines of `file` as blocks of about `size` bytes, with lines of more than `max_record` bytes reported instead.

    A gzip, zstd, bzip2 or xz stream is unpacked, unless `plain`. Of a plain file that can seek, `lo` and `hi` choose the lines that
    begin at byte lo or after it and before byte hi; neighbouring ranges share no line and miss none.
    """
    assert size > 0 and max_record > 0 and lo >= 0
    window = _Window(
        _whole(file, hi, plain) if lo == 0 else _from(file, lo - 1), max(lo - 1, 0), size, max_record + 1, hi
    )
    if lo:
        window.skip_line()
    line = 0
    while hi is None or window.base < hi:
        window.fill()
        if whole := window.whole():
            data = window.seen[:whole]
            yield Block(data, window.base, line, lines := count_newlines(data))
            line += lines
            window.drop(whole)
        elif window.held > max_record:
            offset, prefix = window.base, window.seen[:PREFIX].tobytes()
            yield Oversize(offset, window.skip_line(), line, prefix)
            line += 1
        elif not window.ended:
            window.grow()
        else:
            yield from _end(window, line)
            return


def _end(window: _Window, line: int) -> Iterator[Item]:
    data = window.seen[: window.held]
    if window.trouble:
        yield Damage(window.base, window.held, line, data[:PREFIX].tobytes(), window.trouble)
    elif window.held:
        yield Block(data, window.base, line, 1)


class _Window:
    """The stretch of a stream that is held: `data[:held]`, of which `data[0]` is byte `base` of the stream."""

    def __init__(self, source: Any, base: int, size: int, most: int, hi: int | None) -> None:
        self.source, self.base, self.size, self.most, self.hi = source, base, size, most, hi
        self.held = 0
        self.lines_end = 0  # one past the last newline in what is held
        self.ended, self.trouble = False, ""
        self.data = self.seen = np.empty(0, np.uint8)
        self._resize()

    def _resize(self) -> None:
        """Room for the next block; little beyond `hi`, where only the rest of one line is wanted."""
        near = self.size if self.hi is None else min(self.size, max(self.hi - self.base, 0) + _BEYOND)
        self.room = max(min(near, self.most), self.held)
        self._allocate()

    def _allocate(self) -> None:
        if self.room > len(self.data):
            larger = np.empty(self.room, np.uint8)
            larger[: self.held] = self.data[: self.held]
            self.data, self.seen = larger, larger.view()
            self.seen.flags.writeable = False  # the kernels are compiled for arrays that cannot be written

    def grow(self) -> None:
        """Twice the room, for a long line."""
        self.room = min(2 * self.room, self.most)
        self._allocate()

    def fill(self) -> None:
        """Read until there is no room left or the stream ends."""
        while self.held < self.room and not self.ended:
            try:
                got = self.source.readinto(memoryview(self.data.data)[self.held : self.room])
            except Broken as broken:
                got, self.trouble = 0, str(broken)
            except OSError as error:
                got, self.trouble = 0, f"reading stopped: {error.strerror or error}"
            self.ended = not got
            if got and (newline := last_newline(self.seen[self.held : self.held + got])) >= 0:
                self.lines_end = self.held + newline + 1
            self.held += got or 0

    def whole(self) -> int:
        """Bytes of whole lines that are held and begin before `hi`."""
        if self.hi is None or self.base + self.lines_end < self.hi:
            return self.lines_end
        if not self.lines_end:
            return 0
        newline = next_newline(self.seen[: self.lines_end], max(self.hi - 1 - self.base, 0))
        return int(newline) + 1

    def drop(self, size: int) -> None:
        """Let go of the first `size` bytes."""
        self.data[: self.held - size] = self.data[size : self.held].copy()
        self.base, self.held = self.base + size, self.held - size
        self.lines_end = max(self.lines_end - size, 0)
        self._resize()

    def skip_line(self) -> int:
        """Let go of everything up to the next newline and of that; give how many bytes stood before it."""
        length = 0
        while (newline := next_newline(self.seen[: self.held], 0)) == self.held:
            length += self.held
            self.drop(self.held)
            if self.ended:
                return length
            self.fill()
        self.drop(newline + 1)
        return length + int(newline)


def _whole(file: BinaryIO, hi: int | None, plain: bool) -> io.RawIOBase | BinaryIO:
    """`file` from its beginning, unpacked where it is compressed and not taken as `plain`."""
    if plain:
        return file
    head = file.read(HEAD)
    if how := compression(head):
        assert hi is None, "a compressed stream has no byte ranges"
        return _Pieces(unpacked(_Joined(head, file), how))  # type: ignore[arg-type]
    return _Joined(head, file)


def _from(file: BinaryIO, at: int) -> BinaryIO:
    file.seek(at)
    return file


class _Joined(io.RawIOBase):
    """`head`, then the rest of `file`: a stream that cannot seek, put back together."""

    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self._head, self._file = head, file

    def readinto(self, view: memoryview) -> int:  # type: ignore[override]
        if not self._head:
            return self._file.readinto(view)  # type: ignore[attr-defined, no-any-return]
        size = min(len(view), len(self._head))
        view[:size], self._head = self._head[:size], self._head[size:]
        return size

    def read(self, size: int = -1) -> bytes:
        """All `size` bytes, or what there is up to the end."""
        found = bytearray()
        while len(found) < size:
            piece = self._head[: size - len(found)] or self._file.read(size - len(found))
            if not piece:
                break
            self._head = self._head[len(piece) :]
            found += piece
        return bytes(found)


class _Pieces(io.RawIOBase):
    """Pieces of bytes as a stream."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._piece = pieces, memoryview(b"")

    def readinto(self, view: memoryview) -> int:  # type: ignore[override]
        while not self._piece:
            if (piece := next(self._pieces, None)) is None:
                return 0
            self._piece = memoryview(piece)
        size = min(len(view), len(self._piece))
        view[:size], self._piece = self._piece[:size], self._piece[size:]
        return size
