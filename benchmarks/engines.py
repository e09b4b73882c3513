"""One near-duplicate job by tamis, Polars (streaming), DuckDB and Daft: CPU seconds and peak memory of whole processes.

Every engine reads the same file, folds each text to 14 band keys of 8 rows over word 5-grams by the same kernel, and says
who goes. Three parts:

    linked    whoever shares a key is one group, nothing verified, up to the removal set: the same from every engine
    verified  tamis alone: as it does it, every pair of one key verified by its sets of n-grams
    whole     from the file to the data that stay: tamis with identifiers, verdicts, a fate for each record, digests and
              report, verified; the others with a Parquet file of what they keep, not verified

    python -m venv FOLDER && FOLDER/bin/pip install polars==2.1.0 duckdb==2.0.0 daft==0.7.26 numba numpy pyarrow
    PYTHONPATH=. python benchmarks/engines.py --peers FOLDER/bin/python
    PYTHONPATH=. python benchmarks/engines.py --peers FOLDER/bin/python --rounds 1 --more    one more, of the same code

Corpora: engines_corpus.py. Rounds alternate; before the first, all do the job on a small corpus, so that kernels are compiled.
Peak memory is what no file backs, private and shared, over all processes; `pss` counts mapped files, too. With --ray, tamis
on a Ray cluster of its own with two processors is there as well. After every corpus the figures go to results/engines.json, and
the tables to README.md.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import corpus
import engines_corpus
import engines_ours
import measure
import numpy as np
import shown

PEERS = {"duckdb": "DuckDB 2.0.0", "polars": "Polars 2.1.0 streaming", "daft": "Daft 0.7.26"}
CORPORA = {
    "webmix": "90,832 documents of the web, 270 MB of text",
    "tenfold": "the same ten times over, respelled so that copies are not alike, 2.7 GB of text",
    "long": "200,000 documents, 468 MB of text, generated with 15.5 % near-duplicates among them",
    "short": "1,000,000 documents, 186 MB of text, generated likewise",
}
PARTS = ("linked", "verified", "whole")
MEASURED = [
    f"{name}:{form}" for form in ("parquet", "jsonl") for name in CORPORA if (name, form) != ("tenfold", "jsonl")
]
WORKERS = (1, 2)
HERE = Path(__file__).parent
RESULT = HERE / "results/engines.json"

Once = Callable[[], measure.Spent]


def main() -> None:
    """Measure, hold the removal sets against each other, save figures and tables after every round."""
    parser = corpus.options(__doc__ or "")
    parser.add_argument("--peers", type=Path, required=True, help="a Python with polars, duckdb, daft and numba")
    parser.add_argument("--only", action="append", choices=MEASURED, help="a corpus; may be given again")
    parser.add_argument("--parts", action="append", choices=PARTS, help="a part; may be given again")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ray", action="store_true", help="tamis on Ray, too")
    parser.add_argument(
        "--more", action="store_true", help="add to the rounds of results/engines.json, of the same code"
    )
    told = parser.parse_args()
    what = {name: dict(engines(told, *name.split(":"))) for name in told.only or MEASURED[: len(CORPORA)]}
    rounds = before(code()) if told.more else {}
    warm = dict(engines(Namespace(**vars(told) | {"parts": ["linked"], "ray": False}), "few", "parquet"))
    for once in warm.values():
        once()
    for _ in range(told.rounds):
        for name, each in what.items():
            for engine, spent in measure.alternate(each, 1).items():
                rounds.setdefault(name, {}).setdefault(engine, []).extend(spent)
            found = {name: figures(spent) for name, spent in rounds.items()}
            measure.save(__file__, {"code": code(), "bands": 14, "rows": 8, "ngram": 5, "found": found})
            shown.put("engines", tables(found))


def code() -> str:
    """What was measured: sha256 of the sources of tamis and of this benchmark."""
    digest = hashlib.sha256()
    for path in sorted([*HERE.parent.glob("tamis/**/*.py"), *HERE.glob("engines*.py"), HERE / "measure.py"]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def before(same: str) -> dict[str, dict[str, list[measure.Spent]]]:
    """The rounds that are kept already, all of them of the code `same`."""
    kept = json.loads(RESULT.read_text())
    if kept.get("code") != same:
        sys.exit(f"{RESULT} is of the code {kept.get('code')}, and this is {same}: begin anew, without --more")
    return {
        name: {
            engine: [measure.Spent(**spent, output=f["said"]) for spent in f["rounds"]] for engine, f in each.items()
        }
        for name, each in kept["found"].items()
    }


def engines(told: Namespace, name: str, form: str) -> Iterator[tuple[str, Once]]:
    """What is run on one corpus."""
    source, out = engines_corpus.path(told.cache, name, form), told.cache / "engines" / "out"
    if not source.exists():
        if name in ("webmix", "tenfold"):
            getattr(engines_corpus, name)(told.corpus, told.cache)
        else:
            engines_corpus.generate(told.cache, name)
    parts = told.parts or (PARTS[:1] if name == "tenfold" else PARTS)
    if "linked" in parts:
        for workers in WORKERS:
            yield f"linked: tamis, {workers}", partial(_ours, "Linked", source, out, workers)
            for peer in PEERS:
                yield f"linked: {peer}, {workers}", partial(_peer, told.peers, peer, source, out, workers)
        if told.ray:
            yield "linked: tamis on ray, 2", partial(_ours, "Linked", source, out, 2, "ray")
    if "verified" in parts:
        yield "verified: tamis, 2", partial(_ours, "Verified", source, out, 2)
    if "whole" in parts:
        yield "whole: tamis, 2", partial(_whole, source, out, 2)
        for peer in PEERS:
            yield f"whole: {peer}, 2", partial(_peer, told.peers, peer, source, out, 2, "data")


def figures(rounds: dict[str, list[measure.Spent]]) -> dict[str, Any]:
    """Medians, and who goes: the same every time, and from all that leave it unverified."""
    found = {name: measure.medians(spent) for name, spent in rounds.items()}
    for name, spent in rounds.items():
        said = {s.output for s in spent}
        assert len(said) == 1, f"{name}: {said}"
        found[name]["said"] = said.pop()
    answers = {f["said"] for name, f in found.items() if name.startswith("linked")}
    assert len(answers) <= 1, f"removal sets differ: {answers}"
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


def _peer(python: Path, name: str, source: Path, out: Path, threads: int, *data: str) -> measure.Spent:
    shutil.rmtree(out, ignore_errors=True)
    command: list[str | Path] = [python, HERE / "engines_peers.py", name, source, out, str(threads), *data]
    spent = measure.run(command, env={**os.environ, "PYTHONPATH": str(HERE.parent)})
    return spent._replace(output="data written") if data else _said(spent, out)


def _said(spent: measure.Spent, out: Path) -> measure.Spent:
    gone = np.load(out / "removed.npy").astype(np.int64)
    return spent._replace(output=f"{len(gone):,} {hashlib.sha256(gone.tobytes()).hexdigest()[:16]}")


def tables(found: dict[str, Any]) -> str:
    """For people: what each corpus took."""
    return "\n\n".join(f"{_title(name, each)}\n\n{table(each)}" for name, each in found.items())


def _title(name: str, found: dict[str, Any]) -> str:
    corpus, _, form = name.partition(":")
    removed = next((f["said"].split()[0] for part, f in found.items() if part.startswith("linked")), None)
    says = f"{CORPORA[corpus]}, as {'Parquet' if form == 'parquet' else 'JSON Lines'}"
    return f"**{corpus}**: {says}" + (f"; unverified, {removed} go." if removed else ".")


def table(found: dict[str, Any]) -> str:
    """Cost of each, and how many times as much CPU and memory as tamis with as many workers takes for the same part."""
    rows = []
    for name, f in found.items():
        part, who = name.split(": ")
        base, each = found[f"{part}: tamis, {who[-1]}"], [r["cpu"] for r in f["rounds"]]
        cpu = [f"{f['cpu']:.2f}", f"{min(each):.2f} to {max(each):.2f}", f"{f['cpu'] / base['cpu']:.2f}"]
        held = [f"{f['held'] / 1e6:,.0f}", f"{f['held'] / base['held']:.2f}"]
        rows.append([f"{part}: {_named(who)}", str(len(each)), *cpu, *held])
    return measure.table(["", "rounds", "CPU s", "from, to", "by tamis", "peak MB", "by tamis"], rows)


def _named(who: str) -> str:
    name, _, workers = who.rpartition(", ")
    return f"{PEERS.get(name, name)}, {workers} {'thread' if name in PEERS else 'worker'}{'s' * (workers > '1')}"


if __name__ == "__main__":
    main()
