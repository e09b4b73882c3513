"""A run that is not as it was written is told so, and where."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from making import recipe, sentences, write_lines

import tamis
from tamis.errors import InputError


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    rows = [*sentences(60), b"{broken"]
    return tamis.run(recipe("own:Shout", "exact@1"), write_lines(folder / "in.jsonl", rows), folder / "run").path


def files(run: Path) -> list[Path]:
    return [p for p in sorted(run.rglob("*")) if p.is_file()]


def test_a_run_as_written_is_whole(whole: Path) -> None:
    assert tamis.verify(whole) == []


def test_coreutils_agree(whole: Path) -> None:
    checked = subprocess.run(
        ["sha256sum", "--strict", "-c", "MANIFEST.sha256"], cwd=whole, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("place", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_one_changed_byte_is_named(whole: Path, place: float) -> None:
    for path in files(whole):
        data = path.read_bytes()
        at = min(int(len(data) * place), len(data) - 1)
        try:
            path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            assert path.name in {Path(f.file).name for f in tamis.verify(whole)}, path
        finally:
            path.write_bytes(data)


def test_a_missing_file_is_named(whole: Path) -> None:
    for path in files(whole):
        hidden = path.rename(whole.parent / "hidden")
        try:
            assert path.relative_to(whole).as_posix() in {f.file for f in tamis.verify(whole)}
        finally:
            hidden.rename(path)


@pytest.mark.parametrize("name", ["data/extra.parquet", "extra", "new/extra.json"])
def test_an_added_file_is_named(whole: Path, name: str) -> None:
    path = whole / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x")
    try:
        assert [f.file for f in tamis.verify(whole)] == [name]
    finally:
        path.unlink()
        if name.startswith("new"):
            path.parent.rmdir()


def test_a_link_in_place_of_a_file_is_named(whole: Path) -> None:
    path = whole / "fates.parquet"
    moved = path.rename(whole.parent / "fates.parquet")
    try:
        os.symlink(moved, path)
        assert [f.file for f in tamis.verify(whole)] == ["fates.parquet"]
    finally:
        path.unlink()
        moved.rename(path)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run"):
        tamis.verify(tmp_path)
