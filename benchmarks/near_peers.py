"""The peers of `near`: how each is had, run, and asked what it kept.

    python benchmarks/near_peers.py FOLDER              one environment for each, at the versions named here
    python benchmarks/near.py --peers FOLDER            the benchmark

All read JSON Lines and write what they keep. gaoya, rensa and datasketch are libraries: the few lines around them link each
document to those that the index returns, verify by the similarity of the two signatures (.75), and keep the first of each
group. text-dedup and datatrove are programs; they verify nothing and tell only what they kept.

gaoya       word 5-grams by its own Rust tokeniser, 14 bands of 8; all processors
rensa       RMinHash, 128 permutations, 16 bands; 5-grams of lower-cased `\\w+` made in Python; one process
datasketch  MinHash, 128 permutations, MinHashLSH(.75); the same 5-grams; one process
text-dedup  minhash, 5-grams, 112 permutations, 14 bands of 8, sha1; two processes
datatrove   the four steps of MinHash as for FineWeb: 5-grams, 14 buckets of 8, 64-bit sha1; two workers
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import measure

ENVIRONMENTS = {
    "libraries": ["gaoya==0.2.2", "rensa==0.5.0", "datasketch==2.0.0", "orjson"],
    "text-dedup": ["text-dedup==0.4.0"],
    "datatrove": ["datatrove[processing,io,cli]==0.10.1", "spacy", "orjson"],
}

FAST = ("gaoya", "rensa")
"""These see the whole corpus, too."""

NAMES = (*FAST, "datasketch", "text-dedup", "datatrove")


def run(name: str, peers: Path, lines: Path, out: Path) -> measure.Spent:
    """One run of a peer over `lines`; what it found stands in `out`."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    spent = measure.run(_command(name, peers, lines, out), want=None)
    if spent.exit or not any(kept(name, out)):
        sys.exit(f"{name} failed with exit code {spent.exit}; its last words:\n{spent.output[-3000:]}")
    return spent


def kept(name: str, out: Path) -> Iterator[str]:
    """Ids of the documents that a run of a peer kept."""
    import pyarrow as pa

    if name == "text-dedup":
        for part in sorted((out / "kept").glob("*.arrow")):
            yield from pa.ipc.open_stream(part).read_all().column("id").to_pylist()
        return
    for part in sorted((out / "kept").rglob("*.jsonl")):
        with part.open("rb") as lines:
            yield from (json.loads(line)["id"] for line in lines)


def groups(out: Path) -> dict[str, str] | None:
    """For each document the first of its group, by ids; None where the peer says nothing of groups."""
    told = out / "groups.tsv"
    return dict(line.split("\t") for line in told.read_text().splitlines()) if told.exists() else None


def _command(name: str, peers: Path, lines: Path, out: Path) -> list[str | Path]:
    if name == "text-dedup":
        options = "--split train --column text --ngram 5 --num_perm 112 --b 14 --r 8 --hash_func sha1 --num_proc 2"
        places = ["--path", "json", "--data_files", lines, "--cache_dir", out / "cache", "--output", out / "kept"]
        return [peers / "text-dedup/bin/python", "-m", "text_dedup.minhash", *options.split(), *map(str, places)]
    if name == "datatrove":
        return [peers / "datatrove/bin/python", "-c", _DATATROVE, lines.with_suffix(""), out]
    return [peers / "libraries/bin/python", "-c", _FRAME.format(index=_INDEX[name]), lines, out]


_FRAME = """
import os, re, sys, orjson
ids, first = [], []
def texts():
    with open(sys.argv[1], "rb") as lines:
        for k, line in enumerate(lines):
            row = orjson.loads(line)
            ids.append(row["id"])
            first.append(k)
            yield row["text"]
def find(k):
    while first[k] != k:
        first[k] = k = first[first[k]]
    return k
def link(a, b):
    a, b = find(a), find(b)
    first[max(a, b)] = min(a, b)
WORD = re.compile(r"\\w+")
def shingles(text):
    words = WORD.findall(text.lower())
    return list({{" ".join(words[k : k + 5]) for k in range(max(1, len(words) - 4))}})
{index}
os.mkdir(sys.argv[2] + "/kept")
with open(sys.argv[1], "rb") as lines, open(sys.argv[2] + "/kept/kept.jsonl", "wb") as out:
    out.writelines(line for k, line in enumerate(lines) if find(k) == k)
with open(sys.argv[2] + "/groups.tsv", "w") as told:
    told.writelines(name + "\\t" + ids[find(k)] + "\\n" for k, name in enumerate(ids))
"""

_INDEX = {
    "gaoya": """
from gaoya.minhash import MinHashStringIndex
index = MinHashStringIndex(32, 0.75, 14, 8, None, "word", True, (5, 5))
held = list(texts())
for at in range(0, len(held), 5000):
    index.par_bulk_insert_docs(first[at : at + 5000], held[at : at + 5000])
for at in range(0, len(held), 5000):
    for k, near in enumerate(index.par_bulk_query(held[at : at + 5000]), at):
        for other in near:
            link(k, other)
""",
    "rensa": """
from rensa import RMinHash, RMinHashLSH
index, sketches = RMinHashLSH(0.75, 128, 16), []
for k, text in enumerate(texts()):
    sketch = RMinHash(128, 42)
    sketch.update(shingles(text))
    for other in index.query(sketch):
        if sketches[other].jaccard(sketch) >= 0.75:
            link(k, other)
    index.insert(k, sketch)
    sketches.append(sketch)
""",
    "datasketch": """
from datasketch import MinHash, MinHashLSH
index, sketches = MinHashLSH(threshold=0.75, num_perm=128), []
for k, text in enumerate(texts()):
    sketch = MinHash(num_perm=128)
    sketch.update_batch([shingle.encode() for shingle in shingles(text)])
    for other in index.query(sketch):
        if sketches[other].jaccard(sketch) >= 0.75:
            link(k, other)
    index.insert(k, sketch)
    sketches.append(sketch)
""",
}

_DATATROVE = """
import sys
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from datatrove.utils.hashing import HashConfig
lines, out = sys.argv[1:]
config = MinhashConfig(5, 14, 8, hash_config=HashConfig(precision=64, hash_fc="sha1"))
def step(name, tasks, *pipeline):
    workers = min(tasks, 2)
    LocalPipelineExecutor(list(pipeline), tasks=tasks, workers=workers, logging_dir=f"{out}/logs/{name}").run()
step("signatures", 2, JsonlReader(lines), MinhashDedupSignature(f"{out}/signatures", config=config))
step("buckets", 14, MinhashDedupBuckets(f"{out}/signatures", f"{out}/buckets", config=config))
step("clusters", 1, MinhashDedupCluster(f"{out}/buckets", f"{out}/clusters", config=config))
kept = JsonlWriter(f"{out}/kept", compression=None)
step("filter", 2, JsonlReader(lines), MinhashDedupFilter(f"{out}/clusters"), kept)
"""


def main() -> None:
    """Make the environments in the folder named."""
    if len(sys.argv) != 2:
        sys.exit("name the folder to make the peers' environments in: python benchmarks/near_peers.py FOLDER")
    for name, packages in ENVIRONMENTS.items():
        place = Path(sys.argv[1]) / name
        venv.create(place, with_pip=True)
        subprocess.run([place / "bin/pip", "install", "--quiet", *packages], check=True)


if __name__ == "__main__":
    main()
