"""A run with pii opens no connection: it is made where there is none, and every call that would ask for one is watched."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from making import recipe, write_lines

pytest.importorskip("presidio_analyzer", reason="the extra pii is not installed")

WATCHED = """
import json, sys
asked = []
sys.addaudithook(lambda event, args: asked.append(event) if event.startswith(("socket.", "urllib.", "http.")) else None)
import tamis
run = tamis.run(json.loads(sys.argv[1]), sys.argv[2], sys.argv[3], workers=1)
print(json.dumps([asked, run.data(["text"]).column("text").to_pylist()]))
"""


def tried(*command: str) -> list[str]:
    """The start of a command line that runs another by `command`, where that may be done here; else nothing."""
    may = shutil.which(command[0]) and subprocess.run([*command, "true"], capture_output=True).returncode == 0
    return [*command] if may else []


def test_no_connection_is_asked_for(tmp_path: Path) -> None:
    lines = write_lines(tmp_path / "in.jsonl", [{"text": "ann@corp.co.uk, bob@x.github.io at 8.8.8.8"}])
    given = [json.dumps(recipe({"pii@1": {}})), str(lines), str(tmp_path / "run")]
    calls = tmp_path / "calls"
    trace = tried("strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", str(calls))
    alone = tried("unshare", "--net", "--map-root-user")
    command = [*alone, *trace, sys.executable, "-c", WATCHED, *given]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    asked, texts = json.loads(done.stdout)
    assert texts == ["<EMAIL_ADDRESS>, <EMAIL_ADDRESS> at <IP_ADDRESS>"]
    # urllib3 binds a socket of its own to see whether this machine knows IPv6.
    assert {*asked} <= {"socket.__new__", "socket.bind", "socket.gethostname"}
    assert not trace or "AF_INET" not in calls.read_text()
