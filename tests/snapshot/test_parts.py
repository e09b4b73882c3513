"""Where data files are cut: by the records, so that versions share what they share."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.snapshot import parts
from tamis.snapshot.parts import Part, Parts


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of some forty records."""
    for name, size in (("TARGET", 4000), ("LEAST", 1000), ("MOST", 20000), ("GROUP", 2000)):
        monkeypatch.setattr(parts, name, size)


def table(numbers: list[int]) -> pa.Table:
    """Rows with ids made of numbers."""
    ids = [hashlib.sha256(str(n).encode()).digest()[:16] for n in numbers]
    return pa.table({"record_id": pa.array(ids, pa.binary(16)), "n": pa.array(numbers, pa.int64())})


def written(rows: pa.Table, folder: Path, batch: int) -> list[Part]:
    """The files that `rows` make, taken `batch` at a time."""
    folder.mkdir(parents=True)
    made = Parts(folder, rows.schema)
    for piece in rows.to_batches(max_chunksize=batch):
        made.add(piece, np.full(piece.num_rows, 100))
    return made.finish()[0]


def test_files_do_not_depend_on_how_rows_came(tmp_path: Path) -> None:
    rows = table(list(range(1000)))
    found = [[p.sha256 for p in written(rows, tmp_path / f"{size}", size)] for size in (7, 100, 1000)]
    assert found[0] == found[1] == found[2]
    assert len(found[0]) > 10


@pytest.mark.parametrize("gone", [0, 500, 999])
def test_a_record_less_changes_few_files(gone: int, tmp_path: Path) -> None:
    whole = written(table(list(range(1000))), tmp_path / "whole", 100)
    less = written(table([n for n in range(1000) if n != gone]), tmp_path / "less", 100)
    assert len({p.sha256 for p in whole} - {p.sha256 for p in less}) <= 2


@given(st.lists(st.integers(1, 30000), min_size=1, max_size=60), st.integers(0, 20000))
def test_a_part_has_at_least_and_at_most(sizes: list[int], before: int) -> None:
    ids = table(list(range(len(sizes)))).column("record_id").combine_chunks()
    starts = [0, *parts.cuts(ids, np.array(sizes), min(before, 19999)).tolist()]
    for k, (start, end) in enumerate(pairwise(starts)):
        held = sum(sizes[start:end]) + (min(before, 19999) if k == 0 else 0)
        assert held >= parts.LEAST
        assert held - sizes[end - 1] < parts.MOST
