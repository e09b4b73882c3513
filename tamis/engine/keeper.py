"""A process that outlives the driver: it says what a driver could not that ended without a word, and ends its own cluster.

Ray ends its driver's process, by `_exit(1)`, where the node that it joined the cluster on is gone: nothing there can be
caught, or said. In a cluster of our own, Ray's first processes end with the driver that started them; its agents go on for
a minute, and the folder stays. What belongs to the cluster has a file open there (its log), and Ray's name; both can be
seen on Linux alone.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress

LEFT = b"left"
"""What a driver says that leaves its cluster; where its end of the pipe closes without, it died."""


class Keeper:
    """Of a cluster at `address`; None: of one of our own, in a temporary folder called `name`.

    `process` waits for the other end of its input to close, as it does when we die.
    """

    def __init__(self, address: str | None = None) -> None:
        self.name = tempfile.mkdtemp(prefix="tamis-ray-") if address is None else ""
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, self.name, address or "of its own"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the driver
        )

    def cleanup(self) -> None:
        """The driver leaves: end what is left of a cluster of our own, and its folder."""
        self.process.communicate(LEFT)


def mourn(address: str) -> None:
    """Say on the standard error of a driver that it ended, and what to do."""
    with suppress(OSError):
        print(
            f"tamis: this run's driver ended without a word while it was in the Ray cluster at {address}: it was killed, or "
            "Ray ended it because the head or the driver's node is gone; look at the cluster, and go on with --resume",
            file=sys.stderr,
            flush=True,
        )


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
    parent, (folder, address) = os.getppid(), sys.argv[1:]
    if sys.stdin.buffer.read() != LEFT:
        mourn(address)
    if folder:
        end(folder, parent)
