"""Where a Ray cluster is: its address found, and tried, before Ray is asked. Ray itself tries for minutes, and logs."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

from tamis.errors import RunError, UsageError

REACH = 10.0
"""Seconds within which a cluster must answer."""

HTTP2, SETTINGS = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]), b"\x04"
"""How a client of gRPC begins, and the kind of frame that a server answers with first."""


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
    """Raise UsageError where `address` is no HOST:PORT, RunError where no Ray answers there within seconds."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "/" in address:
        raise UsageError(
            f"{address!r} is no address of a cluster; wanted HOST:PORT, as `ray start --head` says it, or auto: "
            "the driver runs on a machine of the cluster"
        )
    try:
        with connect(address, REACH) as connection:
            connection.sendall(HTTP2)
            answer = connection.recv(9)
    except OSError as error:
        raise RunError(
            f"no Ray cluster answers at {address}: {error.strerror or error}; start one with `ray start --head`, "
            "or leave --address out for a cluster on this machine"
        ) from error
    if answer[3:4] != SETTINGS:
        raise RunError(f"what listens at {address} is no Ray cluster; wanted the address that `ray start --head` says")
