"""A run that is written to object storage: the same bytes, committed by one PUT, whatever goes wrong before it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from making import digests, recipe, sentences, write_lines
from storing_s3 import S3

from tamis.data.storage import at, fetch, listed, put
from tamis.data.storage.connection import filesystem
from tamis.errors import InputError, OutputError, UsageError
from tamis.recipes.place_far import FarPlace
from tamis.recipes.run import run
from tamis.runs import Run, open_run, verify
from tamis.runs.manifest import MANIFEST

Tamis = Callable[..., tuple[int, str]]

FAR = "s3://bucket/runs/one"
RECIPE = recipe("exact@1")


pytestmark = pytest.mark.usefixtures("own_scratch")


@pytest.fixture
def near(tmp_path: Path) -> Run:
    """The run on a disk, of in.jsonl beside it."""
    return run(RECIPE, write_lines(tmp_path / "in.jsonl", sentences(300)), tmp_path / "near", engine="inline")


def far(folder: Path, **options: Any) -> Run:
    """The same run in object storage."""
    return run(RECIPE, folder.parent / "in.jsonl", FAR, **{"engine": "inline", **options})


def is_the_same(near: Run, tmp_path: Path) -> bool:
    """Whether the run in object storage is whole, and has the tables of `near`."""
    folder = tmp_path / "copied"
    shutil.rmtree(folder, ignore_errors=True)
    for one in listed(at(FAR)):
        fetch(one.remote, folder / one.remote.key.removeprefix("runs/one/"))
    return verify(FAR) == [] and digests(folder) == digests(near.path)


@pytest.mark.parametrize("options", [{"engine": "inline"}, {"engine": "local", "workers": 2, "partition_size": 4096}])
def test_a_run_in_object_storage_is_the_run_on_a_disk(
    s3: S3, near: Run, tmp_path: Path, options: dict[str, Any]
) -> None:
    made = far(near.path, **options)
    assert is_the_same(near, tmp_path) and str(made.place) == FAR
    assert made.data().equals(near.data()) and made.facts["files"] == near.facts["files"]
    assert list((tmp_path / "scratch").iterdir()) == []


def test_the_manifest_is_put_last_and_by_one_request(s3: S3, near: Run) -> None:
    far(near.path)
    puts = [path for method, path in s3.asked if method in ("PUT", "POST") and "/.work/" not in path]
    assert puts[-1] == f"/bucket/runs/one/{MANIFEST}" and puts.count(puts[-1]) == 1


def test_what_says_how_a_run_went_is_put_anew_by_a_resume(s3: S3, tmp_path: Path) -> None:
    place = FarPlace(tmp_path / "root", at(FAR))
    (place.root / "data").mkdir(parents=True)
    for name, text in {"run.json": "seconds: 2", "data/part-00000.parquet": "rows", MANIFEST: "of 2"}.items():
        (place.root / name).write_text(text)
    put(at(FAR) / "run.json", b"seconds: 1")  # of a process that died before it had put the manifest
    put(at(FAR) / "data/part-00000.parquet", b"rows")
    place.finish()
    assert (at(FAR) / "run.json").read_bytes() == b"seconds: 2"
    assert [path for method, path in s3.asked if method == "PUT"].count("/bucket/runs/one/data/part-00000.parquet") == 1


def test_what_has_no_manifest_is_no_run(s3: S3, near: Run) -> None:
    far(near.path)
    filesystem("s3").delete_file(f"bucket/runs/one/{MANIFEST}")
    with pytest.raises(InputError, match=r"the run at s3://bucket/runs/one is not finished; .* --resume"):
        open_run(FAR)
    with pytest.raises(InputError, match="not finished"):
        verify(FAR)


@pytest.mark.parametrize("moment", [4, 9, 14, 19, 24])
def test_a_run_that_was_killed_goes_on_to_the_same_bytes(s3: S3, near: Run, tmp_path: Path, moment: int) -> None:
    (tmp_path / "recipe.json").write_text(json.dumps(RECIPE))
    code = "import sys; from tamis.recipes.run import run; run(*sys.argv[1:4], engine='inline')"
    command = [sys.executable, "-c", code, str(tmp_path / "recipe.json"), str(tmp_path / "in.jsonl"), FAR]
    begun = threading.Event()

    def kill(number: int, method: str, path: str) -> None:
        begun.wait(10)
        if number == moment:
            process.send_signal(signal.SIGKILL)
            process.wait(10)

    s3.faults = kill
    process = subprocess.Popen(command)
    begun.set()
    killed = process.wait(60) == -signal.SIGKILL
    s3.faults = {}
    assert killed
    if moment % 2:  # another machine, or a cleaned one: what was worked with is gone
        shutil.rmtree(tmp_path / "scratch", ignore_errors=True)
    far(near.path, resume=True)
    assert is_the_same(near, tmp_path)


def test_a_resume_of_another_recipe_is_refused_wherever_it_is_tried(s3: S3, near: Run, tmp_path: Path) -> None:
    s3.faults = lambda number, method, path: "403" if path.endswith("fates.parquet") else None
    with pytest.raises(OutputError, match="access denied"):
        far(near.path)
    s3.faults = {}
    shutil.rmtree(tmp_path / "scratch")
    with pytest.raises(UsageError, match="cannot go on: the recipe changed since"):
        run(recipe("chunk@1"), tmp_path / "in.jsonl", FAR, engine="inline", resume=True)
    far(near.path, resume=True)
    assert is_the_same(near, tmp_path)


def test_faults_of_the_storage_change_no_byte(s3: S3, near: Run, tmp_path: Path) -> None:
    faults = ["503", "wait:0.2", "reset", "500"]
    s3.faults = lambda number, method, path: faults[number // 5 % 4] if number % 5 == 3 else None
    far(near.path)
    s3.faults = {}
    assert is_the_same(near, tmp_path)


def test_storage_that_fails_for_good_ends_the_run_and_commits_nothing(
    s3: S3, near: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    s3.faults = lambda number, method, path: "503" if number > 12 else None
    with pytest.raises(OutputError, match=r"overloaded: 2 tries failed .* run again later with --resume"):
        far(near.path)
    s3.faults = {}
    assert at(FAR) / MANIFEST not in {one.remote for one in listed(at(FAR))}
    far(near.path, resume=True)
    assert is_the_same(near, tmp_path)


def test_a_second_run_started_by_mistake_is_told_who_is_at_it(s3: S3, near: Run, tmp_path: Path) -> None:
    said: list[str] = []

    def again(_: object) -> None:
        with pytest.raises((OutputError, UsageError)) as refused:
            far(near.path, resume=True)
        said.append(str(refused.value))

    far(near.path, on_progress=again)
    assert all(f"another process is writing the run at {FAR}: pid {os.getpid()} on" in one for one in said) and said
    assert is_the_same(near, tmp_path)


def test_a_place_that_holds_something_is_not_written_over(s3: S3, near: Run) -> None:
    put(at(FAR) / "notes.txt", b"mine")
    for resume, says in ((False, "is not empty; name another place"), (True, "holds something that is not a run")):
        with pytest.raises(UsageError, match=says):
            far(near.path, resume=resume)
    assert [one.remote.name for one in listed(at(FAR))] == ["notes.txt"]


def test_a_finished_run_is_not_made_again(s3: S3, near: Run) -> None:
    far(near.path)
    with pytest.raises(UsageError, match="holds a finished run; name another place"):
        far(near.path)
    s3.faults = {}
    assert far(near.path, resume=True).rows == near.rows
    assert not [method for method, _ in s3.asked if method in ("PUT", "POST")]


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (
            lambda run: put(run / "fates.parquet", b"PAR1 torn"),
            "fates.parquet: is not what was written: its sha256 differs",
        ),
        (lambda run: put(run / "more.txt", b"x"), "more.txt: was added: the manifest does not name it"),
        (lambda run: put(run / MANIFEST, b"0" * 64 + b"  run.json\n"), "its last line does not fit"),
    ],
)
def test_verify_reads_every_file_where_it_lies(
    s3: S3, near: Run, tamis: Tamis, harm: Callable[[Any], None], says: str
) -> None:
    far(near.path)
    harm(at(FAR))
    code, said = tamis("verify", FAR)
    assert code == 1 and says in said


def test_what_is_fetched_is_held_against_the_manifest(s3: S3, near: Run) -> None:
    made = far(near.path)
    put(at(FAR) / "data/part-00000.parquet", b"PAR1 of another run")
    with pytest.raises(InputError, match=r"data/part-00000.parquet is not what was written: its sha256 is"):
        made.data()


def test_only_what_is_asked_for_is_fetched(s3: S3, near: Run) -> None:
    far(near.path)
    s3.faults = {}
    open_run(FAR).verdicts()
    assert not [path for method, path in s3.asked if "/data/" in path]


def test_commands_read_a_run_in_object_storage(s3: S3, near: Run, tmp_path: Path, tamis: Tamis) -> None:
    far(near.path)
    for command in (
        ["verify", FAR],
        ["explain", FAR, "r7"],
        ["report", FAR],
        ["report", FAR, "--format", "md"],
        ["replay", FAR, "--set", "exact.keep=first"],
        ["verify", FAR, "--no-pii"],
    ):
        code, said = tamis(*command)
        assert code == 0, (command, said)


def test_a_command_that_cannot_write_there_says_so(s3: S3, near: Run, tmp_path: Path, tamis: Tamis) -> None:
    code, said = tamis("report", near.path, "--format", "md", "-o", "s3://bucket/report.md")
    assert (
        code == 2
        and "cannot be written to object storage by this command; name a file or folder of this machine" in said
    )


@pytest.mark.parametrize(
    ("output", "code", "says"),
    [
        ("s3://bucket/run", 3, "cannot write s3://bucket/run: http://127.0.0.1:9 cannot be reached"),
        ("gs://bucket/run", 3, "cannot write gs://bucket/run: http://127.0.0.1:9 cannot be reached"),
        ("s3://", 2, "'s3://' names no bucket; write s3://BUCKET/KEY"),
    ],
)
def test_an_output_that_cannot_be_reached_is_no_wrong_call(
    s3: S3, tmp_path: Path, tamis: Tamis, monkeypatch: pytest.MonkeyPatch, output: str, code: int, says: str
) -> None:
    (tmp_path / "recipe.json").write_text(json.dumps(RECIPE))
    write_lines(tmp_path / "in.jsonl", sentences(3))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    found, said = tamis("run", tmp_path / "recipe.json", "-i", tmp_path / "in.jsonl", "-o", output)
    assert (found, says in said) == (code, True), said
