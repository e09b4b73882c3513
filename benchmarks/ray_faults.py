"""Faults on a Ray cluster of three raylets on this machine, each caused for real: the same bytes, or a clear stop.

    python benchmarks/ray_faults.py --work FOLDER              all of them; some need root (mount), and say so
    python benchmarks/ray_faults.py --work FOLDER --only node  those whose name has the word

The head has no processors, two nodes have one each. A driver is a process of its own, `tamis run --engine ray --address …`.
Bytes are equal where every Parquet file has the sha256 of a run on one machine without Ray.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import measure

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from raylets import Raylets, descendants, pids, title, wait_for

STAGES = "clean@1: {}, quality.gopher@1: {}, exact@1: {}, near@1: {threshold: 0.8}"

HOG = '''
from dataclasses import dataclass
from pathlib import Path
import os, time
import pyarrow as pa
from tamis import Stage

CHARS = pa.schema([pa.field("chars", pa.uint32())])


@dataclass(frozen=True)
class Fault(Stage):
    """Fail for real at records whose text has `word`: kill the process, or take memory until killed; `once`: the first time."""

    word: str = ""
    how: str = "die"
    once: str = ""

    name = "fault"
    scores = CHARS

    def measure(self, batch):
        texts = batch.column("text").to_pylist()
        if self.word and any(self.word in text for text in texts) and not (self.once and Path(self.once).exists()):
            if self.once:
                Path(self.once).touch()
            if self.how == "die":
                os.kill(os.getpid(), 9)
            held = []
            while self.how == "hog":
                held.append(bytearray(os.urandom(1 << 20) * 64))
                time.sleep(0.05)
        return pa.record_batch([pa.array([len(text) for text in texts], pa.uint32())], schema=CHARS)
'''


class Bench:
    """Where faults are caused: a cluster that is mended after each, the data, and what the bytes should be."""

    def __init__(self, work: Path, rows: int) -> None:
        self.work, self.runs = work, 0
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        self.data = work / "data.jsonl"
        with self.data.open("w") as out:
            for k in range(rows):
                kind = "the word is poisonous here" if k == rows // 2 else f"it is number {k % (rows // 3)} of them"
                text = " ".join(f"This is sentence {j} of a page that says that {kind}." for j in range(9))
                out.write(json.dumps({"id": str(k), "text": text}) + "\n")
        (work / "fault.py").write_text(HOG)
        self.recipe = self.written("plain", STAGES)
        self.whole = self.alone(self.recipe)
        self.cluster = Raylets(2)

    def written(self, name: str, stages: str) -> Path:
        """A recipe of these stages."""
        path = self.work / f"{name}.yaml"
        path.write_text(f"name: faults\nstages: [{stages}]\n")
        return path

    def alone(self, recipe: Path) -> str:
        """Digest of the run on one machine."""
        out = self.place()
        self.tamis(recipe, out, "--engine", "local", "--quiet").wait()
        return digest(out)

    def place(self) -> Path:
        """A folder for one more run."""
        self.runs += 1
        return self.work / f"run-{self.runs}"

    def tamis(self, recipe: Path, out: Path, *more: object, **how: Any) -> subprocess.Popen[str]:
        """A driver."""
        words = [
            sys.executable,
            "-m",
            "tamis",
            "run",
            recipe,
            "-i",
            self.data,
            "-o",
            out,
            "--partition-size",
            60_000,
            *more,
        ]
        return subprocess.Popen(
            [str(w) for w in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **how
        )

    def ray(self, recipe: Path, out: Path, *more: object, **how: Any) -> subprocess.Popen[str]:
        """A driver on the cluster."""
        return self.tamis(recipe, out, "--engine", "ray", "--address", self.cluster.address, *more, **how)

    def mend(self) -> None:
        """Two nodes again."""
        while len(self.cluster.nodes) < 2:
            self.cluster.add()


def digest(out: Path) -> str:
    """One digest of the sha256 of every Parquet file of a run."""
    files = sorted(p for p in out.rglob("*.parquet") if ".work" not in p.parts)
    each = [f"{p.relative_to(out)} {hashlib.sha256(p.read_bytes()).hexdigest()}" for p in files]
    return hashlib.sha256("\n".join(each).encode()).hexdigest()[:16]


def said(process: subprocess.Popen[str], until: str = "\0", act: Callable[[], None] | None = None) -> str:
    """All that a driver says; `act` is called at the first line that begins with `until`."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if act and line.startswith(until):
            act()
            act = None
    process.wait()
    return "".join(lines)


