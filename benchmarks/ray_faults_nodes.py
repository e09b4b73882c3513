"""Faults of nodes: killed at each phase, little memory, a full disk, a folder that is not shared, a clock, the head."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ray_faults_bench import SHORT, Bench, outcome, told
from raylets import descendants, pids, ports, title, wait_for

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


def killed(phase: str) -> Callable[[Bench], str]:
    """The node that does most is killed, with all on it, while a phase goes on; its tasks are held there until then."""

    def cause(bench: Bench) -> str:
        for _ in range(3):  # it may have had no task: then nothing was lost
            bench.mend()
            out = bench.place()

            def kill() -> None:
                at = max(range(2), key=lambda at: len(bench.cluster.workers(at)))
                for pid in workers(bench, at):
                    os.kill(pid, signal.SIGSTOP)  # what is on it stays there
                time.sleep(0.5)
                bench.cluster.kill(at)

            process = bench.ray(bench.recipe, out)
            found = outcome(bench, process, told(process, phase, kill), out)
            if "node" in found or SHORT in found:
                break
        return found

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
    out = bench.place()
    process = bench.ray(bench.recipe, out)
    found = outcome(bench, process, told(process), out)
    bench.cluster.kill(0)
    return found


def disk_full(bench: Bench) -> str:
    """One node sees a file system of 16 kB where tasks write, from the middle of the run on."""
    bench.cluster.kill(0)
    out = bench.place()
    with apart(bench) as node:

        def fill() -> None:
            for group in ("1", "2"):
                (out / ".work" / group).mkdir(exist_ok=True)
                inside(node, "mount", "-t", "tmpfs", "-o", "size=16k", "full", str(out / ".work" / group))

        process = bench.ray(bench.recipe, out)
        words = told(process, "record ids", fill)
    return outcome(bench, process, words, out)


def scratch_full(bench: Bench) -> str:
    """The same for a run in object storage: the scratch folder of one node is a tmpfs of 64 kB."""
    bench.cluster.kill(0)
    small = bench.work / "small"
    small.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "full", str(small)], check=True)
    try:
        bench.add(TAMIS_SCRATCH=str(small))
        out = f"s3://bucket/{bench.place().name}"
        process = bench.ray(bench.recipe, out)
        words = told(process)
        bench.cluster.kill()
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)
    return outcome(bench, process, words, out)


def not_shared(bench: Bench) -> str:
    """One node does not see the folder of the run."""
    bench.cluster.kill(0)
    hidden = bench.work / "hidden"
    hidden.mkdir(exist_ok=True)
    with apart(bench) as node:
        inside(node, "mount", "-t", "tmpfs", "none", str(hidden))
        process = bench.ray(bench.recipe, hidden / "run")
        words = told(process)
    return outcome(bench, process, words, hidden / "run")


@contextmanager
def apart(bench: Bench) -> Iterator[subprocess.Popen[bytes]]:
    """A node in a mount namespace of its own, which needs root. Raises RuntimeError where it does not start."""
    told = [
        f"--{'dashboard-agent-grpc-port' if n == 'metrics_agent_port' else n.replace('_', '-')}={p}"
        for n, p in ports().items()
    ]
    start = [
        "ray",
        "start",
        f"--address={bench.cluster.address}",
        "--num-cpus=1",
        "--object-store-memory=83886080",
        "--block",
    ]
    node = subprocess.Popen(
        ["unshare", "-m", *start, *told], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        started = wait_for(lambda: any("raylet/raylet" in title(p) for p in descendants(node.pid)), 60)
        if not started or node.poll() is not None:
            raise RuntimeError("the node did not start: unshare and mount need root")
        time.sleep(5)  # until the cluster knows it
        yield node
    finally:
        for pid in descendants(node.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        node.wait()


def inside(node: subprocess.Popen[bytes], *command: str) -> None:
    """Run a command in the mount namespace of a node."""
    subprocess.run(["nsenter", "-t", str(node.pid), "-m", *command], check=True)


def clock(bench: Bench) -> str:
    """The clock of one node's workers is a month ahead, and jumps back two while the run goes on (time.time, replaced)."""
    bench.cluster.kill(0)
    folder, file = bench.work / "clock", bench.work / "clock" / "jump"
    folder.mkdir(exist_ok=True)
    file.write_text(str(30 * 86400))
    (folder / "sitecustomize.py").write_text(CLOCK.format(file=str(file)))
    bench.add(PYTHONPATH=os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
    out = bench.place()
    process = bench.ray(bench.recipe, out)
    found = outcome(bench, process, told(process, "record ids", lambda: _write(file, -30 * 86400)), out)
    bench.cluster.kill()
    return found


def _write(file: Path, seconds: int) -> None:
    file.write_text(str(seconds))


def head_killed(bench: Bench) -> str:
    """The head of the cluster is gone, with Ray's own books."""
    out = bench.place()
    process = bench.ray(bench.recipe, out)
    words = told(process, "sieving", bench.end)
    found = outcome(bench, process, words, out)
    bench.anew()
    return found
