"""What the benchmarks of near-duplicates run on: webmix, a sample of whole clusters of it, and copies that share no word.

webmix has 70,607 documents between which no pair reaches a Jaccard similarity of .40, and 20,225 copies put among them:
exact, with other case and punctuation, with 2, 5 or 10 % of the words changed, cut short, with boilerplate around. The truth
beside it (`webmix_truth_j.parquet`: id, cluster, kind, j70, j80) names for each document the cluster it was made in, and the
connected components of pairs of at least .70 and .80, by Python sets of five lower-cased words of `\\w+`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import corpus
import measure

MINI = 5_100
"""Documents of the sample: slow peers see it, and tamis once more."""

SEED = 20261121

SHARDS = 4
"""Files that the sample is cut into for datatrove, which gives each worker whole files."""


def options(says: str) -> argparse.ArgumentParser:
    """What every benchmark of near-duplicates can be told."""
    parser = corpus.options(says)
    beside = Path(__file__).parents[1] / "../shared/data/bench/webmix_truth_j.parquet"
    parser.add_argument("--truth", type=Path, default=Path(os.environ.get("TAMIS_BENCH_TRUTH", beside)))
    parser.add_argument("--rounds", type=int, default=3)
    return parser


def mini(told: argparse.Namespace, documents: int = MINI) -> Path:
    """`documents` or a few more, whole clusters, drawn by a seed, in the order of the corpus; and in shards beside."""
    path: Path = told.cache / f"mini-{documents}.jsonl"
    if not path.exists():
        whole = corpus.jsonl(told.corpus, told.cache)
        measure.run([sys.executable, __file__, "mini", whole, path, str(documents), told.truth])
    return path


def copies(told: argparse.Namespace, count: int) -> Path:
    """The corpus `count` times over as JSON Lines; the words of each copy are spelled with other letters and digits.

    Every letter and digit of copy k stands for one k places further on in its class (same case, same length in UTF-8), so
    that each copy has the lengths, repeats and near-duplicates of the first, and no text is like one of another copy.
    """
    if count == 1:
        return corpus.jsonl(told.corpus, told.cache)
    path: Path = told.cache / f"webmix-rotated-{count}.jsonl"
    if not path.exists():
        whole = corpus.jsonl(told.corpus, told.cache)
        measure.run([sys.executable, __file__, "rotate", whole, path, str(count)])
    return path


def _sample(whole: Path, path: Path, documents: int, truth: Path) -> None:
    import polars as pl

    table = pl.read_parquet(truth, columns=["id", "cluster"])
    clusters = table["cluster"].unique().sort().to_list()
    random.Random(SEED).shuffle(clusters)
    members = dict(table.group_by("cluster").agg("id").iter_rows())
    taken: set[str] = set()
    for cluster in clusters:
        if len(taken) >= documents:
            break
        taken.update(members[cluster])
    with whole.open("rb") as lines:
        rows = [line for line in lines if json.loads(line)["id"] in taken]
    shards = path.with_suffix("")
    shards.mkdir(exist_ok=True)
    for k in range(SHARDS):
        (shards / f"{k:02}.jsonl").write_bytes(b"".join(rows[k * len(rows) // SHARDS : (k + 1) * len(rows) // SHARDS]))
    path.write_bytes(b"".join(rows))


def _rotate(whole: Path, path: Path, count: int) -> None:
    partial = path.with_suffix(".tmp")
    with whole.open("rb") as lines, partial.open("wb") as out:
        letters = set().union(*(json.loads(line)["text"] for line in lines))
        for k in range(count):
            table = dict(_turned(letters, k))
            plain = bytes(table.get(c, c) if c < 128 else c for c in range(256))
            lines.seek(0)
            for line in lines:
                row = json.loads(line)
                row["id"] = f"{k}-{row['id']}"
                text = row["text"]
                row["text"] = text.encode().translate(plain).decode() if text.isascii() else text.translate(table)
                out.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    partial.rename(path)


def _turned(letters: set[str], places: int) -> Iterator[tuple[int, int]]:
    """Each letter or digit in use, and the one `places` further on in its class, as code points."""
    alone: dict[tuple[int, bool], list[str]] = {}
    cased: dict[tuple[int, int], set[str]] = {}
    for c in sorted(letters):
        if c.isdigit() or (c.isalpha() and c.lower() == c.upper()):
            alone.setdefault((len(c.encode()), c.isdigit()), []).append(c)
        elif c.isalpha() and c.lower().upper() == c.upper() and c.upper().lower() == c.lower():
            cased.setdefault((len(c.lower().encode()), len(c.upper().encode())), set()).add(c.lower())
    for ring in alone.values():
        yield from ((ord(c), ord(ring[(k + places) % len(ring)])) for k, c in enumerate(ring))
    for lower in cased.values():
        ring = sorted(lower)
        for k, c in enumerate(ring):
            other = ring[(k + places) % len(ring)]
            if len(c.upper()) == len(other.upper()) == 1:
                yield ord(c), ord(other)
                yield ord(c.upper()), ord(other.upper())


if __name__ == "__main__":
    what, source, target, count = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    _sample(source, target, count, Path(sys.argv[5])) if what == "mini" else _rotate(source, target, count)
