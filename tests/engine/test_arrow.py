"""Intermediate tables: read as they were written, by key range, packed or not; a file that has changed is refused."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import digests, sentences, write_lines

import tamis
from tamis.engine import arrow
from tamis.engine.work import Work
from tamis.errors import RunError

KEYS = st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 5), max_size=60).map(sorted)


def table(keys: list[int], text: str) -> pa.Table:
    return pa.table({"key": pa.array(keys, pa.uint64()), "text": [f"{text}{k % 7}" for k in keys]})


@given(KEYS, st.integers(0, 2**64 - 1) | st.integers(0, 5), st.integers(0, 2**64 - 1), st.integers(1, 4000))
def test_a_key_range_is_what_a_filter_gives(keys: list[int], one: int, other: int, block: int) -> None:
    low, high = sorted((one, other))
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as name:
        folder = Path(name)
        patch.setattr(arrow, "BLOCK", block)
        patch.setattr(arrow, "PLAIN", block % 2 * 10_000)
        path = arrow.write_arrow(folder / "t", table(keys, "many the same words, " * 5))
        found = arrow.between(path, low, high, "key")
        assert (
            found.to_pydict() == table([k for k in keys if low <= k <= high], "many the same words, " * 5).to_pydict()
        )
        assert arrow.table_of(path).equals(table(keys, "many the same words, " * 5), check_metadata=True)
        assert arrow.size_of(path).rows == len(keys)


def test_hashes_are_left_as_they_are_and_text_is_packed(tmp_path: Path) -> None:
    hashes = pa.table({"key": np.sort(np.random.default_rng(0).integers(0, 2**63, 50_000).astype(np.uint64))})
    words = table(list(range(50_000)), "many the same words ")
    plain, packed = (arrow.write_arrow(tmp_path / str(k), t).stat().st_size for k, t in enumerate((hashes, words)))
    assert plain > hashes.nbytes and packed < words.nbytes / 2


def test_a_file_that_has_changed_is_refused_and_made_again_on_resume(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = write_lines(tmp_path / "in.jsonl", sentences(200))
    sound = tamis.run({"stages": ["exact@1", "near@1"]}, lines, tmp_path / "sound", engine="inline")
    finish = Work.finish

    def spoiled(work: Work, group: object, *rest: object) -> object:
        record = finish(work, group, *rest)  # type: ignore[arg-type]
        if group == "step2-same":
            path = work.path(1, 0, "bands")
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data)
        return record

    with monkeypatch.context() as patch:
        patch.setattr(Work, "finish", spoiled)
        with pytest.raises(RunError, match=r"000000\.bands is not what its task wrote.*--resume"):
            tamis.run({"stages": ["exact@1", "near@1"]}, lines, tmp_path / "run", engine="inline")
    run = tamis.run({"stages": ["exact@1", "near@1"]}, lines, tmp_path / "run", engine="inline", resume=True)
    assert digests(run.path) == digests(sound.path)
