"""Where faults are caused: three raylets, a storage server, the data, drivers, and what became of a run, in words."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from threading import Timer
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from raylets import Raylets, pids
from storing_s3 import S3

from tamis.data.storage import at, fetch, listed

STAGES = "clean@1: {}, quality.gopher@1: {}, exact@1: {}, near@1: {threshold: 0.8}"
STAGE = Path(__file__).with_name("ray_faults_stage.py")

PATIENCE = 900.0
"""Seconds after which a driver that goes on is killed: it hangs."""

PACE = 0.6
"""Seconds of each of some thirty batches of a paced run."""

SHORT, OPEN = "FALLS SHORT", "not settled"


class Bench:
    """A cluster that is mended after each fault, a bucket, the data, and what the bytes should be.

    The head has no processors, two nodes have one each, and a scratch folder of their own.
    """

    def __init__(self, work: Path, rows: int, s3: S3) -> None:
        self.work, self.runs, self.started, self.s3 = work, 0, 0, s3
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        self.data = work / "data.jsonl"
        with self.data.open("w") as out:
            for k in range(rows):
                kind = "the word is poisonous here" if k == rows // 2 else f"it is number {k % (rows // 3)} of them"
                text = " ".join(f"This is sentence {j} of a page that says that {kind}." for j in range(9))
                out.write(json.dumps({"id": str(k), "text": text}) + "\n")
        self.recipe = self.written("plain", STAGES)
        self.whole = self.alone(self.recipe)

    @cached_property
    def cluster(self) -> Raylets:
        """Started when it is first asked for: some drivers have one of their own."""
        self.__dict__["cluster"] = started = Raylets(0)
        self.mend()
        return started

    def written(self, name: str, stages: str) -> Path:
        """A recipe of these stages."""
        path = self.work / f"{name}.yaml"
        path.write_text(f"name: faults\nstages: [{stages}]\n")
        return path

    def faulty(self, name: str, **how: object) -> Path:
        """A recipe that begins with the stage that fails at the poisonous record."""
        said = ", ".join(f"{key}: {value}" for key, value in {"word": "poisonous", **how}.items())
        return self.written(name, f"'{STAGE}:Fault': {{{said}}}, {STAGES}")

    def alone(self, recipe: Path) -> str:
        """Digest of the run on one machine."""
        out = self.place()
        told(self.tamis(recipe, out, "--engine", "local", "--quiet"))
        return digest(out)

    def paced(self, **how: object) -> tuple[Path, str]:
        """A recipe whose batches take a while, so that every node has a part in it; and the digest of its run on one machine."""
        file = self.work / "pace"
        file.write_text("0")
        recipe = self.faulty("paced", pace=file, **{"word": "''", **how})
        whole = self.alone(recipe)
        file.write_text(str(PACE))
        return recipe, whole

    def place(self) -> Path:
        """A folder for one more run."""
        self.runs += 1
        return self.work / f"run-{self.runs}"

    def tamis(self, recipe: Path, out: Path | str, *more: object, **how: Any) -> subprocess.Popen[str]:
        """A driver."""
        words = [sys.executable, "-m", "tamis", "run", recipe, "-i", self.data, "-o", out, "--partition-size", 60_000]
        how["env"] = {**os.environ, "TAMIS_SCRATCH": str(self.work / "scratch-driver"), **how.get("env", {})}
        said = [str(word) for word in (*words, *more)]
        return subprocess.Popen(said, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **how)

    def ray(self, recipe: Path, out: Path | str, *more: object, **how: Any) -> subprocess.Popen[str]:
        """A driver on the cluster."""
        return self.tamis(recipe, out, "--engine", "ray", "--address", self.cluster.address, *more, **how)

    def mend(self) -> None:
        """Two nodes again, where there is a cluster."""
        while "cluster" in self.__dict__ and len(self.cluster.nodes) < 2:
            self.add()

    def add(self, **environment: str) -> None:
        """One more node; `environment`: of its processes."""
        self.started += 1
        scratch = self.work / f"scratch-{self.started}"
        self.cluster.add(env_vars={"TAMIS_SCRATCH": str(scratch), **environment})

    def anew(self) -> None:
        """Another cluster in the place of this one."""
        self.end()
        self.__dict__.pop("cluster", None)

    def end(self) -> None:
        """The cluster is gone, with all that ran on it."""
        if "cluster" in self.__dict__:
            while self.cluster.nodes:
                self.cluster.kill()
            self.cluster.cluster.shutdown()

    def processes(self) -> list[int]:
        """Ray's processes for the nodes."""
        return [pid for node in self.cluster.nodes for pid in pids(node)]


