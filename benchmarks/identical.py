"""A million records with the same words, and a million that differ in one: time, memory, what is left.

identical   one text, a million times: found by the hash of its words, before any band is looked at
numbered    the same text with its own number at the end, Jaccard .96 between any two: every band is one bucket of a million,
            and so is the group; neither may cost more than a line through it

    python benchmarks/identical.py                    a million of each, by components and by star
    python benchmarks/identical.py --records 20000
"""

from __future__ import annotations

import json
import shutil
import sys
from argparse import Namespace
from functools import partial
from pathlib import Path
from typing import Any

import corpus
import measure

WORDS = (
    "Each record of this file reads the same, word by word, as pages do that a server sends out when it has nothing "
    "else to say: please come back later, accept what we ask of you, and do not forget to enable scripts in the settings "
    "of your browser"
)

KINDS = {"identical": WORDS, "numbered": WORDS + " {}"}

WAYS = ("components", "star")


def main() -> None:
    """Measure, print the table, save the figures."""
    parser = corpus.options(__doc__ or "")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--memory", help="the budget to give to tamis, as 1GB; none: what it takes")
    told = parser.parse_args()
    found: dict[str, dict[str, Any]] = {}
    for kind in KINDS:
        lines, out = told.cache / f"{kind}.jsonl", told.cache / "identical"
        told.cache.mkdir(parents=True, exist_ok=True)
        measure.run([sys.executable, __file__, "write", kind, lines, str(told.records)])
        for way in WAYS:
            name = f"{kind}, {way}"
            rounds = measure.alternate({name: partial(once, way, lines, out, told)}, told.rounds)[name]
            run = json.loads((out / "run.json").read_bytes())
            found[name] = {**measure.medians(rounds), "rows": run["rows"], "facts": run["steps"][-1].get("facts")}
            found[name]["bytes"] = lines.stat().st_size
        lines.unlink()
        shutil.rmtree(out)
    rows = []
    for name, f in found.items():
        cost = [f"{f['cpu']:.1f}", f"{f['wall']:.1f}", f"{f['pss'] / 1e6:.0f}"]
        rows.append([name, f"{f['rows']['in']:,}", f"{f['rows']['kept']:,}", *cost])
    print(measure.table(["", "records", "kept", "CPU s", "wall s", "peak MB"], rows))
    for name, f in found.items():
        print(f"{name}: {f['facts']}")
    measure.save(__file__, {"workers": told.workers, "memory": told.memory, "found": found})


def once(way: str, lines: Path, out: Path, told: Namespace) -> measure.Spent:
    """One run of near."""
    shutil.rmtree(out, ignore_errors=True)
    recipe = corpus.recipe(lines.parent, "identical", f"near@1: {{clusters: {way}}}")
    places = ["-i", str(lines), "-o", str(out), "--quiet", "--workers", str(told.workers)]
    places += ["--memory", told.memory] if told.memory else []
    return measure.run([*corpus.tamis(), "run", str(recipe), *places])


def write(kind: str, path: Path, records: int) -> None:
    """The records of one kind as JSON Lines."""
    with path.open("w") as out:
        out.writelines(json.dumps({"id": str(k), "text": KINDS[kind].format(k)}) + "\n" for k in range(records))


if __name__ == "__main__":
    if sys.argv[1:2] == ["write"]:
        write(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
    else:
        main()
