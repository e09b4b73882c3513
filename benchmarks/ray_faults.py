"""Faults on a Ray cluster of three raylets on this machine, each caused for real: the same bytes, or a clear stop.

    python benchmarks/ray_faults.py --work FOLDER                    all of them; some need root (mount)
    python benchmarks/ray_faults.py --work FOLDER --only WORD WORD   those whose name has one of the words

Each outcome is kept when it is there, in results/ray_faults.json and in the table of README.md, with the commit it was caused
at; those of other faults stand. The head has no processors, two nodes have one each. A driver is a process of its own,
`tamis run --engine ray --address …`. Bytes are equal where every Parquet file has the sha256 of a run on one machine without Ray.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGTERM
from typing import Any

import measure
import ray_faults_drivers as drivers
import ray_faults_files as files
import ray_faults_nodes as nodes
import ray_faults_workers as workers
import scale
import shown
from ray_faults_bench import OPEN, SHORT, Bench
from storing_s3 import S3

FAULTS: dict[str, Callable[[Bench], str]] = {
    "node killed during map": nodes.killed("reading: clean, quality.gopher, exact: 0"),
    "node killed during exchange": nodes.killed("near: buckets"),
    "node killed during reduce": nodes.killed("near: sets"),
    "node killed during commit": nodes.killed("writing"),
    "driver killed -9, resumed on one machine": drivers.killed(fresh=False),
    "driver killed -9, resumed on a fresh cluster": drivers.killed(fresh=True),
    "driver killed -9 with a cluster of its own": drivers.signalled(SIGKILL),
    "driver interrupted (SIGINT) with a cluster of its own": drivers.signalled(SIGINT),
    "driver ended (SIGTERM) with a cluster of its own": drivers.signalled(SIGTERM),
    "worker killed once": workers.once("die"),
    "record that kills its worker": workers.poison,
    "worker out of memory, killed by Ray's monitor": workers.once("hog", workers.watched),
    "node with little memory (ulimit -v)": nodes.little_memory,
    "disk full on one node, shared folder": nodes.disk_full,
    "disk full on one node, its scratch, -o s3://": nodes.scratch_full,
    "node that does not share the folder": nodes.not_shared,
    "storage answers 503 to one request in five": files.stored(files.overloaded),
    "storage is slow, and cuts answers short": files.stored(files.slow),
    "storage answers 503 for ever": files.stored(files.gone),
    "corrupt exchange file, running": files.corrupt_running,
    "corrupt exchange file, resumed": files.resumed(files.flip),
    "clock of a node a month ahead, then a month behind": nodes.clock,
    "times of files jump": files.resumed(files.times),
    "started twice, same recipe": drivers.twice(),
    "started twice, another recipe": drivers.twice(drivers.OTHER),
    "folder of a run that was killed, another recipe": drivers.taken,
    "head of the cluster killed": nodes.head_killed,
}

KEPT = Path(__file__).parent / "results" / "ray_faults.json"


def main() -> None:
    """Cause each, and keep what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--only", nargs="+", default=[""], metavar="WORD")
    asked = parser.parse_args()
    work, found = asked.work.resolve(), dict[str, str]()
    os.environ["TAMIS_CACHE"] = str(work / "cache")
    with S3() as s3, s3.named():
        bench = Bench(work, asked.rows, s3)
        for name, cause in FAULTS.items():
            if any(word in name for word in asked.only):
                found[name] = caused(bench, name, cause)
                keep(name, {"outcome": found[name], "rows": asked.rows, "commit": scale.commit()})
        bench.end()
    sys.exit(any(word in what for word in (SHORT, OPEN) for what in found.values()))


def keep(name: str, outcome: dict[str, Any]) -> None:
    """Keep one outcome beside those of the other faults, in the order of FAULTS."""
    before: dict[str, Any] = json.loads(KEPT.read_bytes())["found"] if KEPT.exists() else {}
    before[name] = outcome
    found = {name: before[name] for name in FAULTS if name in before}
    measure.save(__file__, {"found": found})
    never = {"outcome": "not caused yet", "commit": ""}
    rows = [[name, *((found.get(name) or never)[of] for of in ("outcome", "commit"))] for name in FAULTS]
    shown.put("ray_faults", measure.table(["fault", "outcome", "commit"], rows).replace("---:", "---"))


def caused(bench: Bench, name: str, cause: Callable[[Bench], str]) -> str:
    """What came of a fault; the next is another story, whatever this one raises."""
    bench.mend()
    began = time.monotonic()
    try:
        found = cause(bench)
    except Exception as error:
        found = f"{OPEN}: not caused, {type(error).__name__}: {error}"
    print(f"{name:<52} {time.monotonic() - began:5.0f} s  {found}", flush=True)
    return " ".join(found.replace("|", "/").split())


if __name__ == "__main__":
    main()
