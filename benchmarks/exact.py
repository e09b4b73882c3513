"""Exact deduplication, JSON Lines to Parquet, beside Polars and a bare loop.

tamis    checks every line, deduplicates, writes data, verdicts, a fate for every record, scores for replay, digests
polars   scan_ndjson, unique(subset="text"), sink_parquet: with and without keeping the order
loop     orjson, xxh3_128, a set; writes the lines it keeps as they are: the floor

    python benchmarks/exact.py                  side by side, three rounds
    python benchmarks/exact.py --ten            and tamis on ten times the input
"""

from __future__ import annotations

import argparse
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

import corpus
import measure

BOUNDS = {"cpu": 1.0, "memory": 0.25, "growth": 1.2}
"""CPU seconds and peak memory by those of Polars with order kept; our peak at ten times the input by that at one."""


def main() -> None:
    """Measure, check that all keep the same rows, print the table, save the figures."""
    parser = corpus.options(__doc__ or "")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ten", action="store_true", help="also ten times the input (2.9 GB of cache, removed again)")
    told = parser.parse_args()
    lines, out = corpus.jsonl(told.corpus, told.cache), told.cache / "out"
    recipe = corpus.recipe(told.cache, "exact", "exact@1: {normalise: false}")
    # Kernels are compiled once for a machine, at first use: startup.py measures that.
    ours(recipe, lines, out, 2)
    what = {
        "tamis, 1 worker": partial(ours, recipe, lines, out, 1),
        "tamis, 2 workers": partial(ours, recipe, lines, out, 2),
        "polars, order kept": partial(peer, "polars", lines, out),
        "polars, any order": partial(peer, "polars_any", lines, out),
        "orjson + xxh3 loop": partial(peer, "loop", lines, out),
    }
    found = {name: measure.medians(rounds) for name, rounds in measure.alternate(what, told.rounds).items()}
    base = found["polars, order kept"]
    rows = []
    for name, f in found.items():
        by_polars = [f"{f[what] / base[what]:.2f}" for what in ("cpu", "pss", "anon")]
        own = [f"{f['cpu']:.2f}", f"{f['pss'] / 1e6:.0f}", f"{f['anon'] / 1e6:.0f}"]
        rows.append([name, *(cell for pair in zip(own, by_polars, strict=True) for cell in pair)])
    facts: dict[str, Any] = {"rows": corpus.ROWS, "kept": corpus.UNIQUE, "bounds": BOUNDS, "found": found}
    print(measure.table(["", "CPU s", "by Polars", "peak MB", "by Polars", "without files", "by Polars"], rows))
    if told.ten:
        facts["ten"] = ten(told, recipe, out, found)
    measure.save(__file__, facts)


def ours(recipe: Path, lines: Path, out: Path, workers: int, kept: int = corpus.UNIQUE) -> measure.Spent:
    """One run of tamis."""
    shutil.rmtree(out, ignore_errors=True)
    spent = measure.run([*corpus.tamis(), "run", recipe, "-i", lines, "-o", out, "--quiet", "--workers", str(workers)])
    _check(out / "data", kept)
    return spent


def peer(name: str, lines: Path, out: Path) -> measure.Spent:
    """One run of a peer, in a process of its own."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    spent = measure.run([sys.executable, "-c", PEERS[name], lines, out / "kept"])
    _check(out / "kept", corpus.UNIQUE)
    return spent


PEERS = {
    "polars": """
import sys, polars as pl
pl.scan_ndjson(sys.argv[1]).unique(subset="text", keep="first", maintain_order=True).sink_parquet(sys.argv[2])
""",
    "polars_any": """
import sys, polars as pl
pl.scan_ndjson(sys.argv[1]).unique(subset="text", keep="any").sink_parquet(sys.argv[2])
""",
    "loop": """
import sys, orjson, xxhash
seen = set()
with open(sys.argv[1], "rb") as lines, open(sys.argv[2], "wb") as out:
    for line in lines:
        key = xxhash.xxh3_128_digest(orjson.loads(line)["text"].encode())
        if key not in seen:
            seen.add(key)
            out.write(line)
""",
}


def ten(told: argparse.Namespace, recipe: Path, out: Path, found: dict[str, Any]) -> dict[str, Any]:
    """tamis on ten distinct copies of the input, and how its peak has grown."""
    lines = corpus.jsonl(told.corpus, told.cache, 10)
    facts: dict[str, Any] = {}
    for workers, name in ((1, "tamis, 1 worker"), (2, "tamis, 2 workers")):
        spent = ours(recipe, lines, out, workers, 10 * corpus.UNIQUE)
        facts[name] = {**spent.facts(), "growth": round(spent.pss / found[name]["pss"], 3)}
        print(f"ten times the input, {name}: {measure.line(spent)}  peak x {facts[name]['growth']}")
    lines.unlink()
    shutil.rmtree(out)
    return facts


def _check(path: Path, kept: int) -> None:
    """Exactly `kept` rows are in `path`: Parquet, a folder of it, or lines."""
    measure.run([sys.executable, "-c", _COUNT, path, str(kept)])


_COUNT = """
import sys, pathlib, pyarrow.parquet as pq
path = pathlib.Path(sys.argv[1])
parts = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
def rows(part):
    with part.open("rb") as file:
        return pq.read_metadata(part).num_rows if file.read(4) == b"PAR1" else sum(1 for _ in file)
found = sum(map(rows, parts))
sys.exit(found != int(sys.argv[2]) and f"{path}: {found:,} rows kept, wanted {int(sys.argv[2]):,}")
"""

if __name__ == "__main__":
    main()
