"""What a run spends while it goes on, its worker processes included: CPU seconds, memory, and the files it works with."""

from __future__ import annotations

import json
import os
import resource
import threading
import time
from pathlib import Path
from typing import Any
from weakref import ReferenceType, ref

from tamis.processes import below

INTERVAL = 0.1
"""Seconds between two looks at the memory: 30 microseconds for each process."""

PASSES = ("ids", "same", "bands", "ranks", "sketch")
"""What passes leave for an exchange, beside the rounds themselves."""

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class Watch:
    """Looks at this process and all below it, from when it is made until it is let go. Without /proc, `held` stays 0."""

    def __init__(self, interval: float = INTERVAL) -> None:
        self.held = 0
        """Bytes of memory that no file backs, of all processes together, at its largest."""
        self.looking = 0.0
        """CPU seconds that looking took."""
        self._before = _children()
        self._known: set[int] = set()
        self.look()
        threading.Thread(target=_look_on, args=(ref(self), interval), daemon=True, name="tamis-watch").start()

    def look(self) -> None:
        """Look once."""
        now = {os.getpid(), *below(os.getpid())}
        # Until it has started its own program a new process is its parent over again: it counts at the second look.
        self.held = max(self.held, sum(_held(pid) for pid in now if pid in self._known or pid == os.getpid()))
        self._known = now

    def afresh(self) -> int:
        """Look, and say what `held` was; from now on it is what is held from now on."""
        self.look()
        was, self.held = self.held, 0
        self.look()
        return was

    def cpu(self) -> float:
        """CPU seconds of this process so far, of those below it that ended since the watch began, and of those that live."""
        own = resource.getrusage(resource.RUSAGE_SELF)
        ended = _children() - self._before
        return own.ru_utime + own.ru_stime + ended + sum(_spent(pid) for pid in below(os.getpid()))

    def facts(self, work: Path) -> dict[str, Any]:
        """For run.json: what it took, and the volume of the folder `work`."""
        self.look()
        found = {"cpu_seconds": round(self.cpu(), 3), "work": volume(work)}
        return {**found, **({"held_bytes": self.held} if self.held else {})}


def _look_on(of: ReferenceType[Watch], interval: float) -> None:
    """The watch is held no longer than whoever made it holds it: a run that fails leaves no thread."""
    while (watch := of()) is not None:
        watch.look()
        watch.looking = time.thread_time()
        del watch
        time.sleep(interval)


def volume(work: Path) -> dict[str, Any]:
    """What tasks left in the folder `work`: how many did, the `bytes` of their files, those `exchanged` to meet others, and both
    by group of tasks.
    """
    exchanged = 0
    groups: dict[str, dict[str, int]] = {}
    for path in sorted(work.glob("*/*.json")):
        try:
            files = json.loads(path.read_bytes())["files"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
        group = groups.setdefault(path.parent.name, {"tasks": 0, "bytes": 0})
        group["tasks"] += 1
        for part, digest in files.items():
            group["bytes"] += int(digest[0])
            exchanged += int(digest[0]) * (part in PASSES or not path.parent.name.isdigit())
    tasks, total = (sum(group[name] for group in groups.values()) for name in ("tasks", "bytes"))
    return {"tasks": tasks, "bytes": total, "exchanged": exchanged, "groups": groups}


def _held(pid: int) -> int:
    try:
        _, resident, shared = Path(f"/proc/{pid}/statm").read_text().split()[:3]
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * _PAGE


def _spent(pid: int) -> float:
    """CPU seconds of a living process and of its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / _TICK


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
