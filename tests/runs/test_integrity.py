"""A run that is not as it was written is told so, and where."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from making import recipe, sentences, write_lines

import tamis
from tamis.cli import main
from tamis.errors import InputError
from tamis.runs import seal


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


OTHERS = {
    "judgments": ("judgments.parquet", "report.html", "rubric.yaml", "run.json"),
    "an adapter": ("adapter_config.json", "adapter_model.safetensors", "left_out.parquet", "run.json", "train.json"),
    "a merged model": ("config.json", "merge.json", "model.safetensors"),
}
"""What tamis writes beside runs with a manifest and without books."""


@pytest.fixture(params=OTHERS.values(), ids=OTHERS.keys())
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / "other"
    folder.mkdir()
    for name in request.param:
        (folder / name).write_text(json.dumps({"of": name}))
    seal(folder, {})
    return folder


def said(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, str]:
    with pytest.raises(SystemExit) as left:
        main([str(a) for a in args])
    out, err = capsys.readouterr()
    return int(left.value.code or 0), out + err


def test_a_folder_without_books_is_held_against_its_manifest(other: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tamis.verify(other) == []
    code, told = said(capsys, "verify", other)
    assert code == 0 and f"is whole: {len(files(other)) - 1} files as written, none missing, none added" in told


def test_a_folder_without_books_is_no_name_in_a_store(
    other: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(other.parent)
    (other.parent / "snapshots/.tamis").mkdir(parents=True)
    assert said(capsys, "verify", other.name, "--store", "snapshots")[0] == 0


def test_what_happened_to_a_folder_without_books_is_named(other: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = [p.name for p in files(other) if p.name != "MANIFEST.sha256"][:2]
    (other / first).write_text("another")
    (other / second).unlink()
    (other / "extra").write_text("x")
    assert {f.file for f in tamis.verify(other)} == {first, second, "extra"}
    assert said(capsys, "verify", other)[0] == 1


def test_a_folder_without_books_and_its_manifest_is_told(other: Path) -> None:
    (other / "MANIFEST.sha256").unlink()
    assert "MANIFEST.sha256" in {f.file for f in tamis.verify(other)}


def test_nothing_is_looked_for_in_what_is_no_run(other: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = said(capsys, "verify", other, "--no-pii")
    assert code == 2 and "is no run" in told


@pytest.mark.parametrize("gone", ["run.json", "fates.parquet"])
def test_a_run_sealed_without_one_of_its_books_is_none_without_books(whole: Path, tmp_path: Path, gone: str) -> None:
    run = shutil.copytree(whole, tmp_path / "run")
    (run / gone).unlink()
    seal(run, {})
    assert [f.file for f in tamis.verify(run)] == ["run.json"]


def test_a_run_of_an_evaluation_is_not_said_to_be_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("report.json", "run.json", "samples.parquet", "scores.parquet"):
        (tmp_path / name).write_text("{}")
    code, told = said(capsys, "verify", tmp_path)
    assert code == 2 and f"`tamis eval report {tmp_path} --format json`" in told
