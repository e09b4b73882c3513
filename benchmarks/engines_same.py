"""The same sha256 of every output file: inline, local with 1 and 2 workers, Ray on 1, 2 and 3 nodes.

    python benchmarks/engines_same.py --cache FOLDER [--rows 10000]

Nodes are raylets on this machine with one processor each, beside a head that has none.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import corpus
from ray_cost import head
from sameness import ENGINES, NODES, STAGES, digests, options, tamis, told

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from raylets import Raylets


def main() -> None:
    """Run them all, compare, keep the digests."""
    asked = options(__doc__ or "").parse_args()
    data = head(corpus.jsonl(asked.corpus, asked.cache), asked.rows)
    recipe, out = corpus.recipe(asked.cache, "engines", *STAGES), asked.cache / "same"
    found = {name: once(out, recipe, data, engine) for name, engine in ENGINES.items()}
    with Raylets(1) as cluster:
        for nodes, name in NODES.items():
            while len(cluster.nodes) < nodes:
                cluster.add()
            found[name] = once(out, recipe, data, ["ray", "--address", cluster.address])
    shutil.rmtree(out)
    same = told(__file__, found, {"rows": asked.rows})
    sys.exit(not same)


def once(out: Path, recipe: Path, data: Path, engine: list[str]) -> dict[str, str]:
    """Digests of a run."""
    shutil.rmtree(out, ignore_errors=True)
    tamis(recipe, data, out, engine)
    return digests(out)


if __name__ == "__main__":
    main()
