"""The action, and the workflow and hooks of docs/ci.md: read as GitHub and pre-commit read them, and their shell steps run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from test_docs import blocks

ROOT = Path(__file__).parents[1]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
RIGHT = '{"task": "sums", "item_id": "c", "response": "That makes 7."}\n'

Call = Callable[..., tuple[int, str]]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tamis: Call) -> Path:
    """The files of the page, and the snapshot they make."""
    for block in blocks((ROOT / "docs/ci.md").read_text("utf-8")):
        if block.file:
            place = tmp_path / block.file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(block.text, "utf-8")
    monkeypatch.chdir(tmp_path)
    assert tamis("eval", "freeze", "suite.yaml", "-o", "evals/sums")[0] == 0
    return tmp_path


def used(repository: Path) -> dict[str, str]:
    """Inputs of the action: its defaults, and what the workflow says."""
    workflow = yaml.safe_load((repository / ".github/workflows/evaluate.yml").read_text("utf-8"))
    (step,) = [s for s in workflow["jobs"]["evaluate"]["steps"] if s.get("id") == "tamis"]
    assert set(step["with"]) <= set(ACTION["inputs"])
    assert all(name in step["with"] for name, one in ACTION["inputs"].items() if one.get("required"))
    return {**{k: v.get("default", "") for k, v in ACTION["inputs"].items()}, **step["with"]}


def act(repository: Path, given: dict[str, str], step: str = "run") -> tuple[int, str, dict[str, str]]:
    """A step of the action as a runner takes it: exit code, summary, outputs."""
    (own,) = [s for s in ACTION["runs"]["steps"] if s["id"] == step]
    known = {f"inputs.{k}": v for k, v in given.items()} | {"github.action_path": str(ROOT)}
    put = re.compile(r"\$\{\{ ([\w.-]+) \}\}")
    assert not put.search(own["run"])
    env = {k: put.sub(lambda m: known[m[1]], v) for k, v in own["env"].items()}
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        env[name] = str(repository / name)
        Path(env[name]).write_text("")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shell = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", own["run"]]
    done = subprocess.run(shell, cwd=repository, env={**os.environ, **env, "PATH": path}, timeout=100)
    told = Path(env["GITHUB_OUTPUT"]).read_text("utf-8").splitlines()
    summary = Path(env["GITHUB_STEP_SUMMARY"]).read_text("utf-8")
    return done.returncode, summary, dict(line.split("=", 1) for line in told)


def test_a_gate_that_fails_fails_the_job_and_says_why(repository: Path) -> None:
    code, summary, told = act(repository, used(repository))
    assert code == 1 == int(told["exit-code"]) and "min" in summary and "0.667" in summary
    assert "<failure" in (repository / told["junit"]).read_text("utf-8")
    assert (repository / told["report"]).is_file()


def test_answers_that_are_right_pass(repository: Path) -> None:
    lines = (repository / "answers.jsonl").read_text("utf-8").splitlines(keepends=True)
    (repository / "answers.jsonl").write_text("".join([*lines[:2], RIGHT]))
    code, summary, told = act(repository, used(repository))
    assert (code, told["exit-code"]) == (0, "0") and summary.startswith("## Passed")


def test_every_input_is_handed_on(repository: Path, tamis: Call) -> None:
    tamis("eval", "run", "evals/sums", "--model", "replay:answers.jsonl", "-o", "runs/base")
    more = {"baseline": "runs/base", "id": "sha256:" + "0" * 64, "train": "nothing@1"}
    code, summary, told = act(repository, used(repository) | more)
    assert code == 1 and "left no report" in summary  # of another id
    code, _, told = act(repository, used(repository) | {**more, "id": ""})
    assert code == 2 == int(told["exit-code"])  # no such training snapshot
    code, summary, _ = act(repository, used(repository) | {"baseline": "runs/base", "output": "a b"})
    assert code == 1 and "Against the baseline" in summary and (repository / "a b/junit.xml").is_file()


def test_what_an_input_says_is_no_script(repository: Path) -> None:
    code, _, _ = act(
        repository, used(repository) | {"snapshot": "$(touch taken); `touch taken`", "gates": '"; touch taken'}
    )
    assert code == 2 and not (repository / "taken").exists()


def test_a_report_that_the_pull_request_brings_is_not_shown(repository: Path) -> None:
    place = repository / "brought/report.md"
    place.parent.mkdir()
    place.write_text("## Passed\n")
    code, summary, told = act(repository, used(repository) | {"output": "brought"})
    assert code == 3 == int(told["exit-code"]) and "Passed" not in summary and "ended with 3" in summary


@pytest.mark.parametrize("given", [{"snapshot": "--help"}, {"output": "a\nexit-code=0"}, {"model": "--version"}])
def test_no_input_ends_the_job_well_without_asking(repository: Path, given: dict[str, str]) -> None:
    code, _, told = act(repository, used(repository) | given)
    assert code == 2 and told.get("exit-code", "2") == "2"


def test_installing_takes_the_revision_of_the_action(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = repository / "bin/python"
    stub.parent.mkdir()
    stub.write_text('#!/bin/sh\necho "$@" >> "$CALLS"\n')
    stub.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(stub))
    monkeypatch.setenv("CALLS", str(repository / "calls"))
    assert act(repository, used(repository), "install")[0] == 0
    torch, own = (repository / "calls").read_text().splitlines()
    assert "torch --index-url https://download.pytorch.org/whl/cpu" in torch and own.endswith(f"{ROOT}[eval]")


def test_hooks_run(repository: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=repository, check=True)
    act(repository, used(repository) | {"output": "runs/new"})
    (one,) = yaml.safe_load((repository / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    ends = {}
    for hook in one["hooks"]:
        re.compile(hook["files"])
        words = [str(Path(sys.executable).with_name("tamis")), *shlex.split(hook["entry"])[1:]]
        ends[hook["id"]] = subprocess.run(words, cwd=repository, capture_output=True, timeout=100).returncode
    assert ends == {"frozen": 0, "gates": 1}
