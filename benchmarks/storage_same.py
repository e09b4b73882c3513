"""The same sha256 of every output file on a local disk and in object storage: inline, local with 1 and 2 workers, and Ray.

    python benchmarks/storage_same.py --cache FOLDER [--rows 10000] [--faults] [--no-ray]

Object storage is rclone's S3 server on this machine. Nodes of Ray are raylets with a scratch folder each, which share no file
but what they put: with 1, 2 and 3 of them. `--faults`: every seventh answer of the server is a 503, half a body, or none.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import corpus
import measure

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from storing_s3 import S3

from tamis.data.storage import at, fetch, listed, put_file

STAGES = ["clean@1: {}", "quality.gopher@1: {}", "exact@1: {}", "near@1: {threshold: 0.8}"]

ENGINES = {
    "inline": ["inline"],
    "local, 1 worker": ["local", "--workers", "1"],
    "local, 2 workers": ["local", "--workers", "2"],
}
FAULTS = ("503", "cut", "reset")


def main() -> None:
    """Run them all, compare, keep the digests."""
    parser = corpus.options(__doc__ or "")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--no-ray", action="store_true")
    told = parser.parse_args()
    folder = told.cache / "storage"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "in").mkdir(parents=True)
    data = first(corpus.jsonl(told.corpus, told.cache), folder / "in/docs.jsonl", told.rows)
    recipe = corpus.recipe(told.cache, "storage", *STAGES)
    os.environ |= {"TAMIS_SCRATCH": str(folder / "scratch"), "TAMIS_CACHE": str(folder / "cache")}
    found = {f"disk, {name}": on_disk(folder / "near", recipe, data, engine) for name, engine in ENGINES.items()}
    with S3() as server, server.named():
        put_file(at("s3://bucket/in/docs.jsonl"), data)
        if told.faults:
            server.faults = lambda number, method, path: FAULTS[number // 7 % 3] if number % 7 == 6 else None
        for name, engine in ENGINES.items():
            found[f"S3, {name}"] = on_s3(folder, f"s3://bucket/runs/{len(found)}", recipe, engine)
        if not told.no_ray:
            found |= on_ray(folder, recipe)
        asked = len(server.asked)
    wanted = found["disk, inline"]
    rows = [[name, str(len(files)), "yes" if files == wanted else "NO"] for name, files in found.items()]
    print(measure.table(["where", "files", "sha256 of each as on disk, inline"], rows))
    same = {name: files == wanted for name, files in found.items()}
    measure.save(__file__, {"rows": told.rows, "faults": told.faults, "requests": asked, "same": same, "files": wanted})
    shutil.rmtree(folder)
    sys.exit(not all(same.values()))


def on_ray(folder: Path, recipe: Path) -> dict[str, dict[str, str]]:
    """On clusters of 1, 2 and 3 nodes that share no disk."""
    from raylets import Raylets

    found = {}
    with Raylets(0) as cluster:
        for nodes in (1, 2, 3):
            cluster.add(env_vars={"TAMIS_SCRATCH": str(folder / f"node-{nodes}")})
            engine = ["ray", "--address", cluster.address]
            found[f"S3, ray, {nodes} node{'s' * (nodes > 1)}"] = on_s3(
                folder, f"s3://bucket/runs/ray{nodes}", recipe, engine
            )
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


def tamis(recipe: Path, data: Any, out: Any, engine: list[str]) -> None:
    """One run, in a process of its own."""
    words = ["run", recipe, "-i", data, "-o", out, "--quiet", "--partition-size", "1000000", "--engine", *engine]
    subprocess.run([sys.executable, "-m", "tamis", *map(str, words)], check=True)


def digests(out: Path) -> dict[str, str]:
    """sha256 of every file of a run, by path; of run.json without what varies, and no report or manifest, which quote it."""
    facts = json.loads((out / "run.json").read_bytes())
    del facts["varies"]
    (out / "run.json").write_text(json.dumps(facts))
    files = (p for p in sorted(out.rglob("*")) if p.is_file() and p.name not in ("MANIFEST.sha256", "report.html"))
    return {str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def first(source: Path, target: Path, rows: int) -> Path:
    """The first `rows` lines of `source`."""
    with source.open("rb") as lines, target.open("wb") as out:
        out.writelines(line for _, line in zip(range(rows), lines, strict=False))
    return target


if __name__ == "__main__":
    main()
