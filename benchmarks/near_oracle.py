"""`near` beside all pairs in plain Python, on some 3,000 documents of webmix: is every verdict the same?

Whole clusters of webmix, so that all its kinds of copies are among them. The oracle is the one of the tests
(tests/naive_clusters.py): Python sets of five lower-cased words of `\\w+`, each pair of documents held against each other. What is
compared of every record that goes: that it goes, whom it lost to, the Jaccard similarity as the ledger has it, the sizes of
intersection and union, and the record that links it where it is not alike itself.

At the default recall of 0.99 a pair just at the threshold may be missed; at 0.999999 none should be.

    python benchmarks/near_oracle.py [--documents 3000]
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import corpus
import measure
import near_corpus

THRESHOLDS = (0.5, 0.7, 0.8, 0.9)

RECALLS = (0.99, 0.999999)

WAYS = ("components", "star")


def main() -> None:
    """Compare, print the table, save the figures."""
    parser = near_corpus.options(__doc__ or "")
    parser.add_argument("--documents", type=int, default=3000)
    told = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from naive_clusters import Corpus

    path = near_corpus.mini(told, told.documents)
    texts = [json.loads(line)["text"] for line in path.read_bytes().split(b"\n") if line]
    oracle = Corpus(texts, 5, "run")
    found = []
    for threshold in THRESHOLDS:
        for way in WAYS:
            expected = oracle.gone(threshold, way)
            for recall in RECALLS:
                stage = f"near@1: {{threshold: {threshold}, clusters: {way}, recall: {recall}}}"
                out = told.cache / "near_oracle"
                shutil.rmtree(out, ignore_errors=True)
                recipe = corpus.recipe(told.cache, "near_oracle", stage)
                measure.run([*corpus.tamis(), "run", str(recipe), "-i", str(path), "-o", str(out), "--quiet"])
                found.append({"threshold": threshold, "clusters": way, "recall": recall, **compared(out, expected)})
    shutil.rmtree(told.cache / "near_oracle")
    print(f"{len(texts):,} documents, {len(texts) * (len(texts) - 1) // 2:,} pairs, all compared in plain Python\n")
    rows = [[f"{f['clusters']} {f['threshold']}", *(f"{f[name]:,}" for name in list(f)[2:])] for f in found]
    print(measure.table(["", *list(found[0])[2:]], rows))
    measure.save(__file__, {"documents": len(texts), "found": found})


def compared(run: Path, expected: dict[int, Any]) -> dict[str, int]:
    """How the verdicts of a run differ from those of all pairs."""
    import tamis

    opened = tamis.open_run(run)
    place = {k: n for n, k in enumerate(opened.fates()["record_id"].to_pylist())}
    verdicts = opened.verdicts().select(["record_id", "peer_id", "value", "evidence"]).to_pylist()
    said = {place[v["record_id"]]: v for v in verdicts}
    both = said.keys() & expected.keys()
    peers = {k for k in both if place[said[k]["peer_id"]] == expected[k].peer}
    same = {k for k in peers if said[k]["value"] == expected[k].jaccard}
    return {
        "all pairs let go": len(expected),
        "near lets go": len(said),
        "only all pairs": len(expected.keys() - said.keys()),
        "only near": len(said.keys() - expected.keys()),
        "another peer": len(both - peers),
        "another Jaccard": len(peers - same),
        "other evidence": sum(_evidence(said[k]["evidence"], place) != expected[k].evidence for k in same),
    }


def _evidence(said: str, place: dict[bytes, int]) -> dict[str, Any]:
    evidence = dict(json.loads(said))
    return evidence | {"via": place[bytes.fromhex(evidence["via"])]} if "via" in evidence else evidence


if __name__ == "__main__":
    main()
