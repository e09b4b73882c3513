"""Compressed input is cut and resumed like any other."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import pytest
import zstandard
from making import digests, recipe, sentences, write_lines

import tamis
from tamis.data import find
from tamis.engine.unpack import UnpackTask, run_unpack
from tamis.engine.work import Work

PACK = {
    "gz": gzip.compress,
    "zst": zstandard.ZstdCompressor().compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


@pytest.mark.parametrize("ending", PACK)
def test_packed_input_gives_the_rows_of_plain(tmp_path: Path, ending: str) -> None:
    plain = write_lines(tmp_path / "in.jsonl", [*sentences(200), b"{broken"])
    packed = tmp_path / f"in.jsonl.{ending}"
    packed.write_bytes(PACK[ending](plain.read_bytes()))
    stages = recipe("own:Shout", "exact@1", input={"source": "s"})
    one = tamis.run(stages, plain, tmp_path / "one")
    two = tamis.run(stages, packed, tmp_path / "two", workers=2, partition_size=2_000)
    assert one.data().equals(two.data())
    assert one.quarantine(["line", "offset", "raw"]).equals(two.quarantine(["line", "offset", "raw"]))


def test_packed_input_resumes_to_the_same_bytes(tmp_path: Path) -> None:
    packed = tmp_path / "in.jsonl.gz"
    packed.write_bytes(gzip.compress(write_lines(tmp_path / "x", sentences(200)).read_bytes()))
    plain = digests(tamis.run(recipe("exact@1"), packed, tmp_path / "plain").path)

    def stop(progress: object) -> None:
        if getattr(progress, "what", "").startswith("reading") and getattr(progress, "done", 0) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tamis.run(recipe("exact@1"), packed, tmp_path / "again", partition_size=2_000, on_progress=stop)
    assert digests(tamis.run(recipe("exact@1"), packed, tmp_path / "again", resume=True).path) == plain


def test_a_bomb_without_line_ends_takes_no_room(tmp_path: Path) -> None:
    packed = tmp_path / "bomb.jsonl.gz"
    packed.write_bytes(gzip.compress(bytes(64 << 20)))
    (tmp_path / "work").mkdir()
    record = run_unpack(UnpackTask(Work(tmp_path / "work"), 0, find([packed])[0], 1 << 20))
    unpacked = tmp_path / "work" / "unpacked" / "000000.jsonl"
    assert record["bytes"] == unpacked.stat().st_size == 64 << 20
    assert unpacked.stat().st_blocks * 512 < 8 << 20
