"""A process that has tamis imported, and becomes each command that it is asked for: the pages' commands, without a start each.

    python warm.py SOCKET     listens there until its standard input closes

Each command runs in a fork, with the streams, the folder and the environment of whoever asks. `Warm.bin` has a `tamis` that
asks. What starting tamis itself does is held elsewhere, and by README.md, whose commands are processes of their own.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector

PROGRAM = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as to:
    to.connect({socket!r})
    told = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(to, [len(told).to_bytes(4, "big")], [0, 1, 2])
    to.sendall(told)
    code = to.recv(1)
sys.exit(code[0] if code else "the warm process is gone")
"""

READY = [
    "ftfy",
    "polars",
    "tamis.contracts.gate",
    "tamis.curate",
    "tamis.curate.license",
    "tamis.curate.near",
    "tamis.curate.quality",
    "tamis.recipes.run",
    "tamis.report.sheet",
    "tamis.snapshot.verify",
]
"""What most commands import when they are called. A name that is gone fails at once."""


class Warm:
    """The process, and `bin`, a folder with a `tamis` that asks it."""

    def __init__(self, folder: Path) -> None:
        self.bin, self.socket = folder / "bin", folder / "socket"
        self.bin.mkdir()
        asks = self.bin / "tamis"
        asks.write_text(PROGRAM.format(python=sys.executable, socket=str(self.socket)))
        asks.chmod(0o755)
        self.process = subprocess.Popen(
            [sys.executable, "-P", __file__, str(self.socket)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.process.stdout is not None
        self.process.stdout.readline()

    def close(self) -> None:
        """End it."""
        self.process.communicate()


def serve(place: str) -> list[str]:
    """Listen. Returns in a fork, with its streams, folder and environment set: the words of its command."""
    with socket.socket(socket.AF_UNIX) as listening, DefaultSelector() as selector:
        listening.bind(place)
        listening.listen()
        selector.register(listening, EVENT_READ)
        selector.register(sys.stdin, EVENT_READ)
        print("ready", flush=True)
        while True:
            for key, _ in selector.select():
                if key.fileobj is sys.stdin:
                    os._exit(0)
                if key.fileobj is listening:
                    asking, _ = listening.accept()
                    if not (child := os.fork()):
                        return become(asking)
                    selector.register(os.pidfd_open(child), EVENT_READ, (child, asking))
                else:
                    child, asking = key.data
                    asking.send(bytes([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF]))
                    asking.close()
                    selector.unregister(key.fileobj)
                    os.close(key.fd)


def become(asking: socket.socket) -> list[str]:
    """In a fork: take over what the one that asks has. The words of its command."""
    size, streams, _, _ = socket.recv_fds(asking, 4, 3)
    with asking.makefile("rb") as f:
        words, folder, environment = json.loads(f.read(int.from_bytes(size, "big")))
    asking.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    return [str(word) for word in words]


if __name__ == "__main__":
    from tamis.cli import COMMANDS, main

    for name in [*READY, *(f"tamis.cli.{command}" for command in COMMANDS)]:
        import_module(name)
    gc.freeze()  # what is looked at is copied
    sys.argv = ["tamis", *serve(sys.argv[1])]
    main()
