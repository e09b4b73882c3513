"""A run with pii opens no connection in any of its processes: it is made where there is none, and every call is watched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from making import digests, recipe, write_lines

import tamis

pytest.importorskip("presidio_analyzer", reason="the extra pii is not installed")

STEPS = recipe({"pii@1": {}})

WATCH = """
import os, sys
def told(event, args):
    if event.startswith(("socket.", "urllib.", "http.", "ftplib.", "smtplib.")):
        with open(os.environ["ASKED"], "a") as file:
            file.write(event + chr(10))
with open(os.environ["ASKED"], "a") as file:
    file.write("process" + chr(10))
sys.addaudithook(told)
"""
"""As `sitecustomize` it is run by every Python process, before anything else."""

RUN = """
import json, sys, tamis
from tamis.curate.pii import Pii
from tamis.recipes.rescan import rescan
if __name__ == "__main__":
    Pii.processes_from = 0
    run = tamis.run(json.loads(sys.argv[1]), sys.argv[2], sys.argv[3], workers=2, partition_size=1000)
    assert rescan(run).found == ()
"""


def tried(*command: str) -> list[str]:
    """The start of a command line that runs another by `command`, where that may be done here; else nothing."""
    may = shutil.which(command[0]) and subprocess.run([*command, "true"], capture_output=True).returncode == 0
    return [*command] if may else []


class Watched(NamedTuple):
    """A run in processes that were watched.

    asked  what they asked of the system, as Python told; first, each says that it is there
    calls  what the kernel was asked for; None: that could not be watched here
    """

    run: Path
    lines: Path
    asked: list[str]
    calls: str | None


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """A run by two processes and a second scan of it, without a network where that can be had."""
    folder = tmp_path_factory.mktemp("watched")
    lines = write_lines(folder / "in.jsonl", [{"text": "ann@corp.co.uk, bob@x.github.io at 8.8.8.8"}] * 20)
    (folder / "made.py").write_text(RUN)
    (folder / "sitecustomize.py").write_text(WATCH)
    calls = folder / "calls"
    kinds = "trace=connect,sendto,sendmsg,sendmmsg"
    trace = tried("strace", "-f", "--seccomp-bpf", "-qq", "-e", kinds, "-o", str(calls))
    alone = tried("unshare", "--net", "--map-root-user")
    done = subprocess.run(
        [*alone, *trace, sys.executable, folder / "made.py", json.dumps(STEPS), lines, folder / "run"],
        env={**os.environ, "PYTHONPATH": str(folder), "ASKED": str(folder / "asked")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    asked = (folder / "asked").read_text().splitlines()
    return Watched(folder / "run", lines, asked, calls.read_text() if trace else None)


def test_no_connection_is_asked_for(watched: Watched) -> None:
    assert watched.asked.count("process") > 2, "the workers were not watched"
    # urllib3 binds a socket of its own to see whether this machine knows IPv6.
    assert {*watched.asked} <= {"process", "socket.__new__", "socket.bind", "socket.gethostname"}
    assert watched.calls is None or "AF_INET" not in watched.calls


def test_two_processes_make_the_bytes_of_one(watched: Watched, tmp_path: Path) -> None:
    one = tamis.run(STEPS, watched.lines, tmp_path / "run", workers=1)
    assert digests(watched.run) == digests(one.path)
    assert one.data(["text"]).column("text")[0].as_py() == "<EMAIL_ADDRESS>, <EMAIL_ADDRESS> at <IP_ADDRESS>"
