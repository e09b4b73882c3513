"""What it costs to begin: import, help, a run over 100 rows, and the first run on a machine.

    python benchmarks/startup.py

Kernels are compiled when they are first used and cached on disk. The first run here begins with an empty cache and so compiles
all that a recipe of four quality families and deduplication needs; the slowest kernel includes those it calls.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import corpus
import measure

BOUNDS = {"import": 0.2, "help": 0.2, "100 rows": 2.0, "slowest kernel": 15.0}
"""Seconds."""

STAGES = (
    "quality.gopher@1: {}",
    "quality.repetition@1: {}",
    "quality.c4@1: {}",
    "quality.fineweb@1: {}",
    "exact@1: {}",
)


def main() -> None:
    """Measure, print the table, save the figures."""
    parser = corpus.options(__doc__ or "")
    parser.add_argument("--rounds", type=int, default=7)
    told = parser.parse_args()
    rows, recipe = _hundred(told), corpus.recipe(told.cache, "startup", *STAGES)
    out, kernels = told.cache / "startup", told.cache / "kernels"
    shutil.rmtree(kernels, ignore_errors=True)
    run = ["run", recipe, "-i", rows, "-o", out, "--quiet", "--workers", "2"]

    def hundred(cache: Path) -> measure.Spent:
        shutil.rmtree(out, ignore_errors=True)
        return measure.run([*corpus.tamis(), *run], {"NUMBA_CACHE_DIR": str(cache)})

    first = [sys.executable, "-c", _FIRST, *run]
    shutil.rmtree(out, ignore_errors=True)
    compiled = measure.run(first, {"NUMBA_CACHE_DIR": str(kernels)})
    slow: list[list[Any]] = json.loads(compiled.output.splitlines()[-1])
    again = {
        "python, nothing else": lambda: measure.run([sys.executable, "-c", "pass"]),
        "import": lambda: measure.run([sys.executable, "-c", "import tamis"]),
        "help": lambda: measure.run([*corpus.tamis(), "--help"]),
        "100 rows": lambda: hundred(kernels),
    }
    found = {name: measure.medians(r) for name, r in measure.alternate(again, told.rounds).items()}
    found["first run"] = compiled.facts()
    table = [[name, f"{f['wall']:.2f}", f"{f['cpu']:.2f}"] for name, f in found.items()]
    print(measure.table(["", "wall s", "CPU s"], table))
    print(f"\n{len(slow)} kernels compiled; the slowest: {', '.join(f'{n} {s:.1f} s' for n, s in slow[:5])}")
    measure.save(__file__, {"bounds": BOUNDS, "found": found, "kernels": slow})
    shutil.rmtree(kernels)


def _hundred(told: Any) -> Path:
    with corpus.jsonl(told.corpus, told.cache).open("rb") as lines:
        path: Path = told.cache / "hundred.jsonl"
        path.write_bytes(b"".join(next(lines) for _ in range(100)))
    return path


# tamis as a user calls it, with numba telling how long each kernel took to compile. CPU seconds of a thread: others wait.
_FIRST = """
import json, sys, time
from numba.core import event
class Clock(event.Listener):
    begun, took = {}, {}
    def on_start(self, e): self.begun[id(e.data["dispatcher"])] = time.thread_time()
    def on_end(self, e):
        d = e.data["dispatcher"]
        name = d.py_func.__module__.removeprefix("tamis.") + "." + d.py_func.__name__
        self.took[name] = self.took.get(name, 0) + time.thread_time() - self.begun[id(d)]
event.register("numba:compile", Clock())
from tamis.cli import main
try:
    main(sys.argv[1:])
except SystemExit as left:
    print(json.dumps(sorted(((n, round(s, 2)) for n, s in Clock.took.items()), key=lambda x: -x[1])))
    raise
"""

if __name__ == "__main__":
    main()
