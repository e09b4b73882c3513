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
    peers = near_peers.NAMES if told.peers else ()
    facts["start"] = side_by_side(told, near_corpus.mini(told, START), peers)
    if told.only != "whole":
        facts["mini"] = side_by_side(told, near_corpus.mini(told), peers)
    if told.only != "mini":
        fast = near_peers.FAST if told.peers else ()
        facts["whole"] = side_by_side(told, corpus.jsonl(told.corpus, told.cache), fast)
    for found in (facts[size] for size in ("mini", "whole") if size in facts):
        print(f"\n{found['tamis 0.7']['documents']:,} documents\n\n{table(found)}")
    if "whole" in facts and told.peers:
        print(f"\ntamis at .7 on the whole, by each peer on the largest corpus it saw\n\n{ratios(facts)}")
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
    """For people: cost, how many times as fast tamis is (at .7) on the same corpus, and F1 of what was kept and of pairs."""
    head = ["", "documents / CPU s", "tamis by it", "MB / CPU s", "peak MB"]
    head += [f"F1 {kind}{truth}" for kind in ("", "pairs ") for truth in near_score.TRUTHS]
    base = found["tamis 0.7"]["documents_per_cpu_second"]
    rows = []
    for name, f in found.items():
        rate = f["documents_per_cpu_second"]
        cells = [f"{rate:,.0f}", f"{base / rate:.2f}", f"{f['megabytes_per_cpu_second']:.1f}", f"{f['pss'] / 1e6:.0f}"]
        scores = [f[truth].get(kind) for kind in ("keep_one", "pairwise") for truth in near_score.TRUTHS]
        rows.append([name, *cells, *(f"{s['f1']:.4f}" if s else "–" for s in scores)])
    return measure.table(head, rows)


def ratios(facts: dict[str, Any]) -> str:
    """How many times as fast tamis is: as it stands, and with what each takes to start taken off on both sides."""
    ours = facts["whole"]["tamis 0.7"]
    pace = without_start(facts, ours, "tamis 0.7")
    rows = []
    for name in near_peers.NAMES:
        peer = facts["whole"].get(name) or facts.get("mini", {}).get(name)
        if peer is None:
            continue
        own = without_start(facts, peer, name)
        by = ours["documents_per_cpu_second"] / peer["documents_per_cpu_second"]
        found = peer["tamis_by_it"] = {"as_it_stands": round(by, 2), "start_taken_off": round(pace / own, 2)}
        rates = [f"{peer['documents_per_cpu_second']:,.0f}", f"{own:,.0f}"]
        rows.append([name, f"{peer['documents']:,}", *rates, *(f"{ratio:.1f}" for ratio in found.values())])
    head = ["", "documents", "documents / CPU s", "start taken off", "tamis by it", "start taken off on both sides"]
    return measure.table(head, rows)


def without_start(facts: dict[str, Any], found: dict[str, Any], name: str) -> float:
    """Documents per CPU second but for the first START and what comes before them."""
    start = facts["start"][name]
    return float((found["documents"] - start["documents"]) / (found["cpu"] - start["cpu"]))


if __name__ == "__main__":
    main()
