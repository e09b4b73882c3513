"""Near-duplicates across the two sides of a split: by `split`, and by chance.

A pair leaks where its Jaccard similarity, computed here in plain Python, is at the threshold or above and its records lie on
two sides. Chance is a split of the same shares that draws each record alone, over 20 seeds.

webmix     90,832 documents; all pairs of its clusters (between clusters no pair reaches .40)
licences   4,500 licence texts; the complete list of pairs of .5 or more

    python benchmarks/split_leaks.py
"""

from __future__ import annotations

import random
import shutil
import statistics
from argparse import Namespace
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path
from typing import Any

import corpus
import measure
import near_corpus
import near_truth

SHARES = {"train": 0.9, "test": 0.1}

THRESHOLDS = (0.7, 0.8)

SEEDS = 20


def main() -> None:
    """Split, count, print the table, save the figures."""
    parser = near_corpus.options(__doc__ or "")
    beside = Path(__file__).parents[1] / "../shared/data/neardup"
    parser.add_argument("--labelled", type=Path, default=beside, help="the folder of the labelled sets")
    told = parser.parse_args()
    texts = near_truth.read(told.labelled / "license_texts_public.jsonl.zst")
    listed = near_truth.read_pairs(told.labelled / "license_texts_public_pairs.jsonl.gz")
    sets = {k: near_truth.shingles(text) for k, text in texts.items()}
    pairs = {"webmix": webmix(told), "licences": near_truth.computed(sets, listed)}
    paths = {
        "webmix": corpus.jsonl(told.corpus, told.cache),
        "licences": told.labelled / "license_texts_public.jsonl.zst",
    }
    rows, found = [], []
    for name, path in paths.items():
        for threshold in THRESHOLDS:
            alike = [pair for pair, jaccard in pairs[name].items() if jaccard >= threshold]
            found.append({"corpus": name, "threshold": threshold, **leaks(told, path, threshold, alike)})
            f = found[-1]
            cells = [f["pairs"], f["split"]["pairs"], f["chance"]["pairs"], f["chance"]["test_records"]]
            shares = [f"{f['split']['test']:,} of {f['documents']:,}", *(f"{cell:,}" for cell in cells)]
            rows.append([f"{name}, {threshold}", *shares])
    shutil.rmtree(told.cache / "split")
    head = ["", "test", "pairs alike", "across, split", "across, chance", "test records with a twin in train, chance"]
    print(measure.table(head, rows))
    measure.save(__file__, {"shares": SHARES, "seeds": SEEDS, "found": found})


def leaks(told: Namespace, path: Path, threshold: float, alike: list[tuple[str, str]]) -> dict[str, Any]:
    """Leaks of one split of ours, and of splits by chance (means)."""
    out: Path = told.cache / "split"
    shutil.rmtree(out, ignore_errors=True)
    shares = ", ".join(f"{name}: {share}" for name, share in SHARES.items())
    recipe = corpus.recipe(told.cache, "split", f"split@1: {{threshold: {threshold}, {shares}}}")
    measure.run([*corpus.tamis(), "run", str(recipe), "-i", str(path), "-o", str(out), "--quiet"])
    side = sides(out)
    drawn = []
    for seed in range(SEEDS):
        rnd = random.Random(seed)
        drawn.append(counted({k: "test" if rnd.random() < SHARES["test"] else "train" for k in side}, alike))
    chance = {what: round(statistics.mean(d[what] for d in drawn)) for what in drawn[0]}
    return {"documents": len(side), "pairs": len(alike), "split": counted(side, alike), "chance": chance}


def counted(side: dict[str, str], alike: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Records of test; pairs across; records of test that are in such a pair."""
    across = [pair for pair in alike if side[pair[0]] != side[pair[1]]]
    with_twin = {k for pair in across for k in pair if side[k] == "test"}
    test = sum(s == "test" for s in side.values())
    return {"test": test, "pairs": len(across), "test_records": len(with_twin)}


def sides(run: Path) -> dict[str, str]:
    """The split of each record."""
    import pyarrow.dataset as ds

    table = ds.dataset(run / "data").to_table(["id", "split"])
    return dict(zip(table["id"].to_pylist(), table["split"].to_pylist(), strict=True))


def webmix(told: Namespace) -> near_truth.Pairs:
    """The similarity of all pairs within the clusters that webmix was made of."""
    import polars as pl

    texts = pl.read_parquet(told.corpus, columns=["id", "text"])
    truth = pl.read_parquet(told.truth, columns=["id", "cluster"]).filter(pl.len().over("cluster") > 1)
    clusters = truth.join(texts, on="id").group_by("cluster").agg("id", "text")
    found: near_truth.Pairs = {}
    for _, ids, members in clusters.iter_rows():
        sets = [near_truth.shingles(text) for text in members]
        for a, b in combinations(range(len(ids)), 2):
            found[ids[a], ids[b]] = near_truth.similarity(sets[a], sets[b])
    return found


if __name__ == "__main__":
    main()
