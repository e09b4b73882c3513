"""The sizing table of docs/sizing.md: what 1 TB and 100 TB take, worked out from what webmix took.

    python benchmarks/plan_actual.py      first: the recipes whose runs are the rates
    python benchmarks/sizing.py           joins records as components do, writes results/sizing.json, prints the table

tests/test_sizing.py holds the page against `table` of that file.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import measure
import numpy as np

RECIPES = ("near", "evals", "curation")
"""Those that were measured on webmix."""

SIZES = {"1 TB": 1e12, "100 TB": 1e14}
MARGIN = 3
"""Times the measured CPU: other machines, other texts, retries."""

PARTITION = 16 << 20
DENSE = 2**28
"""Records up to which components are found by union-find: 4 bytes for each must fit in four of the largest shares."""

JOIN_BYTES = 4
NODES = 20_000_000


def main() -> None:
    """Rates, table."""
    found = json.loads((Path(__file__).parent / "results" / "plan_actual.json").read_bytes())["found"]
    rates = {name: rate(found[name]) for name in RECIPES if name in found}
    facts = {"rates": rates, "joins_per_cpu_second": joins()}
    measure.save(__file__, facts)
    print(table(facts))


def rate(found: Mapping[str, Any]) -> dict[str, float]:
    """What a run took of each: per byte of JSON Lines, per record, and once."""
    figures = {name: one["actual"] for name, one in found["figures"].items()}
    return {
        "input_bytes": found["input_bytes"],
        "rows": figures["rows"],
        "fixed_cpu_seconds": found["fixed_cpu_seconds"],
        "cpu_seconds": figures["cpu_seconds"],
        "exchanged_bytes": figures["exchanged_bytes"],
        "disk_bytes": figures["disk_bytes"],
        "output_bytes": figures["output_bytes"],
        "peak_bytes": figures["peak_bytes"],
    }


def joins() -> int:
    """Edges that union-find takes in a CPU second, among NODES records with half as many edges."""
    from tamis.kernels.components import link

    chance = np.random.Generator(np.random.PCG64(0))
    left, right = chance.integers(0, NODES, (2, NODES // 2), np.int64)
    link(np.arange(10, dtype=np.uint32), left[:0], right[:0])
    parent = np.arange(NODES, dtype=np.uint32)
    began = time.process_time()
    link(parent, left, right)
    return int(left.size / (time.process_time() - began))


def sized(rate: Mapping[str, float], size: float) -> dict[str, float]:
    """What `size` bytes of such data take."""
    times = size / rate["input_bytes"]
    return {
        "records": rate["rows"] * times,
        "core_hours": (rate["cpu_seconds"] - rate["fixed_cpu_seconds"]) * times / 3600,
        "tasks": math.ceil(size / PARTITION),
        "exchanged": rate["exchanged_bytes"] * times,
        "disk": rate["disk_bytes"] * times,
        "output": rate["output_bytes"] * times,
    }


def table(facts: Mapping[str, Any]) -> str:
    """For people."""
    rows = []
    for name, rate in facts["rates"].items():
        for label, size in SIZES.items():
            found = sized(rate, size)
            records = found["records"]
            components = f"{records * JOIN_BYTES / 1e9:,.1f} GB" if records < DENSE else "stars"
            cells = [f"{records / 1e6:,.0f}", f"{found['core_hours']:,.1f}", f"{MARGIN * found['core_hours']:,.0f}"]
            cells += [f"{found['tasks']:,}"] + [f"{found[k] / 1e9:,.0f}" for k in ("exchanged", "disk", "output")]
            rows.append([f"{name}, {label}", *cells, components])
    head = [
        "",
        "million records",
        "core-hours",
        f"with a margin of {MARGIN}",
        "tasks a pass",
        "exchanged GB",
        "disk GB",
        "output GB",
    ]
    return measure.table([*head, "components"], rows)


if __name__ == "__main__":
    main()
