"""Blocks of whole lines: every line once, in order, in bounded memory, from any stream."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.data.blocks import Block, Damage, Oversize, read_blocks
from tamis.data.compressed import HEAD, compression

TEXT = b"".join(b'{"id":%d,"text":"%s"}\n' % (i, b"x" * (i % 97)) for i in range(4000))


def zstd_streamed(data: bytes) -> bytes:
    """Many small blocks, no size in the header, no checksum."""
    packer = zstandard.ZstdCompressor(write_checksum=False).compressobj()
    flush, step = zstandard.COMPRESSOBJ_FLUSH_BLOCK, 1000
    pieces = [packer.compress(data[i : i + step]) + packer.flush(flush) for i in range(0, len(data), step)]
    return b"".join([*pieces, packer.flush()])


PACK: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "zstd streamed": zstd_streamed,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
PACKED = sorted(set(PACK) - {"plain"})


def items(data: bytes, **how: Any) -> list[Any]:
    """All items, with the data of blocks as bytes."""
    found = read_blocks(io.BytesIO(data), **how)
    return [item._replace(data=item.data.tobytes()) if isinstance(item, Block) else item for item in found]


def joined(found: list[Any]) -> bytes:
    return b"".join(i.data for i in found if isinstance(i, Block))


LINES = st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"")), max_size=12)
STREAMS = st.tuples(LINES, st.booleans()).map(lambda drawn: b"\n".join(drawn[0]) + b"\n" * drawn[1])
STREAMS = STREAMS.filter(lambda stream: compression(stream[:HEAD]) is None)


@settings(deadline=None, max_examples=150)
@given(STREAMS, st.integers(1, 80), st.integers(1, 40))
def test_every_line_comes_once_and_in_order(stream: bytes, size: int, max_record: int) -> None:
    found = items(stream, size=size, max_record=max_record)
    at = line = 0
    for item in found:
        assert (item.offset, item.line) == (at, line)
        length = len(item.data) if isinstance(item, Block) else item.length + 1
        if isinstance(item, Block):
            assert item.data == stream[at : at + length]
            assert item.lines == item.data.count(b"\n") + (not item.data.endswith(b"\n"))
            assert all(len(each) <= max_record for each in item.data.split(b"\n"))
        else:
            assert item.length > max_record and item.prefix == stream[at : at + max_record + 1]
        at, line = at + length, line + getattr(item, "lines", 1)
    assert at in (len(stream), len(stream) + 1)


@settings(deadline=None, max_examples=150)
@given(STREAMS, st.integers(1, 60), st.integers(1, 25), st.data())
def test_ranges_share_no_line_and_miss_none(stream: bytes, size: int, max_record: int, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    bounds = [0, *cuts, len(stream) + 1]
    how = {"size": size, "max_record": max_record}
    ranges = [items(stream, lo=lo, hi=hi, **how) for lo, hi in pairwise(bounds)]
    whole = items(stream, **how)
    assert b"".join(map(joined, ranges)) == joined(whole)
    for (lo, hi), found in zip(pairwise(bounds), ranges, strict=True):
        assert all(lo <= item.offset < hi for item in found)
    long = [(i.offset, i.length) for found in ranges for i in found if isinstance(i, Oversize)]
    assert long == [(i.offset, i.length) for i in whole if isinstance(i, Oversize)]


@pytest.mark.parametrize("how", PACK)
@pytest.mark.parametrize("parts", [1, 3])
def test_compressed_streams_are_told_by_their_first_bytes(how: str, parts: int) -> None:
    step = len(TEXT) // parts + 1
    packed = b"".join(PACK[how](TEXT[i : i + step]) for i in range(0, len(TEXT), step))
    found = items(packed, size=5000)
    assert joined(found) == TEXT
    assert not any(isinstance(item, Damage) for item in found)


@pytest.mark.parametrize("how", PACKED)
@pytest.mark.parametrize("share", [0.001, 0.3, 0.9, 0.9999])
def test_a_stream_that_was_cut_off_gives_its_whole_lines_and_the_damage(how: str, share: float) -> None:
    packed = PACK[how](TEXT)
    found = items(packed[: max(7, int(len(packed) * share))], size=5000)
    damage = found.pop()
    assert isinstance(damage, Damage) and "cut off" in damage.message
    read = joined(found)
    assert read.endswith(b"\n") or not read
    assert TEXT.startswith(read + damage.prefix) and damage.offset == len(read) and damage.line == read.count(b"\n")


@pytest.mark.parametrize("how", ["gzip", "zstd", "zstd streamed"])
def test_all_that_came_before_the_cut_is_read(how: str) -> None:
    noise = os.urandom(300_000).replace(b"\n", b"")
    text = b"".join(noise[i : i + 500] + b"\n" for i in range(0, len(noise), 500))
    packed = PACK[how](text)
    found = items(packed[: len(packed) - 135_000], size=5000)
    # Noise does not compress: what is missing is the cut and at most one block of 128 KiB.
    assert len(joined(found)) > len(text) - 135_000 - (1 << 17) - 600


@pytest.mark.parametrize("how", ["gzip", "zstd", "bzip2", "xz"])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_a_flipped_byte_is_damage_and_never_a_traceback(how: str, share: float) -> None:
    packed = bytearray(PACK[how](TEXT))
    packed[int(len(packed) * share)] ^= 0x55
    damage = items(bytes(packed), size=5000)[-1]
    assert isinstance(damage, Damage) and ("damaged" in damage.message or "cut off" in damage.message)


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_a_checksum_that_does_not_fit_is_told_from_a_stream_that_breaks(how: str) -> None:
    packed = PACK[how](TEXT)
    at = -8 if how == "gzip" else -4
    wrong = packed[:at] + bytes(b ^ 0x55 for b in packed[at:])
    (*found, damage), broken = items(wrong), items(packed[: len(packed) // 2])[-1]
    assert joined(found) == TEXT and "any record of the file may be wrong" in damage.message
    assert "any record" not in broken.message


@pytest.mark.parametrize("how", ["gzip", "xz"])
def test_padding_behind_a_stream_is_no_damage(how: str) -> None:
    assert joined(items(PACK[how](TEXT) + bytes(512) + PACK[how](TEXT) + bytes(1024))) == TEXT * 2


def test_something_else_behind_a_gzip_stream_is_damage_after_its_lines() -> None:
    *found, damage = items(gzip.compress(TEXT) + b"something else")
    assert joined(found) == TEXT and isinstance(damage, Damage)


def test_a_skippable_zstd_frame_is_passed_over() -> None:
    skippable = b"\x52\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"abc"
    assert joined(items(skippable + PACK["zstd"](TEXT) + skippable)) == TEXT


@pytest.mark.parametrize("how", PACKED)
def test_a_decompression_bomb_is_one_oversize_line(how: str) -> None:
    bomb = PACK[how](b"[" * 50_000_000 + b"\n{}\n")
    tracemalloc.start()
    found = items(bomb, size=1 << 18, max_record=1 << 18)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [type(item) for item in found] == [Oversize, Block]
    assert found[0].length == 50_000_000 and found[1].line == 1
    assert peak < 16 << 20


def test_a_long_line_is_held_up_to_the_limit() -> None:
    stream = b"a\n" + b"b" * 5000 + b"\nc\n"
    assert joined(items(stream, size=100, max_record=5000)) == stream
    assert [type(item) for item in items(stream, size=100, max_record=4999)] == [Block, Oversize, Block]


class Failing(io.BytesIO):
    """A file whose medium fails after its first block."""

    def readinto(self, view: Any) -> int:
        if self.tell() > 1000:
            raise OSError(5, "Input/output error")
        return super().readinto(memoryview(view)[:2000])


def test_a_failing_medium_is_damage_after_the_lines_before_it() -> None:
    *found, damage = read_blocks(Failing(TEXT))
    assert isinstance(damage, Damage) and "Input/output error" in damage.message
    assert damage.offset + damage.length == 2006 and [b.lines for b in found] == [damage.line]


def test_a_pipe_can_be_read() -> None:
    reader, writer = os.pipe()
    os.write(writer, TEXT[:20_000])
    os.close(writer)
    with open(reader, "rb") as pipe:
        blocks = [b.data.tobytes() for b in read_blocks(pipe)]
    assert b"".join(blocks) == TEXT[:20_000]
