"""A GGUF file behind an OpenAI-compatible endpoint on this machine, by llama.cpp (xllamacpp), in a process of its own.

    python -m tamis.models.serving FILE PORT        serves until whoever started it is gone

One thread: more are no faster on a busy machine, for they spin at barriers for each other.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from tamis.errors import RunError

NAME = "local"
CONTEXT = 2048
"""Tokens for each of the requests at once."""
AT_ONCE = 4


def can_serve() -> bool:
    """Is there something here that serves?"""
    return find_spec("xllamacpp") is not None


@contextmanager
def serving(file: Path, port: int, log: Path) -> Iterator[str]:
    """The base URL of a server of the model in `file`, which runs inside the block. Raises RunError where it does not start."""
    words = [sys.executable, "-m", "tamis.models.serving", str(file), str(port)]
    with log.open("wb") as said:
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True)
        try:
            assert process.stdout is not None
            url = next((line.strip() for line in process.stdout if line.startswith("http://")), "")
            if not url:
                raise RunError(f"the model server ended before it listened on port {port}; {log} has what it said")
            yield url
        finally:
            process.kill()
            process.communicate()


def serve(file: str, port: int) -> None:
    """Serve until our input is closed."""
    import xllamacpp

    given = xllamacpp.CommonParams()
    given.model.path, given.model_alias = file, {NAME}
    given.n_ctx, given.n_parallel, given.port = AT_ONCE * CONTEXT, AT_ONCE, port
    given.n_gpu_layers, given.use_jinja = 0, True
    for threads in (given.cpuparams, given.cpuparams_batch):
        threads.n_threads, threads.poll = 1, 0
    server = xllamacpp.Server(given)
    print(f"{server.listening_address}/v1", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
