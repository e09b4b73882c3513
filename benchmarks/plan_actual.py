"""What `tamis plan` says beside what the run then takes: three recipes on webmix and copies of it, and one on another corpus.

    python benchmarks/plan_actual.py                        all; some minutes on an idle machine, 2 GB of cache
    python benchmarks/plan_actual.py --only near            one recipe; nothing is saved

near      near-duplicates alone
evals     exact and near-duplicates, and records that hold items of evaluation sets
curation  cleans, four families of quality, exact and near-duplicates, evaluation items, personal data
sources   near-duplicates alone, on another corpus

Copies of webmix are spelled otherwise (scale_corpus.py), so that runs take a minute or so and not their start. `sources` is a
corpus of another kind, from which no number of the plan comes: text files of the packages beside this Python, in the order of
their paths, where what is alike lies close together. CPU and memory are as run.json says; `outside` as measure.py saw them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from argparse import Namespace
from pathlib import Path
from typing import Any

import corpus
import measure

BOUND = 1.25
"""Estimate and actual are within this ratio of each other."""

QUALITY = ("quality.gopher@1: {}", "quality.repetition@1: {}", "quality.c4@1: {}", "quality.fineweb@1: {}")
COPIES = {"near": 3, "evals": 2, "curation": 1}
"""Of webmix, 288 MB each."""

UNITS = {"rows": 1, "kept": 1, "tasks": 1, "cpu_seconds": 1}
SUFFIXES = frozenset((".py", ".pyi", ".md", ".rst", ".txt", ".h", ".hpp", ".js", ".html"))


def main() -> None:
    """Plan, run, compare, print, save."""
    # Imported here: the test of the page wants the table alone.
    import scale_corpus

    parser = corpus.options(__doc__ or "")
    parser.add_argument("--only", choices=COPIES)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--evals", type=Path, default=Path(__file__).parents[1] / "../shared/data/eval")
    told = parser.parse_args()
    told.cache.mkdir(parents=True, exist_ok=True)
    asked = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(asked, capture_output=True, text=True).stdout.strip()
    facts = {"commit": commit, "workers": told.workers, "copies": COPIES, "bound": BOUND}
    decontam = f"decontam@1: {{against: [{told.evals.resolve()}]}}"
    stages = {
        "near": ("near@1: {}",),
        "evals": ("exact@1: {}", "near@1: {}", decontam),
        "curation": ("clean@1: {}", *QUALITY, "exact@1: {}", "near@1: {}", decontam, "pii@1: {}"),
    }
    found: dict[str, Any] = {}
    for name in [told.only] if told.only else [*stages, "sources"]:
        recipe = corpus.recipe(told.cache, "near" if name == "sources" else name, *stages.get(name, stages["near"]))
        lines = told.cache / f"plan-{name}.jsonl"
        if name == "sources":
            sources(lines)
        else:
            scale_corpus.write(told.corpus, lines, COPIES[name])
        found[name] = one(told, recipe, lines)
        lines.unlink()
        if not told.only:
            measure.save(__file__, {**facts, "found": found})
    print(table(found))


def sources(path: Path) -> None:
    """The text files of the packages beside this Python as JSON Lines."""
    packages = Path(sysconfig.get_path("purelib"))
    with path.open("w", encoding="utf-8") as out:
        for file in sorted(packages.rglob("*")):
            if file.suffix in SUFFIXES and file.is_file():
                text = file.read_text("utf-8", errors="replace")
                out.write(json.dumps({"id": str(file.relative_to(packages)), "text": text}) + "\n")


def one(told: Namespace, recipe: Path, lines: Path) -> dict[str, Any]:
    """A plan, then the run, then both beside each other."""
    plan, out = told.cache / "plan.json", told.cache / "plan-run"
    shutil.rmtree(out, ignore_errors=True)
    where: list[str | Path] = [recipe, "-i", lines, "--workers", str(told.workers), "--quiet"]
    planning = measure.run([*corpus.tamis(), "plan", *where, "-o", plan])
    spent = measure.run([*corpus.tamis(), "run", *where, "-o", out])
    compared = measure.run([*corpus.tamis(), "plan", "--compare", plan, out, "--json"])
    shutil.rmtree(out)
    planned = json.loads(plan.read_bytes())
    figures = {one.pop("name"): one for one in json.loads(compared.output)}
    found = {
        "input_bytes": planned["input"]["bytes"],
        "sample_share": round(planned["sample"]["share"], 4),
        "fixed_cpu_seconds": planned["fixed_cpu_seconds"],
        "compiling_cpu_seconds": planned["compiling_cpu_seconds"],
        "figures": figures,
        "outside": {k: spent.facts()[k] for k in ("cpu", "wall", "held", "pss")},
        "planning_cpu": round(planning.cpu, 1),
    }
    print(table({lines.stem: found}), file=sys.stderr)
    return found


def table(found: dict[str, Any]) -> str:
    """For people: megabytes, seconds, numbers; actual by estimate."""
    rows = []
    for name, f in found.items():
        for what, one in f["figures"].items():
            scale = UNITS.get(what, 1e6)
            unit = " MB" if what not in UNITS else ""
            digits = 0 if scale == 1 and what != "cpu_seconds" else 1
            cells = [f"{one[k] / scale:,.{digits}f}" for k in ("estimate", "least", "most", "actual")]
            within = "" if 1 / BOUND <= one["by"] <= BOUND else " (outside 25 %)"
            label = f"{name}: {what.removesuffix('_bytes').removesuffix('_seconds').replace('_', ' ')}{unit}"
            rows.append([label, *cells, f"{one['by']:.2f}{within}"])
    return measure.table(["", "planned", "least", "most", "actual", "actual by plan"], rows)


if __name__ == "__main__":
    main()
