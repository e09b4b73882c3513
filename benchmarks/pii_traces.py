"""Private data that was planted: what of it is left in a run, and whether the run is the same however it is made.

    python benchmarks/pii_traces.py [--rows 3000] [--out benchmarks/results/pii_traces.json]

Rows of all four kinds about the same made-up people (tests/made_up_people.py) are scrubbed with pseudonyms: by one worker, by two
threads, by two processes, and by runs that were killed (SIGKILL) at several points and resumed. Every file of every run is
then searched for what was planted, for its plain digests and for the key.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from made_up_people import PEOPLE, given_away, planted, rows
from making import digests, write_lines

import tamis
from tamis.recipes.rescan import rescan

KINDS = ("document", "chat", "preference", "eval_item")
KEY = "planted: more than sixteen bytes"
STEPS = {
    "name": "planted",
    "stages": [{"pii@1": {"operator": "pseudonym", "key_env": "PII_KEY", "on": ["texts", "url", "meta"]}}, "exact@1"],
}
POINTS = (2, 4, 6, 8, 9)
"""Reports of progress after which a run is killed, one after the other."""

WORKER = """
import json, os, signal, sys, tamis
from tamis.curate.pii import Pii
if sys.argv[5] == "processes":
    Pii.processes_from = 0
def watch(progress, seen=[]):
    seen.append(1)
    if len(seen) == int(sys.argv[4]):
        print(progress.what, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
if __name__ == "__main__":
    tamis.run(json.loads(sys.argv[1]), sys.argv[2], sys.argv[3], workers=2, partition_size=200_000, resume=True, on_progress=watch)
"""


def made(script: Path, lines: Path, out: Path, kill: int = 0, how: str = "threads") -> tuple[int, str]:
    """A run in a process of its own: its exit code, and what it was doing when it was killed."""
    call = [sys.executable, str(script), json.dumps(STEPS), str(lines), str(out), str(kill), how]
    done = subprocess.run(call, capture_output=True, text=True, timeout=1200)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode, done.stdout.strip()


def pseudonyms(runs: list[tamis.Run]) -> dict[str, Any]:
    """How many values were marked, and how many of them had more than one pseudonym."""
    seen = defaultdict(set)
    for run in runs:
        for person, entity, mark in re.findall(
            r"P(\d+) (?:[a-z ]+ )?<([A-Z_]+):([a-z]{16})>", str(run.data().to_pylist())
        ):
            seen[entity, person].add(mark)
    return {"values": len(seen), "with_more_than_one": sum(len(marks) > 1 for marks in seen.values())}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    os.environ["PII_KEY"] = KEY
    told: dict[str, Any] = {"rows_of_each_kind": args.rows, "people": PEOPLE, "planted": len(planted()), "kinds": {}}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "worker.py").write_text(WORKER)
        runs = []
        for kind in KINDS:
            unread = [f'{{"text": "{value}"'.encode() for value in sorted(planted(1))]
            lines = write_lines(place / f"{kind}.jsonl", [*rows(kind, args.rows), *unread])
            one = tamis.run(STEPS, lines, place / kind, workers=1)
            runs.append(one)
            ways = {"one worker": one.path}
            for how in ("threads", "processes"):
                ways[f"two {how}"] = place / f"{kind}-{how}"
                made(place / "worker.py", lines, ways[f"two {how}"], how=how)
            killed = []
            if kind == "document":
                ways["killed and resumed"] = place / "killed"
                killed = [made(place / "worker.py", lines, place / "killed", kill=point)[1] for point in POINTS]
                made(place / "worker.py", lines, place / "killed")
            scan = rescan(one)
            told["kinds"][kind] = {
                "rows": one.facts["rows"],
                "found": one.steps[1]["facts"]["found"],
                "the_same_bytes": {name: digests(path) == digests(one.path) for name, path in ways.items()},
                "killed_at": killed,
                "second_scan_found": len(scan.found) + scan.aside,
                "given_away": sum(len(given_away(path, planted() | {KEY})) for path in ways.values()),
                "in_the_input": len(given_away_in(lines)),
            }
            print(kind, json.dumps(told["kinds"][kind]), flush=True)
        told["pseudonyms"] = pseudonyms(runs)
    text = json.dumps(told, indent=2)
    print(text)
    if args.out:
        args.out.write_text(text + "\n")


def given_away_in(lines: Path) -> list[str]:
    """The same search of the input alone: it finds what is there."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / lines.name).write_bytes(lines.read_bytes())
        return given_away(Path(folder), planted())


if __name__ == "__main__":
    main()
