"""A whole run of `pii@1` with its defaults over webmix, JSON Lines to Parquet, and the stage alone in memory.

    python benchmarks/pii_run.py [--rounds 1]

`run`: reads, looks, takes out, looks again, writes data, verdicts, a fate and scores of every record; start included.
`stage`: `measure` over the same texts, in memory, in one process. Megabytes are those of the texts, in UTF-8, before.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import corpus
import measure

STAGE = """
import sys, time, polars as pl, pyarrow as pa
from tamis.curate.pii.stage import Pii
stage = Pii()
texts = pl.read_parquet(sys.argv[1], columns=["text"])["text"].to_arrow().cast(pa.large_string())
batches = [pa.record_batch({"text": texts[k : k + 4096].cast(pa.string())}) for k in range(0, len(texts), 4096)]
stage.measure(batches[0])
began = time.process_time()
for batch in batches:
    stage.measure(batch)
print(time.process_time() - began, sum(b.column("text").nbytes for b in batches) / 1e6)
"""


def main() -> None:
    """Measure, print, save."""
    parser = corpus.options(__doc__ or "")
    parser.add_argument("--rounds", type=int, default=1)
    told = parser.parse_args()
    lines = corpus.jsonl(told.corpus, told.cache)
    recipe = corpus.recipe(told.cache, "pii", "pii@1: {}")
    out = told.cache / "pii-out"
    what = {f"run, {n} worker{'s' * (n > 1)}": partial(run, recipe, lines, out, n) for n in (1, 2)}
    found = {name: measure.medians(rounds) for name, rounds in measure.alternate(what, told.rounds).items()}
    alone = subprocess.run(
        [sys.executable, "-c", STAGE, told.corpus], capture_output=True, text=True, check=True
    ).stdout
    seconds, megabytes = map(float, alone.split())
    facts = {
        "megabytes": round(megabytes, 1),
        "megabytes_per_cpu_second": {
            **{name: round(megabytes / cost["cpu"], 2) for name, cost in found.items()},
            "stage": round(megabytes / seconds, 2),
        },
    }
    print(facts)
    measure.save(__file__, {**facts, "stage_cpu": round(seconds, 2), "found": found})


def run(recipe: Path, lines: Path, out: Path, workers: int) -> measure.Spent:
    """One run."""
    shutil.rmtree(out, ignore_errors=True)
    return measure.run([*corpus.tamis(), "run", recipe, "-i", lines, "-o", out, "--workers", str(workers)])


if __name__ == "__main__":
    main()
