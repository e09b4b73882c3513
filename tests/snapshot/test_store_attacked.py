"""What a hostile or unlucky store cannot do: be locked for good, or make a command touch what lies outside it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tamis.errors import OutputError, TamisError, UsageError
from tamis.runs import Run, verify
from tamis.snapshot import Snapshot, Store, freeze, open_snapshot

Command = Callable[..., tuple[int, str]]


def pending(root: Path, steps: list[dict[str, str]], **more: object) -> Path:
    """A journal in the store at `root`, as whoever packed the store could write it."""
    path = root / ".tamis/journal/aaaa.json"
    path.write_text(json.dumps({"tamis_journal": 1, "steps": steps, **more}))
    return path


def test_a_place_that_cannot_be_written_leaves_the_store_as_it_was(small_run: Run, frozen: Snapshot) -> None:
    store = Store(frozen.path.parents[1])
    (store.root / "file").touch()
    with pytest.raises(OutputError, match="a file stands where a folder is needed"):
        freeze(small_run, store.root / "file/1.0.0")
    assert [entry.id for entry in store.snapshots()] == [frozen.id]
    assert not list((store.inside / "journal").iterdir())


def test_a_freeze_that_is_refused_makes_no_store(small_run: Run, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for output, parent in (("there", None), ("new", "nope")):
        with pytest.raises(TamisError):
            freeze(small_run, tmp_path / output, parent=parent)
    assert not (tmp_path / ".tamis").exists()


@pytest.mark.parametrize("place", ["snap/1.0.0", "snap"])
def test_nothing_is_frozen_into_a_run_or_a_snapshot(place: str, small_run: Run, frozen: Snapshot) -> None:
    for sealed in (small_run.path, frozen.path):
        with pytest.raises(UsageError, match="which is sealed"):
            freeze(small_run, sealed / place)
    with pytest.raises(UsageError, match="which is sealed"):
        freeze(small_run, frozen.path.parents[1] / "x", store=frozen.path / "store")
    assert not verify(small_run.path)


def test_a_journal_that_came_with_a_store_is_not_followed(frozen: Snapshot, tmp_path: Path, tamis: Command) -> None:
    (tmp_path / "mine").mkdir()
    pending(frozen.path.parents[1], [{"do": "remove", "source": str(tmp_path / "mine")}])
    code, said = tamis("verify", frozen.path)
    assert (code, "Traceback" in said, (tmp_path / "mine").exists()) == (3, False, True)
    assert "this store is a copy" in said


def test_a_copy_does_not_finish_what_the_original_began(frozen: Snapshot, tmp_path: Path) -> None:
    lock = (frozen.path.parents[1] / ".tamis/lock").stat()
    pending(frozen.path.parents[1], [], place=[lock.st_ino, lock.st_ctime_ns])
    shutil.copytree(frozen.path.parents[1], tmp_path / "copy")
    with pytest.raises(OutputError, match="this store is a copy"):
        open_snapshot(tmp_path / "copy/docs/1.0.0")
    id = frozen.id
    shutil.move(frozen.path.parents[1], tmp_path / "moved")
    assert open_snapshot(tmp_path / "moved/docs/1.0.0").id == id


@pytest.mark.parametrize("said", ["", "[]", "{}", '{"tamis_journal": 1, "steps": [7]}', "[" * 100_000])
def test_a_damaged_journal_is_told(said: str, frozen: Snapshot) -> None:
    (frozen.path.parents[1] / ".tamis/journal/aaaa.json").write_text(said)
    with pytest.raises(OutputError, match="cannot be read"):
        open_snapshot(frozen.path)


DATA = "data/train-00000-of-00001.parquet"


@pytest.mark.parametrize("name", [DATA, "leaves.parquet", "snapshot.json"])
@pytest.mark.parametrize("harm", ["cut", "fifo", "folder", "gone"])
def test_what_is_damaged_is_told_by_whoever_reads_it(harm: str, name: str, frozen: Snapshot, tamis: Command) -> None:
    path = frozen.path / name
    raw = path.read_bytes()
    path.unlink()
    if harm == "cut":
        path.write_bytes(raw[: len(raw) // 2])
    elif harm != "gone":
        (os.mkfifo if harm == "fifo" else Path.mkdir)(path)
    for command in (["licenses"], ["diff", frozen.path, "--why"], ["report"], ["trace", "--license", "MIT"]):
        code, said = tamis(*command, frozen.path)
        assert "Traceback" not in said and code in (0, 2, 3), command  # 0: it needs no such file
    code, said = tamis("verify", frozen.path)
    assert code == 1 and f"{name}: " in said


def test_a_value_that_is_no_text_is_told(frozen: Snapshot, tamis: Command) -> None:
    code, said = tamis("erase", "docs", "--match", "text~\udcff", "--dry-run", "--store", frozen.path.parents[1])
    assert code == 2 and "is no UTF-8" in said
