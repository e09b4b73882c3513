"""What curation costs as the corpus grows, under `--memory 1GB`: CPU seconds, and peak memory measured from outside.

Cleaning, two filters of quality, exact and near-duplicates over webmix once and many times over, copies that are not alike
(scale_corpus.py), 0.3 to 10 GB of JSON Lines, each corpus made and removed in turn; then, with --after, what is done with the
run: its contract checked, frozen, both verified, the report made again. Sizes are added to those measured before, each with the
commit that it was measured at, so that a large one may be left to a night.

    python benchmarks/scale.py                              1, 3 and 10 times webmix: half an hour
    python benchmarks/scale.py --sizes 30x 10GB --after     half an hour on two cores; 20 GB of disk
    python benchmarks/scale.py --sizes 10GB --limited       in a control group that may hold 1 GB, page cache and all; needs root
    python benchmarks/scale.py --sizes                      nothing measured: tables and plot anew
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import corpus
import linearity
import measure
import scale_corpus
import shown

MEMORY, MEMORY_BYTES, WORKERS = "1GB", 1_000_000_000, 2

PAGE = Path(__file__).parents[1] / "docs/memory.md"
"""Where the tables stand."""

STAGES = ("clean@1: {}", "quality.gopher@1: {}", "quality.repetition@1: {}", "exact@1: {}", "near@1: {}")

CONTRACT = """apiVersion: v3.1.0
kind: DataContract
id: scale
version: 1.0.0
status: active
schema:
  - name: documents
    logicalType: object
    properties:
      - {name: id, logicalType: string, required: true, unique: true, logicalTypeOptions: {minLength: 1, maxLength: 300}}
      - {name: source, logicalType: string, required: true}
      - name: text
        logicalType: string
        required: true
        quality:
          - {id: texts_differ, type: library, metric: duplicateValues, mustBe: 0}
"""


def main() -> None:
    """Measure what is asked for, add it to what was measured before, draw the plot."""
    parser = corpus.options(__doc__ or "")
    parser.add_argument("--sizes", nargs="*", default=["1x", "3x", "10x"], help="copies of webmix, or bytes, as 10GB")
    parser.add_argument("--after", action="store_true")
    parser.add_argument("--limited", action="store_true")
    told = parser.parse_args()
    told.cache.mkdir(parents=True, exist_ok=True)
    results = Path(__file__).parent / "results"
    known = results / "scale.json"
    before: dict[str, Any] = json.loads(known.read_bytes()) if known.exists() else {}
    found: dict[str, Any] = before.get("sizes", {})
    for name in told.sizes:
        found[f"{name} in 1 GB" if told.limited else name] = {"commit": commit(), **one(told, name)}
    found = dict(sorted(found.items(), key=lambda item: int(item[1]["bytes"])))
    documents, costs = [f["documents"] for f in found.values()], list(found.values())
    free = [f for name, f in found.items() if "in 1 GB" not in name]
    exponents = {
        what: linearity.slope([f["documents"] for f in free], [f[cost] for f in free])
        for what, cost in (("with start", "cpu"), ("peak", "held"))
    }
    measure.save(
        __file__,
        {"memory": MEMORY, "workers": WORKERS, "stages": STAGES, "exponents": exponents, "sizes": found},
    )
    (results / "scale.svg").write_text(linearity.plot(documents, found, exponents))
    head = ["input", "documents", "kept", "CPU s", "wall s", "MB / CPU s", "peak MB", "with files", "commit"]
    shown.put("scale", measure.table(head, [row(name, f) for name, f in found.items()]), PAGE)
    followed = {name: f["after"] for name, f in found.items() if "after" in f}
    what = next(iter(followed.values()), {})
    peaks = [[each, *(f"{f[each]['pss'] / 1e6:.0f}" for f in followed.values())] for each in what]
    shown.put("scale after", measure.table(["", *followed], peaks), PAGE)
    print(f"\nall within {MEMORY}: {all(f['held'] <= MEMORY_BYTES for f in costs)}; exponents: {exponents}")


def commit() -> str:
    """What is measured: the commit, and a + where the tree is not as it was committed."""
    git = ["git", "-C", str(Path(__file__).parent)]
    short, changed = (
        subprocess.run([*git, *asked], capture_output=True, text=True, check=True).stdout.strip()
        for asked in (["rev-parse", "--short", "HEAD"], ["status", "--porcelain", "--", "../tamis"])
    )
    return short + "+" * bool(changed)


def one(told: Namespace, name: str) -> dict[str, Any]:
    """The facts of one size: copies of webmix, as 30x, or bytes, as 10GB."""
    lines, out = told.cache / "scale.jsonl", told.cache / "scale"
    shutil.rmtree(out, ignore_errors=True)
    recipe = corpus.recipe(told.cache, "scale", *STAGES)
    # In a process of its own: what this one holds is the floor of what it can measure.
    size = ["--copies", name[:-1]] if name.endswith("x") else ["--size", name]
    measure.run([sys.executable, scale_corpus.__file__, lines, *size, "--corpus", told.corpus])
    options = ["--memory", MEMORY, "--workers", str(WORKERS), "--quiet"]
    command = [*corpus.tamis(), "run", recipe, "-i", lines, "-o", out, *options]
    spent = measure.run(limited(command) if told.limited else command)
    rows = json.loads((out / "run.json").read_bytes())["rows"]
    facts = {
        **spent.facts(),
        **({"limit": MEMORY_BYTES} if told.limited else {}),
        "bytes": lines.stat().st_size,
        "documents": rows["in"],
        "kept": rows["kept"],
    }
    lines.unlink()
    if told.after:
        facts["after"] = after(told.cache, out)
    shutil.rmtree(out)
    return facts


def limited(command: list[str | Path]) -> list[str | Path]:
    """`command` in a control group of Linux that may hold MEMORY_BYTES: above it, page cache goes, and then the process."""
    first, second = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
    group, most = (first, "memory.limit_in_bytes") if first.is_dir() else (second, "memory.max")
    group = group / "tamis-scale"
    group.mkdir(exist_ok=True)
    (group / most).write_text(str(MEMORY_BYTES))
    return ["sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', "sh", *command]


def after(cache: Path, out: Path) -> dict[str, Any]:
    """What it costs to check, freeze and verify the run, and to make its report again."""
    contract, store = cache / "scale.odcs.yaml", cache / "scale-store"
    contract.write_text(CONTRACT)
    shutil.rmtree(store, ignore_errors=True)
    version = store / "scale/1.0.0"
    commands = {
        "check": ["check", out, "-c", contract, "--quiet"],
        "verify a run": ["verify", out],
        "report": ["report", out, "-o", cache / "scale.html"],
        "freeze": ["freeze", out, "-o", version, "--quiet"],
        "verify a snapshot": ["verify", version],
    }
    found = {name: measure.run([*corpus.tamis(), *command]).facts() for name, command in commands.items()}
    shutil.rmtree(store)
    return found


def row(name: str, f: dict[str, Any]) -> list[str]:
    """The cells of one size."""
    rate = f["bytes"] / 1e6 / f["cpu"]
    counts = [f"{f['documents']:,}", f"{f['kept']:,}"]
    cost = [f"{f['cpu']:.0f}", f"{f['wall']:.0f}", f"{rate:.1f}", f"{f['held'] / 1e6:.0f}", f"{f['pss'] / 1e6:.0f}"]
    return [name, *counts, *cost, f["commit"]]


if __name__ == "__main__":
    main()
