"""Where a Ray cluster is: its address found, and tried, before Ray is asked. Ray itself tries for minutes, and logs."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from pathlib import Path

from tamis.errors import RunError, UsageError

REACH = 10.0
"""Seconds within which a cluster must answer."""

HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""How a client of gRPC begins."""

DATA, HEADERS, RESET, SETTINGS, LEAVE = 0, 1, 3, 4, 7
"""Kinds of frames of HTTP/2 (RFC 9113): the last is GOAWAY."""

END, WHOLE = 1, 4
"""Flags of a frame: the last of its stream, and all of its headers."""

LARGEST = 1 << 14
"""Bytes of a frame, at most: as HTTP/2 has it where nobody asked for more."""

POST, HTTP = b"\x83", b"\x86"
"""Headers of the table that HTTP/2 begins with (RFC 7541): :method POST, :scheme http."""

REFUSED = tuple(bytes([0x80 + place]) for place in (9, 10, 11, 12, 13, 14))
"""Of the same table all statuses but 200, which servers of gRPC answer with: 204, 206, 304, 400, 404, 500."""

NO_SUCH, NO_TOKEN = b"\x0bgrpc-status\x0212", b"\x0bgrpc-status\x0216"
"""How a server of gRPC says that it has no such method, and that it wants a token. gRPC compresses neither in a first answer."""

CALL = b"/ray.rpc.NodeInfoGcsService/GetClusterId"
"""What Ray asks the head of a cluster first."""


def known_here() -> str:
    """Address of the cluster of this machine, as `ray start` has left it, or RAY_ADDRESS. Raises RunError."""
    if told := os.environ.get("RAY_ADDRESS"):
        return told
    noted = Path(os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()) / "ray" / "ray_current_cluster"
    try:
        return noted.read_text().strip()
    except OSError:
        raise RunError(
            "no Ray cluster is known on this machine; name it with --address HOST:PORT, or leave --address out"
        ) from None


def connect(address: str, seconds: float) -> socket.socket:
    """A connection to HOST:PORT. Raises OSError."""
    host, _, port = address.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), seconds)


def reach(address: str) -> None:
    """See that a Ray cluster answers at `address`, within seconds.

    Raises UsageError where that is no HOST:PORT, RunError where nothing answers, no Ray does, or one that wants a token which
    Ray would not send.
    """
    host, _, port = address.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or "/" in address:
        raise UsageError(
            f"{address!r} is no address of a cluster; wanted HOST:PORT, as `ray start --head` says it, or auto: "
            "the driver runs on a machine of the cluster"
        )
    if not 1 <= int(port) <= 65535:
        raise UsageError(f"{address!r} has no port: {port} is none of 1 to 65535; wanted what `ray start --head` says")
    try:
        with connect(address, REACH) as connection:
            # Under TLS Ray itself has to ask: it knows the certificates.
            answer = b"" if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true") else _asked(connection)
    except (OSError, UnicodeError) as error:
        said = getattr(error, "strerror", None) or error
        raise RunError(
            f"no Ray cluster answers at {address}: {said}; start one with `ray start --head`, "
            "or leave --address out for a cluster on this machine"
        ) from error
    if answer is None or answer.startswith(REFUSED) or NO_SUCH in answer:
        raise RunError(f"what listens at {address} is no Ray cluster; wanted the address that `ray start --head` says")
    if NO_TOKEN in answer and os.environ.get("RAY_AUTH_MODE", "").lower() in ("", "disabled"):
        raise RunError(
            f"the Ray cluster at {address} wants a token; set RAY_AUTH_MODE=token, with the token of its head in "
            "RAY_AUTH_TOKEN or ~/.ray/auth_token"
        )


def _asked(connection: socket.socket) -> bytes | None:
    """The headers of the answer to Ray's first question, as they are sent. Raises OSError.

    Empty where a server of HTTP/2 does not answer in time, as a busy head may; None where it is no such server.
    """
    headers = POST + HTTP + b"\x04" + _told(CALL) + b"\x01" + _told(b"head")  # names by their place in the table
    headers += b"\x0f\x10" + _told(b"application/grpc") + b"\x00" + _told(b"te") + _told(b"trailers")
    nothing = bytes(5)  # a message of no bytes, not compressed
    frames = (SETTINGS, 0, 0, b""), (HEADERS, WHOLE, 1, headers), (DATA, END, 1, nothing)
    connection.sendall(HTTP2 + b"".join(_frame(*one) for one in frames))
    until, number = time.monotonic() + REACH, 0
    try:
        while True:
            head = _read(connection, 9, until)
            size, kind = int.from_bytes(head[:3], "big"), head[3:4]
            if len(head) < 9 or size > LARGEST or kind in (bytes([RESET]), bytes([LEAVE])):
                return None
            if number == 0 and kind != bytes([SETTINGS]):
                return None
            payload = _read(connection, size, until)
            if kind == bytes([HEADERS]):
                return payload
            number += 1
    except TimeoutError:
        if number == 0:
            raise
        return b""


def _read(connection: socket.socket, size: int, until: float) -> bytes:
    """So many bytes; fewer where there are no more. Raises TimeoutError at `until`."""
    found = b""
    while len(found) < size:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        connection.settimeout(left)
        more = connection.recv(size - len(found))
        if not more:
            break
        found += more
    return found


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _told(text: bytes) -> bytes:
    """A string of fewer than 127 bytes in a header."""
    return bytes([len(text)]) + text
