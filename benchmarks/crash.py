"""Freezes killed at random points: is there ever half a snapshot?

    python benchmarks/crash.py --run RUN --work FOLDER [--times 20]

Each freeze is a process of its own, killed (SIGKILL) after a random share of the time a whole one takes. The next command is
`tamis snapshots list`; then every folder that is there must verify, and no file may be left over.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import time
from pathlib import Path


def main() -> None:
    """Kill, look, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--times", type=int, default=20)
    args = parser.parse_args()
    store, rnd = args.work / "store", random.Random(7)
    shutil.rmtree(store, ignore_errors=True)
    started = time.perf_counter()
    freeze(args.run, store / "docs/1.0.0").wait()
    whole = time.perf_counter() - started
    counts = {"not there": 0, "whole": 0, "half": 0}
    for k in range(1, args.times + 1):
        target = store / f"docs/1.{k}.0"
        process = freeze(args.run, target)
        seconds = whole * rnd.uniform(0.3, 1.1)
        time.sleep(seconds)
        process.kill()
        process.wait()
        before = "there" if target.exists() else "not there"
        listed = subprocess.run(
            ["tamis", "snapshots", "list", "--store", store, "--json"], check=True, capture_output=True
        )
        known = {row["version"]: row["state"] for row in json.loads(listed.stdout)["snapshots"]}
        left = [*(store / ".tamis/work").iterdir(), *(store / ".tamis/journal").iterdir()]
        if not target.exists():
            state = "not there" if f"1.{k}.0" not in known and not left else "half"
        else:
            sound = subprocess.run(["tamis", "verify", target], capture_output=True).returncode == 0
            state = "whole" if sound and known.get(f"1.{k}.0") == "live" and not left else "half"
        counts[state] += 1
        print(f"killed after {seconds:5.2f} of {whole:.2f} s: {before}, then {state}", flush=True)
    print(counts)
    raise SystemExit(bool(counts["half"]))


def freeze(run: Path, target: Path) -> subprocess.Popen[bytes]:
    """A freeze that has begun."""
    return subprocess.Popen(["tamis", "freeze", run, "-o", target, "--quiet"])


if __name__ == "__main__":
    main()