def outcome(bench: Bench, process: subprocess.Popen[str], words: str, out: Path, whole: str | None = None) -> str:
    """What became of a run, in words; FALLS SHORT where it is neither of the two."""
    wanted = whole or bench.whole
    if "Traceback" in words or "[state-dump]" in words:
        return f"FALLS SHORT: exit {process.returncode}, a traceback or Ray's log: {words[-1500:]}"
    if process.returncode == 0:
        sent = json.loads((out / "run.json").read_bytes())["varies"]["engine"].partition("again=")[2].strip("()")
        same = digest(out) == wanted
        return ("equal bytes" if same else "FALLS SHORT: other bytes") + (
            f"; sent again: {sent.removeprefix('Counter(')}" if "{" in sent else ""
        )
    line = words.strip().splitlines()[-1] if words.strip() else ""
    if not line.startswith("tamis: "):
        return f"FALLS SHORT: exit {process.returncode}: {words[-800:]}"
    again = bench.tamis(bench.recipe if whole is None else bench.last, out, "--resume", "--engine", "local", "--quiet")
    also = said(again)
    ended = (
        "resumed to equal bytes"
        if again.returncode == 0 and digest(out) == wanted
        else f"FALLS SHORT on resume: {also[-300:]}"
    )
    return f"clear stop (exit {process.returncode}: {line[7:200]}); {ended}"


def node_killed(phase: str, freeze: bool = True) -> Callable[[Bench], str]:
    """A node is killed, with all on it, while a phase goes on; its tasks are held there until then."""

    def cause(bench: Bench) -> str:
        for _ in range(3):
            bench.mend()
            out = bench.place()

            def kill() -> None:
                busy = [max(range(2), key=lambda at: len(bench.cluster.workers(at)))]
                for pid in all_workers(bench.cluster, busy[0]):
                    os.kill(pid, signal.SIGSTOP)  # what is on it stays there
                time.sleep(0.5)
                bench.cluster.kill(busy[0])

            process = bench.ray(bench.recipe, out)
            found = outcome(bench, process, said(process, phase, kill), out)
            if "node" in found or "FALLS" in found:
                break
        return found

    return cause


def all_workers(cluster: Raylets, at: int) -> list[int]:
    """Worker processes of a node."""
    below = [pid for process in pids(cluster.nodes[at]) for pid in descendants(process)]
    return [pid for pid in below if title(pid).startswith("ray::") and "Agent" not in title(pid)]


def driver_killed(*resumed: str) -> Callable[[Bench], str]:
    """The driver is killed -9 in the middle; the run goes on elsewhere."""

    def cause(bench: Bench) -> str:
        out = bench.place()
        process = bench.ray(bench.recipe, out)
        words = said(process, "sieving", process.kill)
        if process.returncode != -9:
            raise RuntimeError(f"the driver ended before: {words[-300:]}")
        process = bench.tamis(bench.recipe, out, "--resume", *resumed)
        return outcome(bench, process, said(process), out)

    return cause


def worker_killed(bench: Bench) -> str:
    """A worker is killed -9, once, by its record."""
    once = bench.work / "once"
    bench.last = bench.written("once", f"'fault.py:Fault': {{word: poisonous, once: {once}}}, {STAGES}")
    once.touch()
    whole = bench.alone(bench.last)
    once.unlink()
    out = bench.place()
    process = bench.ray(bench.last, out)
    return outcome(bench, process, said(process), out, whole)


def poison(bench: Bench) -> str:
    """A record kills its worker every time."""
    bench.last = bench.written("poison", f"'fault.py:Fault': {{word: poisonous}}, {STAGES}")
    out = bench.place()
    process = bench.ray(bench.last, out)
    found = outcome(bench, process, said(process), out, digest(out) if process.wait() == 0 else "?")
    aside = json.loads((out / "run.json").read_bytes())["rows"]["quarantined"] if process.returncode == 0 else None
    return f"{found.replace('equal bytes', 'the run is whole')}; set aside: {aside}"


