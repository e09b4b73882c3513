"""The same sha256 of every output file on a local disk and in object storage: inline, local with 1 and 2 workers, and Ray.

    python benchmarks/storage_same.py --cache FOLDER [--rows 10000] [--faults] [--no-ray]

Object storage is rclone's S3 server on this machine. Nodes of Ray are raylets with a scratch folder each, which share no file
but what they put: with 1, 2 and 3 of them. `--faults`: every seventh answer of the server is a 503, half a body, or none.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import corpus
from ray_cost import head
from sameness import ENGINES, NODES, STAGES, digests, options, tamis, told

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from raylets import Raylets
from storing_s3 import S3

from tamis.data.storage import at, fetch, listed, put_file

FAULTS = ("503", "cut", "reset")


def main() -> None:
    """Run them all, compare, keep the digests."""
    parser = options(__doc__ or "")
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--no-ray", action="store_true")
    asked = parser.parse_args()
    folder = asked.cache / "storage"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "in").mkdir(parents=True)
    data = folder / "in/docs.jsonl"
    shutil.copy(head(corpus.jsonl(asked.corpus, asked.cache), asked.rows), data)
    recipe = corpus.recipe(asked.cache, "storage", *STAGES)
    os.environ |= {"TAMIS_SCRATCH": str(folder / "scratch"), "TAMIS_CACHE": str(folder / "cache")}
    found = {f"disk, {name}": on_disk(folder / "near", recipe, data, engine) for name, engine in ENGINES.items()}
    with S3() as server, server.named():
        put_file(at("s3://bucket/in/docs.jsonl"), data)
        if asked.faults:
            server.faults = lambda number, method, path: FAULTS[number // 7 % 3] if number % 7 == 6 else None
        for name, engine in ENGINES.items():
            found[f"S3, {name}"] = on_s3(folder, f"s3://bucket/runs/{len(found)}", recipe, engine)
        if not asked.no_ray:
            found |= on_ray(folder, recipe)
        requests = len(server.asked)
    shutil.rmtree(folder)
    facts = {"rows": asked.rows, "faults": asked.faults, "requests": requests}
    sys.exit(not told(__file__, found, facts))


def on_ray(folder: Path, recipe: Path) -> dict[str, dict[str, str]]:
    """On clusters of 1, 2 and 3 nodes that share no disk."""
    found = {}
    with Raylets(0) as cluster:
        for nodes, name in NODES.items():
            cluster.add(env_vars={"TAMIS_SCRATCH": str(folder / f"node-{nodes}")})
            engine = ["ray", "--address", cluster.address]
            found[f"S3, {name}"] = on_s3(folder, f"s3://bucket/runs/ray{nodes}", recipe, engine)
    return found


def on_disk(out: Path, recipe: Path, data: Path, engine: list[str]) -> dict[str, str]:
    """Digests of a run on this machine's disk."""
    shutil.rmtree(out, ignore_errors=True)
    tamis(recipe, data.parent, out, engine)
    return digests(out)


def on_s3(folder: Path, out: str, recipe: Path, engine: list[str]) -> dict[str, str]:
    """Digests of a run in object storage, which is copied down."""
    tamis(recipe, "s3://bucket/in", out, engine)
    copied = folder / "copied"
    shutil.rmtree(copied, ignore_errors=True)
    for one in listed(at(out)):
        name = one.remote.key[len(at(out).key) + 1 :]
        if not name.startswith(".work/"):
            fetch(one.remote, copied / name)
    return digests(copied)


if __name__ == "__main__":
    main()
