"""What a command costs: CPU seconds and peak memory of all its processes together.

    spent = run(["tamis", "run", "recipe.yaml", "-i", "data.jsonl", "-o", "out"])
    spent.cpu, spent.pss        4.2 seconds, 180_000_000 bytes

    python benchmarks/measure.py COMMAND ...        the same from a shell

CPU seconds are what the kernel charged the command and every process it left behind: this process takes orphans in, so
none is missed. Memory is sampled: the largest sum of the proportional shares (PSS) of all processes, in which a page that
two of them share counts once; `anon` is the part of it that is no file (libraries and mapped data are files), and `held` the
largest sum of what is no file at any time, shared memory included. `rss` is the
kernel's own high-water mark of the largest single process; it misses no moment, but knows nothing of the others. Linux only.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from tamis.processes import below

INTERVAL = 0.02
"""Seconds between two looks at the memory."""

_PR_SET_CHILD_SUBREAPER = 36


class Spent(NamedTuple):
    """What a command cost.

    pss, rss  bytes
    anon      bytes: the part of `pss` at its peak that no file backs
    held      bytes: the largest sum of private and shared memory that no file backs
    """

    cpu: float
    wall: float
    pss: int
    anon: int
    rss: int
    exit: int
    output: str
    held: int = 0

    def facts(self) -> dict[str, Any]:
        """All but the output, rounded."""
        return {k: round(v, 3) if isinstance(v, float) else v for k, v in self._asdict().items() if k != "output"}


def run(command: Sequence[str | Path], env: Mapping[str, str] | None = None, want: int | None = 0) -> Spent:
    """Run `command` to its end. Raises RuntimeError where its exit code is not `want` (None: any will do)."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    before, started = _children_cpu(), time.perf_counter()
    process = subprocess.Popen(
        [str(part) for part in command],
        env={**_environment(), **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    peak = _Peak()
    peak.start()
    assert process.stdout is not None
    output = process.stdout.read().decode("utf-8", "replace")
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = code = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    _reap_orphans()
    peak.stop()
    if want is not None and code != want:
        raise RuntimeError(f"{' '.join(map(str, command))}\nexit code {code}, wanted {want}\n{output[-4000:]}")
    cpu = _children_cpu() - before
    return Spent(cpu, wall, peak.pss, peak.anon, used.ru_maxrss * 1024, code, output, peak.held)


def alternate(what: Mapping[str, Callable[[], Spent]], rounds: int) -> dict[str, list[Spent]]:
    """Each of `what` in turn, `rounds` times over: A B A B, so that a busy minute of the machine hits all alike."""
    found: dict[str, list[Spent]] = {name: [] for name in what}
    for k in range(rounds):
        for name, once in what.items():
            found[name].append(once())
            print(f"  round {k + 1}  {name:<34} {line(found[name][-1])}", file=sys.stderr)
    return found


def medians(rounds: Sequence[Spent]) -> dict[str, Any]:
    """The median of each figure, and every round behind it."""
    middle = {
        k: statistics.median(getattr(r, k) for r in rounds) for k in ("cpu", "wall", "pss", "anon", "held", "rss")
    }
    return {**{k: round(v, 3) for k, v in middle.items()}, "rounds": [r.facts() for r in rounds]}


def line(spent: Spent) -> str:
    """One round for people."""
    megabytes = "  ".join(f"{name} {getattr(spent, name) / 1e6:7.1f} MB" for name in ("pss", "anon", "rss"))
    return f"CPU {spent.cpu:7.2f} s  wall {spent.wall:7.2f} s  {megabytes}"


def save(script: str, facts: Mapping[str, Any]) -> None:
    """Keep `facts` as results/NAME.json beside `script`."""
    path = Path(script).parent / "results" / f"{Path(script).stem}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
    print(f"written: results/{path.name}", file=sys.stderr)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table: names to the left, figures to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


class _Peak(threading.Thread):
    """Looks at the memory of all processes below this one until it is told to stop."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.pss = self.anon = self.held = 0
        self._over = threading.Event()

    def run(self) -> None:
        before: set[int] = set()
        while not self._over.wait(INTERVAL):
            now = set(below(os.getpid()))
            # Until it has started its own program a new process is its parent over again: it counts at the second look.
            shares = [_shares(pid) for pid in now & before]
            before = now
            pss, anon, shared = (sum(part) for part in zip(*shares, strict=True)) if shares else (0, 0, 0)
            self.held = max(self.held, anon + shared)
            if pss > self.pss:
                self.pss, self.anon = pss, anon

    def stop(self) -> None:
        self._over.set()
        self.join()


def _shares(pid: int) -> tuple[int, int, int]:
    """Proportional bytes of a process: all, those without a file behind them, and of shared memory. Zeros when it is gone."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_bytes()
    except OSError:
        return 0, 0, 0
    found = {name: int(rest.split()[0]) * 1024 for name, _, rest in (x.partition(b":") for x in text.splitlines()[1:])}
    return found.get(b"Pss", 0), found.get(b"Pss_Anon", 0), found.get(b"Pss_Shmem", 0)


def _environment() -> dict[str, str]:
    """Ours, but bytecode is cached as it is for every user."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _reap_orphans() -> None:
    """Wait for what the command left running: its time counts too."""
    with suppress(ChildProcessError):
        while True:
            os.wait4(-1, 0)


if __name__ == "__main__":
    spent = run(sys.argv[1:], want=None)
    sys.stdout.write(spent.output)
    print(json.dumps(spent.facts()))
    sys.exit(spent.exit)