def out_of_memory(bench: Bench) -> str:
    """A worker takes memory until Ray kills it for that, once; a cluster of its own, with a low threshold."""
    once = bench.work / "hogged"
    bench.last = bench.written("hog", f"'fault.py:Fault': {{word: poisonous, how: hog, once: {once}}}, {STAGES}")
    once.touch()
    whole = bench.alone(bench.last)
    once.unlink()
    facts = {line.split(":")[0]: int(line.split()[1]) << 10 for line in Path("/proc/meminfo").read_text().splitlines()}
    used = facts["MemTotal"] - facts["MemAvailable"]
    threshold = round((used + 3e9) / facts["MemTotal"], 3)
    config = {"memory_usage_threshold": threshold, "memory_monitor_refresh_ms": 100}
    out = bench.place()
    process = bench.tamis(
        bench.last,
        out,
        "--engine",
        "ray",
        "--workers",
        "2",
        env={**os.environ, **{f"RAY_{k}": str(v) for k, v in config.items()}},
    )
    return outcome(bench, process, said(process), out, whole)


def little_memory(bench: Bench) -> str:
    """A node on which a process may take little (ulimit -v)."""
    bench.mend()
    limit = 2_500_000_000
    for pid in pids(bench.cluster.nodes[0]):
        resource.prlimit(pid, resource.RLIMIT_AS, (limit, limit))
    out = bench.place()
    process = bench.ray(bench.recipe, out)
    found = outcome(bench, process, said(process), out)
    bench.cluster.kill(0)
    return found


def disk_full(bench: Bench) -> str:
    """One node sees a small file system where tasks write: a tmpfs of 256 kB, in a mount namespace of its own."""
    out = bench.place()
    process = bench.ray(bench.recipe, out)
    said(process, "sieving", process.kill)
    for done in sorted((out / ".work" / "2").glob("*")):
        done.unlink()
    (out / ".work" / "2").mkdir(exist_ok=True)
    while bench.cluster.nodes:
        bench.cluster.kill()
    node = apart(
        bench, f"mount -t tmpfs -o size=256k full {out}/.work/1 && mount -t tmpfs -o size=256k full {out}/.work/2"
    )
    process = bench.ray(bench.recipe, out, "--resume")
    words = said(process)
    end(node)
    bench.mend()
    return outcome(bench, process, words, out)


def not_shared(bench: Bench) -> str:
    """One node does not see the folder of the run."""
    while bench.cluster.nodes:
        bench.cluster.kill()
    (bench.work / "hidden").mkdir(exist_ok=True)
    out = bench.work / "hidden" / "run"
    node = apart(bench, f"mount -t tmpfs none {bench.work}/hidden")
    process = bench.ray(bench.recipe, out)
    words = said(process)
    end(node)
    bench.mend()
    return outcome(bench, process, words, out)


def apart(bench: Bench, first: str) -> subprocess.Popen[bytes]:
    """A node in a mount namespace of its own. Raises RuntimeError where that may not be."""
    start = f"exec ray start --address={bench.cluster.address} --num-cpus=1 --object-store-memory=83886080 --block"
    command = ["unshare", "-m", "sh", "-c", f"{first} && {start}"]
    node = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    if not wait_for(lambda: node.poll() is not None or any("raylet" in title(p) for p in descendants(node.pid)), 90):
        raise RuntimeError("the node did not start")
    if node.poll() is not None:
        raise RuntimeError("unshare and mount need root")
    return node


def end(node: subprocess.Popen[bytes]) -> None:
    for pid in descendants(node.pid):
        os.kill(pid, signal.SIGKILL)
    node.wait()


def corrupt(bench: Bench) -> str:
    """A byte of an exchange file is flipped between map and reduce, while the run goes on."""
    out = bench.place()
    process = bench.ray(bench.recipe, out)
    words = said(process, "record ids", lambda: flip(sorted((out / ".work" / "0").glob("*.sketch"))))
    return outcome(bench, process, words, out)


def corrupt_resumed(bench: Bench) -> str:
    """A byte of an exchange file is flipped after the driver was killed; the task that wrote it is carried out again."""
    out = bench.place()
    process = bench.ray(bench.recipe, out)
    said(process, "sieving", process.kill)
    flip(sorted((out / ".work" / "0").glob("*.sketch")))
    process = bench.ray(bench.recipe, out, "--resume")
    return outcome(bench, process, said(process), out)


