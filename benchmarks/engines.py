"""One near-duplicate job by tamis, Polars (streaming), DuckDB and Daft: CPU seconds and peak memory of whole processes.

Every engine reads the same file, folds each text to 14 band keys of 8 rows over word 5-grams by the same kernel, and says
who goes. Three parts:

    linked    whoever shares a key is one group, nothing verified, up to the removal set: the same from every engine
    verified  tamis alone: as it does it, every pair of one key verified by its sets of n-grams
    whole     from the file to the data that stay: tamis with identifiers, verdicts, a fate for each record, digests and
              report, verified; the others with a Parquet file of what they keep, not verified

    python -m venv FOLDER && FOLDER/bin/pip install polars==2.1.0 duckdb==2.0.0 daft==0.7.26 numba numpy pyarrow
    PYTHONPATH=. python benchmarks/engines.py --peers FOLDER/bin/python
    PYTHONPATH=. python benchmarks/engines.py --peers FOLDER/bin/python --only long:parquet --rounds 1

Corpora: engines_corpus.py. Rounds alternate. Peak memory is what no file backs, private and shared, over all processes;
`pss` counts mapped files, too. With --ray, tamis on a Ray cluster of its own with two processors is there as well.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import corpus
import engines_corpus
import engines_ours
import measure
import numpy as np

PEERS = ("polars", "duckdb", "daft")
MEASURED = ("webmix:jsonl", "webmix:parquet", "long:parquet", "short:parquet", "long:jsonl", "short:jsonl")
WORKERS = (1, 2)
HERE = Path(__file__).parent


def main() -> None:
    """Measure, hold the removal sets against each other, print the tables, save the figures after every round."""
    parser = corpus.options(__doc__ or "")
    parser.add_argument("--peers", type=Path, required=True, help="a Python with polars, duckdb, daft and numba")
    parser.add_argument("--only", action="append", choices=MEASURED, help="a corpus; may be given again")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ray", action="store_true", help="tamis on Ray, too")
    parser.add_argument(
        "--short", action="store_true", help="no data of peers, parts but the first with two workers alone"
    )
    told = parser.parse_args()
    names = told.only or MEASURED[:4]
    what = {name: engines(told, *name.split(":")) for name in names}
    rounds: dict[str, dict[str, list[measure.Spent]]] = {name: {} for name in names}
    for number in range(told.rounds):
        for name in names:
            for engine, spent in measure.alternate(what[name], 1).items():
                rounds[name].setdefault(engine, []).extend(spent)
            found = {each: figures(told) for each, told in rounds.items() if told}
            measure.save(__file__, {"rounds": number + 1, "bands": 14, "rows": 8, "ngram": 5, "found": found})
    for name, each in found.items():
        print(f"\n{name}\n\n{table(each)}")


def engines(told: Namespace, name: str, form: str) -> dict[str, Callable[[], measure.Spent]]:
    """What is run on one corpus."""
    source, out = engines_corpus.path(told.cache, name, form), told.cache / "engines" / "out"
    if not source.exists():
        engines_corpus.webmix(told.corpus, told.cache) if name == "webmix" else engines_corpus.generate(
            told.cache, name
        )
    what: dict[str, Callable[[], measure.Spent]] = {}
    for workers in WORKERS:
        what[f"linked: tamis, {workers}"] = partial(_ours, "Linked", source, out, workers)
    for peer in PEERS:
        what[f"linked: {peer}"] = partial(_peer, told.peers, peer, source, out)
    for workers in WORKERS[1:] if told.short else WORKERS:
        what[f"verified: tamis, {workers}"] = partial(_ours, "Verified", source, out, workers)
        what[f"whole: tamis, {workers}"] = partial(_whole, source, out, workers)
    if told.ray:
        what["linked: tamis on ray, 2"] = partial(_ours, "Linked", source, out, 2, "ray")
    if not told.short:
        what |= {f"whole: {peer}": partial(_peer, told.peers, peer, source, out, "data") for peer in PEERS}
    return what


def figures(rounds: dict[str, list[measure.Spent]]) -> dict[str, Any]:
    """Medians, and who goes: the same every time, and from all that leave it unverified."""
    found = {name: measure.medians(spent) for name, spent in sorted(rounds.items())}
    for name, spent in rounds.items():
        said = {s.output for s in spent}
        assert len(said) == 1, f"{name}: {said}"
        found[name]["removed"] = said.pop()
    answers = {f["removed"] for name, f in found.items() if name.startswith("linked")}
    assert len(answers) == 1, f"removal sets differ: {answers}"
    return found


def _ours(stage: str, source: Path, out: Path, workers: int, engine: str = "local") -> measure.Spent:
    shutil.rmtree(out, ignore_errors=True)
    command: list[str | Path] = [sys.executable, HERE / "engines_ours.py", stage, source, out, str(workers), engine]
    return _said(measure.run(command), out)


def _whole(source: Path, out: Path, workers: int) -> measure.Spent:
    shutil.rmtree(out, ignore_errors=True)
    recipe = engines_ours.recipe("Verified", out.parent)
    where: list[str | Path] = ["-i", source, "-o", out, "--workers", str(workers), "--quiet"]
    spent = measure.run([*corpus.tamis(), "run", recipe, *where])
    return spent._replace(output="data written")


def _peer(python: Path, name: str, source: Path, out: Path, *data: str) -> measure.Spent:
    shutil.rmtree(out, ignore_errors=True)
    command: list[str | Path] = [python, HERE / "engines_peers.py", name, source, out, *data]
    threads = {"POLARS_MAX_THREADS": "2", "PYTHONPATH": str(HERE.parent)}
    spent = measure.run(command, env={**os.environ, **threads})
    return spent._replace(output="data written") if data else _said(spent, out)


def _said(spent: measure.Spent, out: Path) -> measure.Spent:
    gone = np.load(out / "removed.npy").astype(np.int64)
    return spent._replace(output=f"{len(gone):,} {hashlib.sha256(gone.tobytes()).hexdigest()[:16]}")


def table(found: dict[str, Any]) -> str:
    """For people: cost, and how many times as much CPU and memory a peer takes as tamis with two workers for the same part."""
    rows = []
    for name, f in found.items():
        base = found[f"{name.partition(':')[0]}: tamis, 2"]
        by = [f"{f['cpu'] / base['cpu']:.2f}", f"{f['held'] / base['held']:.2f}"]
        rows.append([name, f"{f['cpu']:.2f}", by[0], f"{f['held'] / 1e6:,.0f}", by[1], f"{f['pss'] / 1e6:,.0f}"])
    return measure.table(["", "CPU s", "by tamis", "peak MB", "by tamis", "PSS MB"], rows)


if __name__ == "__main__":
    main()