def digest(out: Path | str) -> str:
    """One digest of the sha256 of every Parquet file of a run."""
    folder = fetched(out) if isinstance(out, str) else out
    files = sorted(p for p in folder.rglob("*.parquet") if ".work" not in p.parts)
    each = [f"{p.relative_to(folder)} {hashlib.sha256(p.read_bytes()).hexdigest()}" for p in files]
    return hashlib.sha256("\n".join(each).encode()).hexdigest()[:16]


def fetched(uri: str) -> Path:
    """A run in object storage, as a folder."""
    run = at(uri)
    folder = Path(os.environ["TAMIS_CACHE"], "fetched", run.name)
    for one in listed(run):
        fetch(one.remote, folder / one.remote.key.removeprefix(f"{run.key}/"))
    return folder


def told(process: subprocess.Popen[str], until: str = "\0", act: Callable[[], None] | None = None) -> str:
    """All that a driver says; `act` is called at the first line that begins with `until`."""
    assert process.stdout is not None
    lines, late = [], Timer(PATIENCE, process.kill)
    late.start()
    for line in process.stdout:
        lines.append(line)
        if act and line.startswith(until):
            act()
            act = None
    process.wait()
    late.cancel()
    return "".join(lines)


def outcome(
    bench: Bench,
    process: subprocess.Popen[str],
    words: str,
    out: Path | str,
    whole: str | None = None,
    recipe: Path | None = None,
) -> str:
    """What became of a run, in words; FALLS SHORT where it is neither equal bytes nor a stop that says why.

    One that was killed for its time is not settled.
    """
    if process.returncode == -signal.SIGKILL:
        said = words.strip().splitlines()[-1] if words.strip() else "nothing was said"
        return f"{OPEN}: it went on after {PATIENCE:.0f} s, and was killed, at: {said}"
    wanted, words = whole or bench.whole, words.replace(f"{bench.work}/", "")
    if "Traceback" in words or "[state-dump]" in words:
        return f"{SHORT}: exit {process.returncode}, a traceback or Ray's log: {words[-1500:]}"
    if process.returncode == 0:
        same = "equal bytes" if digest(out) == wanted else f"{SHORT}: other bytes"
        return same + sent_again(out)
    said = words.strip().splitlines()[-1] if words.strip() else ""
    if not said.startswith(("tamis: ", "interrupted; ")):
        return f"{SHORT}: exit {process.returncode}: {words[-800:]}"
    again = bench.tamis(recipe or bench.recipe, out, "--resume", "--engine", "local", "--quiet")
    also = told(again)
    equal = again.returncode == 0 and digest(out) == wanted
    ended = "resumed to equal bytes" if equal else f"{SHORT} on resume: {also[-300:]}"
    return f"clear stop (exit {process.returncode}: {said.removeprefix('tamis: ')[:240]}); {ended}"


def sent_again(out: Path | str) -> str:
    """Which tasks of a run were sent again, and why, where any were."""
    folder = at(out) if isinstance(out, str) else out
    engine = json.loads((folder / "run.json").read_bytes())["varies"]["engine"]
    counts = engine.partition("again=Counter({")[2].partition("}")[0].replace("'", "")
    return f"; sent again: {counts}" if counts else ""
