"""The folder of a cluster of our own, and a process that sees to its end where the driver cannot: one that was killed.

Ray's first processes end with the driver that started them. Its agents go on for a minute, and the folder stays. What
belongs to the cluster has a file open there (its log), and Ray's name; both can be seen on Linux alone.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress


class Keeper:
    """A temporary folder called `name`. `process` waits for the other end of its input to close, as it does when we die."""

    def __init__(self) -> None:
        self.name = tempfile.mkdtemp(prefix="tamis-ray-")
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, self.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the driver
        )

    def cleanup(self) -> None:
        """End what is left of the cluster, and its folder."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def end(folder: str, driver: int) -> None:
    """End Ray's processes that have a file open in `folder`, the driver aside, and remove it."""
    for pid in (int(entry) for entry in os.listdir("/proc") if entry.isdigit()) if os.path.isdir("/proc") else ():
        with suppress(OSError):
            if pid != driver and _is_rays(pid, folder) and _has_open(pid, folder):
                os.kill(pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


def _is_rays(pid: int, folder: str) -> bool:
    with open(f"/proc/{pid}/cmdline", "rb") as f:
        called = f.read()
    return called.startswith(b"ray::") or folder.encode() in called


def _has_open(pid: int, folder: str) -> bool:
    return any(os.readlink(fd.path).startswith(f"{folder}/") for fd in os.scandir(f"/proc/{pid}/fd"))


if __name__ == "__main__":
    parent = os.getppid()
    sys.stdin.read()
    end(sys.argv[1], parent)
