"""One writer at a time, where there are no locks: a claim is an object that its holder writes anew while it lives.

Whoever wants the place puts a claim of its own and then reads them all; where another one lives it gives up its own. Of two at
once the later sees the earlier, so never do both hold it (listings of S3 and of Google are strongly consistent). Who lives is
told by the clock of the storage alone: its times of the two claims are compared, and no clock of ours. A claim that is given up
says so; it is not deleted, as Arrow's deleting puts objects of its own in the place.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

from tamis.data.storage.address import Remote
from tamis.data.storage.objects import listed, put
from tamis.errors import InputError, OutputError, TamisError

BEAT = 20.0
"""Seconds between two writings of a claim."""

DEAD = 180.0
"""Seconds without one after which its holder counts as dead."""


_HELD: set[str] = set()
"""Claims that this process holds."""


@dataclass
class Claim:
    """A claim on the place `folder` is of, held by this process; `what` is said of that place."""

    folder: Remote
    what: str
    _token: str = field(default_factory=lambda: token_hex(8))
    _stop: threading.Event = field(default_factory=threading.Event, repr=False)
    _beats: int = 0

    @property
    def remote(self) -> Remote:
        """The object."""
        return self.folder / f"{self._token}.json"

    def check(self) -> None:
        """Before anything is committed: raises OutputError where this claim was taken away, or another lives."""
        if _read(self.remote).get("over"):
            raise OutputError(
                f"this process was taken for dead while it wrote {self.what}, and another may be writing it now; "
                "nothing was committed, run again with --resume"
            )
        self._only()

    def _only(self) -> None:
        """Raises OutputError where another claim lives; those of the dead are ended."""
        claims = listed(self.folder, "write")
        now = max((claim.modified for claim in claims if claim.remote == self.remote), default=0)
        for claim in claims:
            if claim.remote != self.remote and not (holder := _read(claim.remote)).get("over"):
                # Some servers do not say when an object was written that was just written anew.
                silent = (now - claim.modified) / 1e9 if now and claim.modified else 0.0
                self._end(claim.remote, holder, silent)

    def _end(self, other: Remote, holder: dict[str, Any], silent: float) -> None:
        if silent > DEAD or _died_here(other.name, holder):
            put(other, json.dumps({**holder, "over": "taken for dead"}).encode())
            return
        raise OutputError(
            f"another process is writing {self.what}: pid {holder.get('pid', '?')} on {holder.get('host', 'some machine')}, last "
            f"heard of {max(silent, 0):.0f} s ago; wait for it, or stop it. If it is dead, run again with --resume in "
            f"{max(DEAD - silent, 0):.0f} s, or delete {other}"
        )

    def say(self, **more: str) -> None:
        """Write it anew. Raises OutputError."""
        self._beats += 1
        facts = {"host": socket.gethostname(), "pid": os.getpid(), "machine": _machine(), "born": _born(os.getpid())}
        put(self.remote, json.dumps({**facts, "beats": self._beats, **more}).encode())

    def beat(self) -> None:
        """Write it anew from time to time, until it is given up or was taken away."""
        while not self._stop.wait(BEAT):
            with suppress(TamisError):  # the next one may come through, and `check` decides
                if _read(self.remote).get("over"):
                    return
                self.say()


@contextmanager
def claimed(folder: Remote, what: str) -> Iterator[Claim]:
    """Hold `what`, whose claims lie in `folder`, against others. Raises OutputError where another process holds it."""
    claim = Claim(folder, what)
    _HELD.add(claim.remote.name)
    beating = threading.Thread(target=claim.beat, daemon=True, name="tamis-claim")
    claim.say()
    try:
        claim._only()
        beating.start()
        yield claim
    finally:
        claim._stop.set()
        if beating.is_alive():
            beating.join(2)
        _HELD.discard(claim.remote.name)
        with suppress(TamisError):
            claim.say(over="given up")


def _read(claim: Remote) -> dict[str, Any]:
    """What a claim says; one that was deleted is over."""
    try:
        said = json.loads(claim.read_bytes())
    except FileNotFoundError:
        return {"over": "deleted"}
    except (ValueError, InputError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _died_here(name: str, holder: dict[str, Any]) -> bool:
    """Whether the holder was a process of this very machine, and is no more; or is this one, which gave it up in vain."""
    here = holder.get("machine") == _machine() != ""
    if here and holder.get("pid") == os.getpid():
        return name not in _HELD
    return here and isinstance(holder.get("pid"), int) and _born(holder["pid"]) != holder.get("born")


def _machine() -> str:
    """This machine since it was started, and the space its process numbers are of; empty where that cannot be told."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _born(pid: int) -> str:
    """When the process began, in ticks since the machine did; empty where there is none (proc(5), field 22)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
