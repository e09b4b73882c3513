"""The same sha256 of every output file: inline, local with 1 and 2 workers, Ray on 1, 2 and 3 nodes.

    python benchmarks/engines_same.py --cache FOLDER [--rows 10000]

Nodes are raylets on this machine with one processor each, beside a head that has none.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import corpus
import measure
from ray_cost import head

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from raylets import Raylets, left_over

STAGES = ["clean@1: {}", "quality.gopher@1: {}", "exact@1: {}", "near@1: {threshold: 0.8}"]

ONE = {
    "inline": ["inline"],
    "local, 1 worker": ["local", "--workers", "1"],
    "local, 2 workers": ["local", "--workers", "2"],
}


def main() -> None:
    """Run them all, compare, keep the digests."""
    parser = corpus.options(__doc__ or "")
    parser.add_argument("--rows", type=int, default=10_000)
    told = parser.parse_args()
    data = head(corpus.jsonl(told.corpus, told.cache), told.rows)
    recipe = corpus.recipe(told.cache, "engines", *STAGES)
    found = {name: once(told.cache / "engines", recipe, data, engine) for name, engine in ONE.items()}
    with Raylets(1) as cluster:
        for nodes in (1, 2, 3):
            engine = ["ray", "--address", cluster.address]
            found[f"ray, {nodes} node{'s' * (nodes > 1)}"] = once(told.cache / "engines", recipe, data, engine)
            if nodes < 3:
                cluster.add()
    wanted = found["inline"]
    rows = [[name, str(len(files)), "yes" if files == wanted else "NO"] for name, files in found.items()]
    print(measure.table(["engine", "files", "sha256 of each as inline"], rows))
    print("processes left:", left_over())
    measure.save(
        __file__, {"rows": told.rows, "same": {name: files == wanted for name, files in found.items()}, "files": wanted}
    )
    sys.exit(any(files != wanted for files in found.values()))


def once(out: Path, recipe: Path, data: Path, engine: list[str]) -> dict[str, str]:
    """sha256 of every file of a run, by path; of run.json without what varies, and no report or manifest, which quote it."""
    shutil.rmtree(out, ignore_errors=True)
    words = ["run", recipe, "-i", data, "-o", out, "--quiet", "--partition-size", "1000000", "--engine", *engine]
    subprocess.run([sys.executable, "-m", "tamis", *map(str, words)], check=True)
    facts = json.loads((out / "run.json").read_bytes())
    del facts["varies"]
    (out / "run.json").write_text(json.dumps(facts))
    files = (p for p in sorted(out.rglob("*")) if p.is_file() and p.name not in ("MANIFEST.sha256", "report.html"))
    return {str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


if __name__ == "__main__":
    main()
