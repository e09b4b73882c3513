"""Worker processes of one machine."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ASK = """
import time
from tamis.engine.executor import Local
from working import worker
if __name__ == "__main__":
    local = Local(1)
    print(next(local.map(worker, [0], processes=True))[1], flush=True)
    time.sleep(60)
"""
WORKER = """
import os
def worker(_):
    return os.getpid()
"""


def test_workers_end_with_a_caller_that_was_killed(tmp_path: Path) -> None:
    (tmp_path / "asking.py").write_text(ASK)
    (tmp_path / "working.py").write_text(WORKER)
    with subprocess.Popen([sys.executable, tmp_path / "asking.py"], stdout=subprocess.PIPE, text=True) as caller:
        assert caller.stdout is not None
        worker = int(caller.stdout.readline())
        caller.kill()
    end = time.monotonic() + 30
    while _lives(worker) and time.monotonic() < end:
        time.sleep(0.05)
    assert not _lives(worker)


def _lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
