"""A run that is stopped, started twice or changed under its hands: the same bytes, or a sentence that says why not."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from attempting import process
from making import digests, sentences, write_lines

Tamis = Callable[..., tuple[int, str]]


@pytest.fixture
def job(tmp_path: Path) -> tuple[list[object], dict[str, str]]:
    """A run of many small tasks: its arguments, and the digests it should have."""
    write_lines(tmp_path / "a.jsonl", [*sentences(3000), b"bad"])
    stages = "[clean@1: {}, quality.gopher@1: {min_words: 5}, exact@1: {}, quality.repetition@1: {}]"
    (tmp_path / "recipe.yaml").write_text(f"name: t\nstages: {stages}\n")
    from tamis import run

    whole = digests(run(tmp_path / "recipe.yaml", tmp_path / "a.jsonl", tmp_path / "whole").path)
    return ["run", tmp_path / "recipe.yaml", "-i", tmp_path / "a.jsonl", "--partition-size", 9000], whole


@pytest.mark.parametrize(
    ("stop", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["KILL", "TERM", "INT"]
)
def test_a_run_that_is_stopped_anywhere_resumes_to_the_same_bytes(
    tamis: Tamis, tmp_path: Path, job: tuple[list[object], dict[str, str]], stop: int, code: int
) -> None:
    call, whole = job
    for phase in ("reading", "resolving", "sieving", "writing", "report") if code < 0 else ("reading", "writing"):
        with process(*call, "-o", tmp_path / "run", "--resume") as running:
            assert running.stdout is not None
            for line in running.stdout:
                if line.startswith(phase):
                    time.sleep(0.02)
                    running.send_signal(stop)
                    break
                if phase == "report" and line.startswith("writing"):
                    while running.poll() is None and not (tmp_path / "run" / "run.json").exists():
                        time.sleep(0.001)
                    running.send_signal(stop)
                    break
            assert "Traceback" not in running.stdout.read()
        assert running.returncode in (code, 0)
    assert tamis(*call[:-1], 50_000, "-o", tmp_path / "run", "--resume", "--quiet") == (0, "")
    assert digests(tmp_path / "run") == whole


def test_work_is_cut_as_it_was_begun(tamis: Tamis, tmp_path: Path, job: tuple[list[object], dict[str, str]]) -> None:
    from tamis import run

    def enough(progress: object) -> None:
        if "books" in str(progress):
            raise KeyboardInterrupt

    call, whole = job
    with pytest.raises(KeyboardInterrupt):
        run(call[1], call[3], tmp_path / "run", partition_size=20_000, on_progress=enough)  # type: ignore[arg-type]
    assert tamis(*call, "-o", tmp_path / "run", "--resume", "--quiet") == (0, "")
    assert digests(tmp_path / "run") == whole


def test_what_changed_since_is_told(tamis: Tamis, tmp_path: Path, job: tuple[list[object], dict[str, str]]) -> None:
    call, _ = job
    bytes_at_most = (60_000, 60_000)
    with process(
        *call, "-o", tmp_path / "run", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, bytes_at_most)
    ) as full:
        said = full.stdout.read() if full.stdout else ""
    assert (full.returncode, "no file that large" in said, "Traceback" in said) == (3, True, False)
    assert tamis("verify", tmp_path / "run")[0] == 2
    for option in (["--set", "exact.keep=longest"], []):
        os.utime(tmp_path / "a.jsonl", (1, len(option)))
        code, said = tamis(*call, "-o", tmp_path / "run", "--resume", *option)
        assert (code, "changed since" in said) == (2, True)


def test_two_runs_do_not_share_an_output(
    tamis: Tamis, tmp_path: Path, job: tuple[list[object], dict[str, str]]
) -> None:
    call, whole = job
    with process(*call, "-o", tmp_path / "run") as first:
        assert first.stdout is not None
        first.stdout.readline()
        code, said = tamis(*call, "-o", tmp_path / "run", "--resume")
        first.stdout.read()
    assert (code, "another process" in said) == (3, True) or (code, first.returncode) == (0, 0)
    assert digests(tmp_path / "run") == whole
