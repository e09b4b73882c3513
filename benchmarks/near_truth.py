"""`near` on two labelled sets, by components and by star, at five thresholds: precision and recall of removals and of pairs.

licences  4,500 licence texts and notices in dense families; every pair of Jaccard .5 or more is listed: 489,776
kernel    678 pages of the Linux documentation in two versions

The truth is computed here in plain Python: sets of five lower-cased words of `\\w+`, all pairs. The licence pairs are those
of the list, each computed again, as the list gives four digits.

    removals    components: F1 of keep-one against the components of all pairs (agreement.py says what that is)
                star: removals that are at the threshold or above with the very record they lost to, by all removals
    pairs       pairs at the threshold or above of which at least one is gone, by all such pairs
    never looked at   pairs of buckets with more than 64 members that the run left out, counted once for each bucket
    ledger      largest difference between the Jaccard similarity in the ledger and that of the sets, over all removals

    python benchmarks/near_truth.py [--labelled ../shared/data/neardup]
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import agreement
import corpus
import measure
import near_score

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)

WAYS = ("components", "star")

SETS = {"licences": "license_texts_public", "kernel": "kernel_docs_two_versions_public"}

Pairs = dict[tuple[str, str], float]


def main() -> None:
    """Run, compare, print the table, save the figures."""
    parser = corpus.options(__doc__ or "")
    beside = Path(__file__).parents[1] / "../shared/data/neardup"
    parser.add_argument("--labelled", type=Path, default=beside, help="the folder of the labelled sets")
    told = parser.parse_args()
    found: dict[str, list[dict[str, Any]]] = {}
    for name, file in SETS.items():
        documents = read(told.labelled / f"{file}.jsonl.zst")
        sets = {k: shingles(text) for k, text in documents.items()}
        listed = read_pairs(told.labelled / f"{file}_pairs.jsonl.gz")
        # The list of licence pairs is complete; that of the kernel holds the two versions of a page alone.
        pairs = computed(sets, listed) if name == "licences" else agreement.exact_pairs(sets, min(THRESHOLDS))
        found[name] = [
            compared(told, told.labelled / f"{file}.jsonl.zst", sets, pairs, threshold, way)
            for way in WAYS
            for threshold in THRESHOLDS
        ]
        print(f"\n{name}: {len(sets):,} documents, {len(pairs):,} pairs of .5 or more\n\n{table(found[name])}")
    shutil.rmtree(told.cache / "near_truth")
    measure.save(__file__, found)


def compared(
    told: Namespace, path: Path, sets: Mapping[str, frozenset[str]], pairs: Pairs, threshold: float, way: str
) -> dict[str, Any]:
    """What a run at `threshold` got right."""
    out: Path = told.cache / "near_truth"
    shutil.rmtree(out, ignore_errors=True)
    recipe = corpus.recipe(told.cache, "near_truth", f"near@1: {{threshold: {threshold}, clusters: {way}}}")
    measure.run([*corpus.tamis(), "run", str(recipe), "-i", str(path), "-o", str(out), "--quiet"])
    groups, lost = near_score.groups(out, list(sets)), near_score.lost(out, list(sets))
    alike = {pair for pair, jaccard in pairs.items() if jaccard >= threshold}
    kept = {k for k, first in groups.items() if k == first}
    own = {k: similarity(sets[k], sets[peer]) for k, (peer, _) in lost.items()}
    left = sum(a in kept and b in kept for a, b in alike)
    facts = {
        "threshold": threshold,
        "clusters": way,
        "removed": len(lost),
        "pairs": len(alike),
        "pairs_left": left,
        "pairs_recall": round(1 - left / len(alike), 5),
        "alike_to_survivor": sum(jaccard >= threshold for jaccard in own.values()),
        "ledger_difference": max(abs(value - own[k]) for k, (_, value) in lost.items()),
    }
    facts["run"] = json.loads((out / "run.json").read_bytes())["steps"][-1]["facts"]
    if way == "components":
        truth = agreement.components(alike, sets)
        facts["keep_one"] = agreement.keep_one(truth, kept)
        facts["pairwise"] = agreement.pairwise(truth, groups)
    return facts


def table(found: list[dict[str, Any]]) -> str:
    """For people."""
    head = [
        "",
        "removed",
        "removals P",
        "R",
        "F1",
        "alike to survivor",
        "pairs",
        "pairs left",
        "pairs R",
        "never looked at",
        "ledger",
    ]
    rows = []
    for f in found:
        if "keep_one" in f:
            rates = [f"{f['keep_one'][rate]:.4f}" for rate in ("precision", "recall", "f1")]
        else:
            rates = [f"{f['alike_to_survivor'] / f['removed']:.4f}", "–", "–"]
        counts = [f"{f[what]:,}" for what in ("alike_to_survivor", "pairs", "pairs_left")]
        last = [f"{f['pairs_recall']:.5f}", f"{f['run']['pairs_left_out']:,}", f"{f['ledger_difference']:.0e}"]
        rows.append([f"{f['clusters']} {f['threshold']}", f"{f['removed']:,}", *rates, *counts, *last])
    return measure.table(head, rows)


def shingles(text: str) -> frozenset[str]:
    """The set of five words of a text; all words of a shorter one."""
    words = re.findall(r"\w+", text.lower())
    return frozenset(" ".join(words[k : k + 5]) for k in range(max(1, len(words) - 4)))


def similarity(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard's."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def computed(sets: Mapping[str, frozenset[str]], listed: Pairs) -> Pairs:
    """The similarity of each pair listed, to the last digit."""
    return {(a, b): similarity(sets[a], sets[b]) for a, b in listed}


def read(path: Path) -> dict[str, str]:
    """The text of each id."""
    import pyarrow as pa

    with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as stream:
        rows = [json.loads(line) for line in stream.read().split(b"\n") if line]
    return {row["id"]: row["text"] for row in rows}


def read_pairs(path: Path) -> Pairs:
    """The similarity of each pair, as listed."""
    with gzip.open(path) as lines:
        return {(row["doc_a"], row["doc_b"]): row["jaccard_word5"] for row in map(json.loads, lines)}


if __name__ == "__main__":
    main()
