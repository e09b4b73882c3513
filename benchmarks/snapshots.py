"""Freezing and verifying a million records (about 1 GB), beside sha256sum of the same data and reading it once.

    python benchmarks/snapshots.py --rows 1000000 --work /somewhere/with/5/GB

The corpus is made of the words of shared/data (README there), the same every time. All figures are CPU seconds of one
machine in one go; the best of three. `raw` is the data as JSON Lines, `parquet` the data files of the run.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from measure import run as measured

HERE = Path(__file__).parent


def texts(rows: int, seed: int = 7) -> pa.Array:
    """Texts of 200 to 1,800 bytes, cut from real ones at random: they compress as real ones do."""
    source = HERE.parent / "../shared/data/bench/webmix.parquet"
    table = pq.read_table(source, columns=["text"])
    data = "\n".join(table.column("text").to_pylist()).encode("ascii", "ignore")
    rnd = np.random.default_rng(seed)
    sizes = rnd.integers(200, 1800, rows)
    starts = rnd.integers(0, len(data) - 1800, rows)
    return pa.array(
        (data[s : s + n].decode() for s, n in zip(starts.tolist(), sizes.tolist(), strict=True)), pa.string()
    )


def make_run(folder: Path, rows: int) -> Path:
    """A run of `rows` records, all kept, through tamis itself."""
    data = folder / "corpus.jsonl"
    if not data.exists():
        with data.open("w") as f:
            for k, text in enumerate(texts(rows).to_pylist()):
                f.write(json.dumps({"id": f"r{k}", "text": text, "license": "CC0-1.0"}) + "\n")
    made = folder / "run"
    if not made.exists():
        recipe = folder / "recipe.yaml"
        recipe.write_text("name: bench\ninput: {kind: document}\nstages:\n  - exact@1: {}\n")
        subprocess.run(["tamis", "run", recipe, "-i", data, "-o", made, "--quiet"], check=True)
    return made


READ = """
import sys, pyarrow.parquet as pq
for path in sys.argv[1:]:
    with pq.ParquetFile(path, pre_buffer=False) as file:
        for batch in file.iter_batches(8192, use_threads=False): pass
"""


def best(command: list[str | Path], before: Path | None = None, times: int = 3) -> dict[str, float]:
    """CPU, wall and peak memory of the cheapest of some runs; the folder `before` is removed first."""
    found = []
    for _ in range(times):
        if before is not None:
            shutil.rmtree(before, ignore_errors=True)
        found.append(measured(command))
    least = min(found, key=lambda spent: spent.cpu)
    return {"cpu": round(least.cpu, 2), "wall": round(least.wall, 2), "peak_mb": round(least.pss / 1e6)}


def main() -> None:
    """Measure, and write results/snapshots.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--times", type=int, default=3)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    made = make_run(args.work, args.rows)
    parts = sorted(map(str, (made / "data").glob("*.parquet")))
    store, raw = args.work / "store", args.work / "corpus.jsonl"
    target = store / "bench/1.0.0"
    figures = {
        "sha256sum raw": best(["sha256sum", raw], times=args.times),
        "sha256sum parquet": best(["sha256sum", *parts], times=args.times),
        "read parquet": best([sys.executable, "-c", READ, *parts], times=args.times),
        "python alone": best([sys.executable, "-c", "import pyarrow.parquet"], times=args.times),
        "verify the run": best(["tamis", "verify", made], times=args.times),
        "freeze": best(["tamis", "freeze", made, "-o", target, "--quiet"], store, times=args.times),
        "verify files": best(["tamis", "verify", target, "--level", "files"], times=args.times),
        "verify leaves": best(["tamis", "verify", target], times=args.times),
    }
    again = store / "bench/1.1.0"
    figures["freeze again"] = best(["tamis", "freeze", made, "-o", again, "--version", "1.1.0", "--quiet"], times=1)
    size = {"rows": args.rows, "raw": raw.stat().st_size, "parquet": sum(Path(p).stat().st_size for p in parts)}
    shared = sum(p.stat().st_size for p in (again / "data").iterdir() if p.stat().st_nlink > 2)
    for name, spent in figures.items():
        print(f"{name:<20}{spent['cpu']:>8} CPU s {spent['wall']:>8} s {spent['peak_mb']:>8} MB")
    print(size, "shared by the second version:", shared)
    (HERE / "results/snapshots.json").write_text(
        json.dumps({"size": size, "shared": shared, "figures": figures}, indent=2) + "\n"
    )


if __name__ == "__main__":
    main()
