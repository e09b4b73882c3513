"""What Ray costs beside local: CPU seconds of all processes, Ray's own included, with and without start-up.

    python benchmarks/ray_cost.py --cache FOLDER [--rows 90832] [--rounds 1] [--only near]

The cluster is a head without processors and a node with two, on this machine. Start-up is what starting it costs, and what the
same recipe costs on 400 records of the corpus in a few tasks: joining, workers, their imports and kernels. Beyond start-up, Ray may
cost 1.5 times the CPU of local. Figures go to results/ray_cost.json, and the table to README.md.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from argparse import Namespace
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import Any

import corpus
import measure
import shown

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from raylets import Raylets, descendants, own_seconds, pids

RECIPES = {
    "near": ["near@1: {}"],
    "curation": [
        "clean@1: {}",
        "exact@1: {}",
        "near@1: {}",
        "quality.gopher@1: {}",
        "quality.repetition@1: {}",
        "quality.c4@1: {}",
        "quality.fineweb@1: {}",
    ],
}

MOST = 1.5


def main() -> None:
    """Measure, print the table, keep the figures."""
    parser = corpus.options(__doc__ or "")
    parser.add_argument("--rows", type=int, default=corpus.ROWS)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", nargs="+", default=[*RECIPES], choices=[*RECIPES])
    told = parser.parse_args()
    whole = corpus.jsonl(told.corpus, told.cache)
    data = {"start": head(whole, 400), "all": head(whole, told.rows)}
    found: dict[str, Any] = {"rows": told.rows, "bytes": data["all"].stat().st_size}
    rows = []
    cluster = Raylets(1, processors=2)
    Thread(target=watch, args=[cluster], daemon=True).start()
    time.sleep(2)
    found["cluster"] = round(spent(cluster), 1)
    for name in told.only:
        stages = RECIPES[name]
        recipe = corpus.recipe(told.cache, name, *stages)
        what = {
            f"{engine} {size}": partial(once, recipe, path, engine, size, told, cluster)
            for size, path in data.items()
            for engine in ("local", "ray")
        }
        found[name] = {k: measure.medians(v) for k, v in measure.alternate(what, told.rounds).items()}
        cpu = {k: statistics.median([r["cpu"] for r in v["rounds"]]) for k, v in found[name].items()}
        beyond = {engine: cpu[f"{engine} all"] - cpu[f"{engine} start"] for engine in ("local", "ray")}
        found[name]["beyond"] = {**beyond, "ratio": round(beyond["ray"] / beyond["local"], 3)}
        for engine in ("local", "ray"):
            ratio = "" if engine == "local" else f"{found[name]['beyond']['ratio']:.2f}"
            cost = [f"{cpu[f'{engine} start']:.1f}", f"{cpu[f'{engine} all']:.1f}", f"{beyond[engine]:.1f}", ratio]
            rows.append([f"{name}, {engine}", *cost])
        measure.save(__file__, found)
    cluster.__exit__(None, None, None)
    table = measure.table(["", "start-up CPU s", "CPU s", "beyond start-up", "× local"], rows)
    cost = f"Starting the cluster itself took {found['cluster']} CPU seconds; medians of {told.rounds} rounds."
    shown.put("ray_cost", f"{table}\n\n{cost}")
    sys.exit(any(found[name]["beyond"]["ratio"] > MOST for name in told.only))


def head(whole: Path, rows: int) -> Path:
    """The first rows of the corpus."""
    path = whole.with_name(f"{whole.stem}-{rows}.jsonl")
    if not path.exists():
        with whole.open("rb") as lines, path.open("wb") as out:
            out.writelines(islice(lines, rows))
    return path


def once(recipe: Path, data: Path, engine: str, size: str, told: Namespace, cluster: Raylets) -> measure.Spent:
    """One run; with Ray, what the cluster spends meanwhile is added."""
    out = told.cache / "ray-cost"
    shutil.rmtree(out, ignore_errors=True)
    cut = ["--partition-size", "200000"] if size == "start" else []
    where = ["--address", cluster.address] if engine == "ray" else []
    words = [
        "run",
        str(recipe),
        "-i",
        str(data),
        "-o",
        str(out),
        "--quiet",
        "--workers",
        "2",
        "--engine",
        engine,
        *where,
    ]
    before, started = spent(cluster), time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "tamis", *words, *cut])
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"tamis {' '.join(words)}: exit {os.waitstatus_to_exitcode(status)}")
    process.returncode, wall = 0, time.monotonic() - started
    time.sleep(2)  # workers of the run end, and are buried
    more = spent(cluster) - before if engine == "ray" else 0.0
    return measure.Spent(used.ru_utime + used.ru_stime + more, wall, 0, 0, used.ru_maxrss * 1024, 0, "")


def spent(cluster: Raylets) -> float:
    """CPU seconds of all of Ray's processes so far, those that have ended as they were last seen."""
    return sum(cluster_seen.values()) if cluster_seen else _look(cluster)


cluster_seen: dict[int, float] = {}
"""CPU seconds of each process: a raylet's workers are buried by nobody, so they are looked at while they live."""


def _look(cluster: Raylets) -> float:
    for node in (cluster.cluster.head_node, *cluster.nodes):
        for process in pids(node):
            for pid in descendants(process):
                cluster_seen[pid] = max(cluster_seen.get(pid, 0.0), own_seconds(pid))
    return sum(cluster_seen.values())


def watch(cluster: Raylets) -> None:
    """Look five times a second, for as long as this process goes on."""
    while True:
        with suppress(RuntimeError):
            _look(cluster)
        time.sleep(0.2)


if __name__ == "__main__":
    main()
