"""Near-duplicates, JSON Lines to Parquet, beside gaoya, rensa, datasketch, text-dedup and datatrove: cost and agreement.

tamis reads, sketches, verifies every candidate by the exact Jaccard of its word 5-grams, and writes data, verdicts with the
survivor and the similarity, a fate for every record, digests and the report. near_peers.py says what the peers do and how
they are had. Everything runs on a sample of 5,100 documents; tamis and the fast peers run on all 90,832, too.

    python benchmarks/near_peers.py FOLDER                    the peers' environments
    python benchmarks/near.py --peers FOLDER                  side by side, three rounds
    python benchmarks/near.py                                 tamis alone
    python benchmarks/near.py --peers FOLDER --only mini      the sample alone
"""

from __future__ import annotations

import shutil
from argparse import Namespace
from functools import partial
from pathlib import Path
from typing import Any

import corpus
import measure
import near_corpus
import near_peers
import near_score

BOUNDS = {"gaoya": 2.5, "datatrove": 100.0, "f1": 0.999, "peak_bytes": 350_000_000}
"""Documents per CPU second by those of the peer (datatrove on the sample, gaoya on the whole); F1 at each threshold; peak."""

OURS = {0.7: "j70", 0.8: "j80"}
"""Thresholds, and the truth at each."""

START = 20
"""Documents of the run that shows what a tool takes to start."""


def main() -> None:
    """Measure, score, print the tables, save the figures."""
    parser = near_corpus.options(__doc__ or "")
    parser.add_argument("--peers", type=Path, help="the folder that near_peers.py filled")
    parser.add_argument("--only", choices=("mini", "whole"), help="one of the two corpora")
    parser.add_argument("--workers", type=int, default=2)
    told = parser.parse_args()
    facts: dict[str, Any] = {"bounds": BOUNDS, "workers": told.workers}
    if told.only != "whole":
        names: tuple[str, ...] = near_peers.NAMES if told.peers else ()
        facts["start"] = side_by_side(told, near_corpus.mini(told, START), names)
        facts["mini"] = side_by_side(told, near_corpus.mini(told), names)
        for name, found in facts["mini"].items():
            start = facts["start"][name]
            rate = (found["documents"] - start["documents"]) / (found["cpu"] - start["cpu"])
            found["documents_per_cpu_second_without_start"] = round(rate, 1)
        print(f"\nsample of {facts['mini']['tamis 0.7']['documents']:,} documents\n\n{table(facts['mini'])}")
    if told.only != "mini":
        names = near_peers.FAST if told.peers else ()
        facts["whole"] = side_by_side(told, corpus.jsonl(told.corpus, told.cache), names)
        print(f"\nall {facts['whole']['tamis 0.7']['documents']:,} documents\n\n{table(facts['whole'])}")
    measure.save(__file__, facts)


def side_by_side(told: Namespace, lines: Path, peers: tuple[str, ...]) -> dict[str, Any]:
    """The figures of tamis at each threshold and of each peer, over `lines`."""
    folder: Path = told.cache / "near"
    what = {f"tamis {t}": partial(ours, told, t, lines, folder / f"tamis {t}") for t in OURS}
    what |= {name: partial(near_peers.run, name, told.peers, lines, folder / name) for name in peers}
    what["tamis 0.7"]()  # kernels are compiled once for a machine: startup.py measures that
    found = {}
    for name, rounds in measure.alternate(what, told.rounds).items():
        facts = measure.medians(rounds)
        facts |= near_score.score(name.partition(" ")[0], folder / name, lines, told.truth)
        facts["documents_per_cpu_second"] = round(facts["documents"] / facts["cpu"], 1)
        facts["megabytes_per_cpu_second"] = round(facts["text_bytes"] / 1e6 / facts["cpu"], 2)
        found[name] = facts
    shutil.rmtree(folder)
    return found


def ours(told: Namespace, threshold: float, lines: Path, out: Path, *options: str) -> measure.Spent:
    """One run of tamis over `lines` into `out`."""
    shutil.rmtree(out, ignore_errors=True)
    recipe = corpus.recipe(told.cache, "near", f"near@1: {{threshold: {threshold}}}")
    places = ["-i", str(lines), "-o", str(out), "--quiet", "--workers", str(told.workers)]
    return measure.run([*corpus.tamis(), "run", str(recipe), *places, *options])


def table(found: dict[str, Any]) -> str:
    """The table for people: cost, how many times as fast tamis is (at .7), and F1 of what was kept and of pairs."""
    rates = {"documents / CPU s": "documents_per_cpu_second"}
    if any("documents_per_cpu_second_without_start" in f for f in found.values()):
        rates["start taken off"] = "documents_per_cpu_second_without_start"
    head = ["", *(cell for name in rates for cell in (name, "tamis by it")), "MB / CPU s", "peak MB"]
    head += [f"F1 {kind}{truth}" for kind in ("", "pairs ") for truth in near_score.TRUTHS]
    rows = []
    for name, f in found.items():
        row = [name]
        for rate in rates.values():
            row += [f"{f[rate]:,.0f}", f"{found['tamis 0.7'][rate] / f[rate]:.2f}"]
        row += [f"{f['megabytes_per_cpu_second']:.1f}", f"{f['pss'] / 1e6:.0f}"]
        scores = [f[truth].get(kind) for kind in ("keep_one", "pairwise") for truth in near_score.TRUTHS]
        rows.append([*row, *(f"{s['f1']:.4f}" if s else "–" for s in scores)])
    return measure.table(head, rows)


if __name__ == "__main__":
    main()
