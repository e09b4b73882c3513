"""Faults of nodes: killed at each phase, little memory, a full disk, a folder that is not shared, a clock, the head."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ray_faults_bench import SHORT, Bench, outcome, told
from raylets import descendants, pids, title

CLOCK = '''
import os, time
true, true_ns = time.time, time.time_ns
def jump():
    """Seconds, as the file says them now."""
    try:
        with open({file!r}) as f:
            return int(f.read() or 0)
    except OSError:
        return 0
time.time = lambda: true() + jump()
time.time_ns = lambda: true_ns() + jump() * 10**9
'''


NEW_MOUNTS, OWN_ROOT = 0x00020000, 0x00000200
"""CLONE_NEWNS and CLONE_FS of Linux."""


def killed(phase: str) -> Callable[[Bench], str]:
    """The node that does most is killed, with all on it, as a phase goes on and it has tasks, which are held there until then."""

    def cause(bench: Bench) -> str:
        gone = list[int]()
        for _ in range(3):  # it may have had no task: then nothing was lost
            bench.mend()
            out = bench.place()

            def kill() -> None:
                late = time.monotonic() + 20
                while not any(map(bench.cluster.workers, range(2))) and time.monotonic() < late:
                    time.sleep(0.02)
                at = max(range(2), key=lambda at: len(bench.cluster.workers(at)))
                for pid in workers(bench, at):
                    os.kill(pid, signal.SIGSTOP)  # what is on it stays there
                time.sleep(0.5)
                bench.cluster.kill(at)
                gone.append(at)

            process = bench.ray(bench.recipe, out)
            found = outcome(bench, process, told(process, phase, kill), out)
            if "node" in found or SHORT in found:
                break
        return found if gone else f"not settled: no node was killed; {found}"

    return cause


def workers(bench: Bench, at: int) -> list[int]:
    """Worker processes of a node."""
    below = [pid for process in pids(bench.cluster.nodes[at]) for pid in descendants(process)]
    return [pid for pid in below if title(pid).startswith("ray::") and "Agent" not in title(pid)]


def little_memory(bench: Bench) -> str:
    """A node on which a process may take little (RLIMIT_AS, as ulimit -v sets it)."""
    limit = 2_500_000_000
    for pid in pids(bench.cluster.nodes[0]):
        resource.prlimit(pid, resource.RLIMIT_AS, (limit, limit))
    recipe, whole = bench.paced(word="sentence", how="reserve")
    out = bench.place()
    process = bench.ray(recipe, out)
    found = outcome(bench, process, told(process), out, whole, recipe)
    bench.cluster.kill(0)
    return stopped(found)


def stopped(found: str) -> str:
    """An outcome of a fault that ends every task on a node. Raises RuntimeError where none was there."""
    if found.startswith("equal bytes"):
        raise RuntimeError(f"no task was on the node: {found}")
    return found


def disk_full(bench: Bench) -> str:
    """One node sees a file system of one page where tasks write: no file of theirs fits."""
    bench.cluster.kill(0)
    (recipe, whole), out = bench.paced(), bench.place()
    with apart(bench) as node:

        def fill() -> None:
            (out / ".work" / "0").mkdir(exist_ok=True)
            inside(node, "mount", "-t", "tmpfs", "-o", "size=4k", "full", str(out / ".work" / "0"))

        process = bench.ray(recipe, out)
        words = told(process, "reading", fill)
    return stopped(outcome(bench, process, words, out, whole, recipe))


def scratch_full(bench: Bench) -> str:
    """The same for a run in object storage: the scratch folder of one node is a tmpfs of 64 kB."""
    bench.cluster.kill(0)
    recipe, whole = bench.paced()
    small = bench.work / "small"
    small.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "full", str(small)], check=True)
    try:
        bench.add(TAMIS_SCRATCH=str(small))
        out = f"s3://bucket/{bench.place().name}"
        process = bench.ray(recipe, out)
        words = told(process)
        bench.cluster.kill()
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)
    return stopped(outcome(bench, process, words, out, whole, recipe))


def not_shared(bench: Bench) -> str:
    """One node does not see the folder of the run."""
    bench.cluster.kill(0)
    recipe, whole = bench.paced()
    hidden = bench.work / "hidden"
    hidden.mkdir(exist_ok=True)
    with apart(bench) as node:
        inside(node, "mount", "-t", "tmpfs", "none", str(hidden))
        process = bench.ray(recipe, hidden / "run")
        words = told(process)
    return stopped(outcome(bench, process, words, hidden / "run", whole, recipe))


@contextmanager
def apart(bench: Bench) -> Iterator[int]:
    """A node in a mount namespace of its own, which needs root; one of its processes."""
    kernel, place = ctypes.CDLL(None, use_errno=True), Path.cwd()
    with Path("/proc/thread-self/ns/mnt").open() as ours:
        if kernel.unshare(NEW_MOUNTS):
            raise RuntimeError(f"no mount namespace: {os.strerror(ctypes.get_errno())}; it needs root")
        try:
            subprocess.run(["mount", "--make-rprivate", "/"], check=True)
            bench.add()
        finally:
            # Threads that were begun meanwhile share the root folder with this one: apart from them, it may go back.
            if kernel.unshare(OWN_ROOT) or kernel.setns(ours.fileno(), NEW_MOUNTS):
                raise RuntimeError(f"no way back: {os.strerror(ctypes.get_errno())}")
            os.chdir(place)
    try:
        yield pids(bench.cluster.nodes[-1])[0]
    finally:
        bench.cluster.kill()


def inside(pid: int, *command: str) -> None:
    """Run a command in the mount namespace of a process."""
    subprocess.run(["nsenter", "-t", str(pid), "-m", *command], check=True)


def clock(bench: Bench) -> str:
    """The clock of one node's workers is a month ahead, and jumps back two while the run goes on (time.time, replaced)."""
    bench.cluster.kill(0)
    folder, file = bench.work / "clock", bench.work / "clock" / "jump"
    folder.mkdir(exist_ok=True)
    file.write_text(str(30 * 86400))
    (folder / "sitecustomize.py").write_text(CLOCK.format(file=str(file)))
    bench.add(PYTHONPATH=os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
    (recipe, whole), out = bench.paced(), bench.place()
    begun = list[int]()

    def back() -> None:
        begun.extend(workers(bench, 1))
        file.write_text(str(-30 * 86400))

    process = bench.ray(recipe, out)
    found = outcome(bench, process, told(process, "record ids", back), out, whole, recipe)
    bench.cluster.kill()
    if not begun:
        raise RuntimeError(f"no task was on the node: {found}")
    return found


def head_killed(bench: Bench) -> str:
    """The head of the cluster is gone, with Ray's own books; the nodes go on."""
    out = bench.place()
    process = bench.ray(bench.recipe, out)

    def kill() -> None:
        for pid in pids(bench.cluster.cluster.head_node):
            os.kill(pid, signal.SIGKILL)

    words = told(process, "sieving", kill)
    found = outcome(bench, process, words, out)
    bench.anew()
    return found
