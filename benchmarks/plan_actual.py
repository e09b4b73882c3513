"""What `tamis plan` says beside what the run then takes: CPU, memory, disk and rows for four recipes on webmix.

    python benchmarks/plan_actual.py                        all four
    python benchmarks/plan_actual.py --only quality --workers 1

`curation` cleans, deduplicates, measures quality, removes personal data. `evals` takes exact and near-duplicates and records with
items of evaluation sets. CPU and memory of the runs are as run.json says; `outside` as measure.py saw them.
"""

from __future__ import annotations

import json
import shutil
from argparse import Namespace
from itertools import islice
from pathlib import Path
from typing import Any

import corpus
import measure

BOUND = 1.25
"""Estimate and actual are within this ratio of each other."""

QUALITY = ("quality.gopher@1: {}", "quality.repetition@1: {}", "quality.c4@1: {}", "quality.fineweb@1: {}")
HELD = ("rows", "kept", "cpu_seconds", "peak_bytes", "disk_bytes")


def main() -> None:
    """Plan, run, compare, print, save."""
    parser = corpus.options(__doc__ or "")
    parser.add_argument("--only", action="append", choices=("quality", "near", "curation", "evals"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--evals", type=Path, default=Path(__file__).parents[1] / "../shared/data/eval")
    parser.add_argument("--documents", type=int, default=corpus.ROWS, help="the first so many of the corpus")
    told = parser.parse_args()
    lines = first(corpus.jsonl(told.corpus, told.cache), told.documents)
    stages = {
        "quality": QUALITY,
        "near": ("near@1: {}",),
        "curation": ("clean@1: {}", "exact@1: {}", "near@1: {}", *QUALITY, "pii@1: {}"),
        "evals": ("exact@1: {}", "near@1: {}", f"decontam@1: {{against: [{told.evals.resolve()}]}}"),
    }
    place = Path(__file__).parent / "results" / "plan_actual.json"
    found: dict[str, Any] = json.loads(place.read_bytes())["found"] if place.exists() and told.only else {}
    for name in told.only or stages:
        found[name] = one(told, name, corpus.recipe(told.cache, name, *stages[name]), lines)
        measure.save(__file__, {"workers": told.workers, "bound": BOUND, "found": found})
    print(table(found))


def first(lines: Path, documents: int) -> Path:
    """The first so many lines."""
    if documents >= corpus.ROWS:
        return lines
    path = lines.with_name(f"webmix-first-{documents}.jsonl")
    with lines.open("rb") as source:
        path.write_bytes(b"".join(islice(source, documents)))
    return path


def one(told: Namespace, name: str, recipe: Path, lines: Path) -> dict[str, Any]:
    """A plan, then the run, then both beside each other."""
    plan, out = told.cache / f"plan-{name}.json", told.cache / f"plan-{name}"
    shutil.rmtree(out, ignore_errors=True)
    where = [recipe, "-i", lines, "--workers", str(told.workers), "--quiet"]
    planning = measure.run([*corpus.tamis(), "plan", *where, "-o", plan])
    spent = measure.run([*corpus.tamis(), "run", *where, "-o", out])
    compared = measure.run([*corpus.tamis(), "plan", "--compare", plan, out, "--json"])
    shutil.rmtree(out)
    figures = {one.pop("name"): one for one in json.loads(compared.output)}
    outside = {k: spent.facts()[k] for k in ("cpu", "wall", "held", "pss")}
    told_first = json.loads(plan.read_bytes())
    return {
        "input_bytes": told_first["input"]["bytes"],
        "fixed_cpu_seconds": told_first["fixed_cpu_seconds"],
        "figures": figures,
        "outside": outside,
        "planning_cpu": round(planning.cpu, 1),
    }


def table(found: dict[str, Any]) -> str:
    """For people: actual by estimate."""
    rows = []
    for name, f in found.items():
        for what in HELD:
            one = f["figures"][what]
            scale = 1e6 if what.endswith("bytes") else 1
            cells = [f"{one[k] / scale:,.1f}" for k in ("estimate", "least", "most", "actual")]
            within = "" if 1 / BOUND <= one["by"] <= BOUND else " (outside 25 %)"
            rows.append([f"{name}: {what}", *cells, f"{one['by']:.2f}{within}"])
    return measure.table(["", "planned", "least", "most", "actual", "actual by plan"], rows)


if __name__ == "__main__":
    main()
