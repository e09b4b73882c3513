"""Compressed streams, unpacked in pieces of at most 1 MiB whatever the ratio, and up to the damage where there is one.

The format is told by the first bytes, never by the name. A stream may be several gzip members, bzip2 or xz streams or
zstd frames one after the other.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Literal

import zstandard

PIECE = 1 << 20
_READ = 1 << 16

Compression = Literal["gzip", "zstd", "bzip2", "xz"]
HEAD = 6
"""Bytes that tell the format."""


MISFITS = ("incorrect data check", "incorrect length check", "doesn't match checksum")
"""What zlib and zstd say where a checksum, or the length, of all that was unpacked does not fit."""


class Broken(Exception):
    """The compressed stream cannot be read any further. What came before was handed out."""


def compression(head: bytes) -> Compression | None:
    """How a file that begins with `head` is compressed; None: it is not."""
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(b"\x28\xb5\x2f\xfd") or (head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5):
        return "zstd"
    if head.startswith(b"BZh"):
        return "bzip2"
    return "xz" if head.startswith(b"\xfd7zXZ\x00") else None


def unpacked(file: BinaryIO, how: Compression) -> Iterator[bytes]:
    """What `file` unpacks to, in pieces of at most 1 MiB. Raises Broken after the last piece that could be read."""
    if how == "zstd":
        return _frames(file)
    decoders: dict[str, Callable[[], Any]] = {"gzip": _Gzip, "bzip2": bz2.BZ2Decompressor, "xz": lzma.LZMADecompressor}
    return _members(file, how, decoders[how])


class _Gzip:
    """zlib behind the interface of bz2 and lzma. On damage it gives what can still be had before it complains."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)
        self._tail = b""
        self._error: zlib.error | None = None
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, most: int) -> bytes:
        if self._error:
            raise self._error
        before, data = self._zlib.copy(), self._tail + data
        try:
            piece = self._zlib.decompress(data, most)
        except zlib.error as error:
            self._error, self.needs_input = error, False
            return b"".join(_until_error(before, data))
        self._tail = self._zlib.unconsumed_tail
        # A piece of full size may have left output inside zlib, with no input to go with it.
        self.needs_input = not self._tail and len(piece) < most
        return piece


def _until_error(decoder: Any, data: bytes) -> Iterator[bytes]:
    for byte in data:
        try:
            yield decoder.decompress(bytes([byte]))
        except zlib.error:
            return


def _members(file: BinaryIO, how: str, decoder: Callable[[], Any]) -> Iterator[bytes]:
    data = file.read(_READ)
    while data:
        member = decoder()
        while not member.eof:
            if member.needs_input and not data and not (data := file.read(_READ)):
                raise Broken(f"the {how} stream ends before its end: it was cut off")
            try:
                piece = member.decompress(data, PIECE)
            except (zlib.error, OSError, EOFError, lzma.LZMAError, ValueError) as error:
                raise Broken(_said(how, error)) from error
            data = b""
            if piece:
                yield piece
        data = member.unused_data or file.read(_READ)
        # Tapes and block devices pad with zeros, and so does xz between streams.
        while data and not (data := data.lstrip(b"\0")):
            data = file.read(_READ)


def _said(how: str, error: Exception) -> str:
    """What is wrong: that the stream breaks here, or that what it unpacked to, up to here, is not what was packed."""
    if any(sign in str(error) for sign in MISFITS):
        return (
            f"the {how} stream is damaged: its checksum does not fit what it unpacks to, so that any record of the file may be "
            f"wrong, those that could be read as well ({error})"
        )
    return f"the {how} stream is damaged: {error}"


def _frames(file: BinaryIO) -> Iterator[bytes]:
    while magic := file.read(4):
        if magic[1:] == b"\x2a\x4d\x18" and magic[0] >> 4 == 5:
            _skip(file, int.from_bytes(_exactly(file, 4), "little"))
            continue
        try:
            yield from _frame(file, magic)
        except zstandard.ZstdError as error:
            raise Broken(_said("zstd", error)) from error


def _frame(file: BinaryIO, magic: bytes) -> Iterator[bytes]:
    """One zstd frame, fed block by block (RFC 8878, 3.1.1): a block unpacks to 128 KiB at most."""
    head = magic + _exactly(file, 5 - len(magic))
    head += _exactly(file, zstandard.frame_header_size(head) - len(head))
    frame = zstandard.ZstdDecompressor().decompressobj()
    frame.decompress(head)
    last = False
    while not last:
        block = _exactly(file, 3)
        fields = int.from_bytes(block, "little")
        last, run_length, size = bool(fields & 1), fields >> 1 & 3 == 1, fields >> 3
        if piece := frame.decompress(block + _exactly(file, 1 if run_length else size)):
            yield piece
    if zstandard.get_frame_parameters(head).has_checksum:
        frame.decompress(_exactly(file, 4))


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise Broken("the zstd stream ends before its end: it was cut off")
    return data


def _skip(file: BinaryIO, size: int) -> None:
    while size:
        size -= len(_exactly(file, min(size, _READ)))
