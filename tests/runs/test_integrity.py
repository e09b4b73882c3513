"""A run that is not as it was written is told so, and where."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from making import recipe, sentences, write_lines

import tamis
from tamis.cli import main
from tamis.errors import InputError
from tamis.runs import Finding, seal


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
    assert [f.file for f in tamis.verify(run)] == [gone]


def swapped(run: Path) -> None:
    """One record that was kept and one that was dropped change places in the fates."""
    path = run / "fates.parquet"
    table = pq.read_table(path)
    fates = table.column("fate").to_pylist()
    k, d = fates.index("kept"), fates.index("dropped")
    fates[k], fates[d] = fates[d], fates[k]
    at = table.schema.get_field_index("fate")
    pq.write_table(table.set_column(at, table.schema.field(at), pa.array(fates, table.schema.field(at).type)), path)


def edited(run: Path) -> None:
    """One text that was kept is another."""
    path = run / "data/part-00000.parquet"
    table = pq.read_table(path)
    texts = ["another", *table.column("text").to_pylist()[1:]]
    pq.write_table(table.set_column(table.schema.get_field_index("text"), "text", pa.array(texts)), path)


RESEALED: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "verdicts gone": (lambda run: shutil.rmtree(run / "verdicts"), {"verdicts/part-00000.parquet"}),
    "recipe gone": (lambda run: (run / "recipe.yaml").unlink(), {"recipe.yaml"}),
    "environment edited": (lambda run: (run / "env.json").write_text("{}"), {"env.json"}),
    "a part added": (
        lambda run: shutil.copy(run / "quarantine/part-00000.parquet", run / "quarantine/part-00009.parquet"),
        {"quarantine/part-00009.parquet"},
    ),
    "fates swapped": (swapped, {"fates.parquet"}),
    "a text edited": (edited, {"data/part-00000.parquet"}),
    "fates of noise": (lambda run: (run / "fates.parquet").write_bytes(b"PAR1"), {"fates.parquet"}),
    "run.json of nothing": (lambda run: (run / "run.json").write_text("{}"), {"run.json"}),
    "run.json of another shape": (lambda run: (run / "run.json").write_text('{"rows": 1, "files": 3}'), {"run.json"}),
    "run.json cut": (lambda run: (run / "run.json").write_text('{"rows": '), {"run.json"}),
    "run.json of digits": (lambda run: (run / "run.json").write_bytes(b"\xff\x00"), {"run.json"}),
}


@pytest.mark.parametrize(("hurt", "wanted"), RESEALED.values(), ids=RESEALED.keys())
def test_a_file_that_run_json_does_not_tell_of_so_is_named_under_another_seal(
    whole: Path, tmp_path: Path, hurt: Callable[[Path], object], wanted: set[str]
) -> None:
    run = shutil.copytree(whole, tmp_path / "run")
    hurt(run)
    seal(run, {})
    assert {f.file for f in tamis.verify(run)} == wanted


def test_a_file_that_run_json_leaves_out_is_missed_where_every_run_has_it(whole: Path, tmp_path: Path) -> None:
    run = shutil.copytree(whole, tmp_path / "run")
    facts = json.loads((run / "run.json").read_bytes())
    facts["files"] = [file for file in facts["files"] if file["path"] != "env.json"]
    (run / "run.json").write_text(json.dumps(facts))
    (run / "env.json").unlink()
    seal(run, {})
    assert tamis.verify(run) == [Finding("env.json", "is missing: every run has one")]


@pytest.mark.parametrize(
    ("hurt", "said"),
    [
        (
            lambda facts: facts["steps"][2]["rows"].update(dropped=1),
            "does not balance: of step 2, exact@1, the rows are",
        ),
        (
            lambda facts: facts["rows"].update({"in": 62}),
            "does not balance: in is 62 / 61 in run.json, fates and files",
        ),
        (lambda facts: facts.update(steps="none"), "its books cannot be read"),
        (lambda facts: facts["steps"][1].pop("stage"), "is not what `tamis run` writes: it lacks stage"),
        (lambda facts: facts.pop("inputs"), "is not what `tamis run` writes: it lacks inputs"),
    ],
)
def test_books_that_do_not_balance_are_told(
    whole: Path, tmp_path: Path, hurt: Callable[[dict[str, Any]], object], said: str
) -> None:
    run = shutil.copytree(whole, tmp_path / "run")
    facts = json.loads((run / "run.json").read_bytes())
    hurt(facts)
    (run / "run.json").write_text(json.dumps(facts))
    seal(run, {})
    assert any(f.file == "run.json" and said in f.problem for f in tamis.verify(run))


def test_a_folder_of_work_in_a_finished_run_was_added(whole: Path, tmp_path: Path) -> None:
    run = shutil.copytree(whole, tmp_path / "run")
    (run / ".work").mkdir()
    assert [f.file for f in tamis.verify(run)] == [".work"]
    (run / "run.json").unlink()
    with pytest.raises(InputError, match="is not finished"):
        tamis.verify(run)


def test_a_file_beside_the_folder_of_work_was_added(whole: Path, tmp_path: Path) -> None:
    run = shutil.copytree(whole, tmp_path / "run")
    (run / ".worked").write_text("x")
    assert [f.file for f in tamis.verify(run)] == [".worked"]


def test_a_run_of_an_evaluation_is_not_said_to_be_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("report.json", "run.json", "samples.parquet", "scores.parquet"):
        (tmp_path / name).write_text("{}")
    code, told = said(capsys, "verify", tmp_path)
    assert code == 2 and f"`tamis eval report {tmp_path} --format json`" in told


def test_a_folder_without_books_is_not_taken_for_a_damaged_run(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(whole, tmp_path / "run")
    (run / "run.json").write_text('{"what": "pairwise"}')
    code, told = said(capsys, "report", run, "--format", "md")
    assert code == 2 and "run.json" in told and "has no rows: it is damaged, or no run's" in told