def flip(files: list[Path]) -> None:
    """Flip one bit in the middle of each file."""
    for path in files:
        with path.open("r+b") as f:
            f.seek(path.stat().st_size // 2)
            byte = f.read(1)
            f.seek(-1, 1)
            f.write(bytes([byte[0] ^ 1]))


def clock(bench: Bench) -> str:
    """All times of files jump: half to 1980, half to 2060; then the run goes on."""
    out = bench.place()
    process = bench.ray(bench.recipe, out)
    said(process, "sieving", process.kill)
    for k, path in enumerate(sorted((out / ".work").rglob("*"))):
        os.utime(path, (3e8, 3e8) if k % 2 else (2.85e9, 2.85e9))
    process = bench.ray(bench.recipe, out, "--resume")
    return outcome(bench, process, said(process), out)


def faked_clock(library: Path) -> Callable[[Bench], str]:
    """The driver's clock is a month ahead of the nodes, and jumps (libfaketime)."""

    def cause(bench: Bench) -> str:
        out = bench.place()
        env = {**os.environ, "LD_PRELOAD": str(library), "FAKETIME": "+30d", "DONT_FAKE_MONOTONIC": "1"}
        process = bench.ray(bench.recipe, out, env=env)
        return outcome(bench, process, said(process), out)

    return cause


def twice(*others: str) -> Callable[[Bench], str]:
    """The same folder is given to a second run while the first goes on; `others`: stages of the second."""

    def cause(bench: Bench) -> str:
        out, answers = bench.place(), []
        recipe = bench.written("other", others[0]) if others else bench.recipe

        def second() -> None:
            other = bench.tamis(recipe, out, "--resume", "--engine", "local", "--quiet")
            answers.append((said(other).strip(), other.returncode))

        process = bench.ray(bench.recipe, out)
        found = outcome(bench, process, said(process, "sieving", second), out)
        return f"first: {found}; second: exit {answers[0][1]}, {answers[0][0][7:120]}"

    return cause


def head_killed(bench: Bench) -> str:
    """The head of the cluster is gone, with Ray's own books."""
    out = bench.place()
    process = bench.ray(bench.recipe, out)
    words = said(process, "sieving", bench.cluster.cluster.shutdown)
    bench.cluster = Raylets(2)
    return outcome(bench, process, words, out)


RESULT = Path(__file__).parent / "results" / "ray_faults.json"

FAULTS: dict[str, Callable[[Bench], str]] = {
    "node killed during map": node_killed("reading: clean, quality.gopher, exact: 1"),
    "node killed during exchange": node_killed("near: buckets"),
    "node killed during reduce": node_killed("near: sets"),
    "node killed during commit": node_killed("writing"),
    "driver killed -9, resumed on one machine": driver_killed("--engine", "local"),
    "driver killed -9, resumed on a fresh cluster": driver_killed("--engine", "ray"),
    "worker killed once": worker_killed,
    "record that kills its worker": poison,
    "worker out of memory, killed by Ray": out_of_memory,
    "node with little memory (ulimit -v)": little_memory,
    "disk full on one node": disk_full,
    "node that does not share the folder": not_shared,
    "corrupt exchange file, running": corrupt,
    "corrupt exchange file, resumed": corrupt_resumed,
    "file times jump": clock,
    "started twice, same recipe": twice(),
    "started twice, another recipe": twice("clean@1: {}, exact@1: {}"),
    "head of the cluster killed": head_killed,
}


def main() -> None:
    """Cause each, print the table, keep the outcomes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=6000)
    parser.add_argument("--only", default="", metavar="WORD")
    parser.add_argument("--not", dest="without", default="nothing", metavar="WORD")
    parser.add_argument("--faketime", type=Path, help="libfaketime.so, for a driver whose clock is another")
    told = parser.parse_args()
    faults = {name: cause for name, cause in FAULTS.items() if told.only in name and told.without not in name}
    if told.faketime:
        faults["driver a month ahead of the nodes"] = faked_clock(told.faketime)
    bench, found = Bench(told.work.resolve(), told.rows), {}
    with bench.cluster:
        for name, cause in faults.items():
            bench.mend()
            started = time.monotonic()
            try:
                found[name] = cause(bench)
            except Exception as error:  # the next fault is another story
                found[name] = f"not caused: {type(error).__name__}: {error}"
            print(f"{name:<46} {time.monotonic() - started:5.0f} s  {found[name]}", flush=True)
            kept = json.loads(RESULT.read_bytes())["found"] if RESULT.exists() else {}
            measure.save(__file__, {"rows": told.rows, "found": {**kept, **found}})
    bench.cluster.__exit__(None, None, None)
    print(measure.table(["fault", "outcome"], list(found.items())))
    sys.exit(any("FALLS SHORT" in what for what in found.values()))


if __name__ == "__main__":
    main()
