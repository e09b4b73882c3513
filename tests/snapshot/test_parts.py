"""Where data files are cut: by the records, so that versions share what they share."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pytest
from making import recipe, write_lines

from tamis.data import cuts
from tamis.errors import InputError
from tamis.recipes.run import EngineName, run
from tamis.runs.manifest import sha256
from tamis.snapshot.parts import Part, Parts, taken


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of some forty records."""
    for name, size in (("TARGET", 4000), ("LEAST", 1000), ("MOST", 20000), ("GROUP_BYTES", 2000)):
        monkeypatch.setattr(cuts, name, size)


def table(numbers: list[int]) -> pa.Table:
    """Rows with ids made of numbers."""
    ids = [hashlib.sha256(str(n).encode()).digest()[:16] for n in numbers]
    return pa.table({"record_id": pa.array(ids, pa.binary(16)), "n": pa.array(["n" * 92] * len(ids))})


def written(rows: pa.Table, folder: Path, batch: int) -> list[Part]:
    """The files that `rows` make, taken `batch` at a time."""
    folder.mkdir(parents=True)
    made = Parts(folder, rows.schema)
    for piece in rows.to_batches(max_chunksize=batch):
        made.add(piece)
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


@pytest.mark.parametrize("engine", ["inline", "local"])
def test_a_run_cuts_its_files_at_the_same_places(engine: EngineName, tmp_path: Path) -> None:
    rows = [{"id": f"{k}", "text": f"{k} " + "n" * (k % 150), "author": f"a{k}"} for k in range(900)]
    source = write_lines(tmp_path / "rows.jsonl", rows)
    done = run(recipe(), source, tmp_path / "run", engine=engine, partition_size=7000)
    again = written(done.data(), tmp_path / "again", 77)
    assert [p.sha256 for p in again] == [sha256(path) for path in done.parts("data")]
    assert len(again) > 10


def test_a_file_that_changed_since_it_was_verified_is_not_taken(tmp_path: Path) -> None:
    [part] = written(table([1, 2, 3]), tmp_path / "run", 3)
    file = tmp_path / "run" / part.path
    (tmp_path / "new").mkdir()
    with pytest.raises(InputError, match="written anew"):
        next(taken(tmp_path / "new", {file: "0" * 64}, []))
