"""Faults of workers: killed once, killed by a record, killed for their memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from ray_faults_bench import Bench, digest, outcome, told

ROOM = 4_000_000_000
"""Bytes above what the machine has in use at which Ray kills a worker."""


def once(how: str, before: Callable[[Bench], None] = lambda _: None) -> Callable[[Bench], str]:
    """A worker dies at a record, the first time: it is killed, or takes memory until it is."""

    def cause(bench: Bench) -> str:
        mark = bench.work / f"once-{how}"
        recipe = bench.faulty(how, how=how, once=mark)
        mark.touch()
        whole = bench.alone(recipe)
        mark.unlink()
        before(bench)
        out = bench.place()
        process = bench.ray(recipe, out)
        found = outcome(bench, process, told(process), out, whole, recipe)
        if before is watched:
            while bench.cluster.nodes:
                bench.cluster.kill()
        return found

    return cause


def watched(bench: Bench) -> None:
    """Nodes on which Ray kills a worker when the machine uses a little more memory than now."""
    facts = {line.split(":")[0]: int(line.split()[1]) << 10 for line in Path("/proc/meminfo").read_text().splitlines()}
    threshold = (facts["MemTotal"] - facts["MemAvailable"] + ROOM) / facts["MemTotal"]
    while bench.cluster.nodes:
        bench.cluster.kill()
    for _ in range(2):
        bench.add(RAY_memory_usage_threshold=f"{threshold:.3f}", RAY_memory_monitor_refresh_ms="50")


def poison(bench: Bench) -> str:
    """A record kills its worker every time."""
    recipe, out, same = bench.faulty("poison"), bench.place(), bench.place()
    process = bench.ray(recipe, out)
    words = told(process)
    told(bench.tamis(recipe, same, "--engine", "local", "--quiet"))
    found = outcome(bench, process, words, out, digest(same), recipe)
    if process.returncode:
        return found
    rows = json.loads((out / "run.json").read_bytes())["rows"]
    return f"{found}; set aside: {rows['quarantined']}"
