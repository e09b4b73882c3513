"""Does the detector find what plain Presidio finds, and how much cheaper?

    python benchmarks/pii_equality.py TEXTS.jsonl... [--rows 20000] [--fuzzed 15000] [-o benchmarks/results/pii_equality.json]

Three sets of recognisers, each on the rows and on texts made to trip gates up (tests/naive_pii.py): `ours`, the default; the
`seven` strong ones of Presidio as they come; `all` that Presidio loads by default, at threshold 0. `plain` runs Presidio's
AnalyzerEngine with the very same recognisers. `stock` is its time with its own seven: what a user would run for the entities of
`ours`. CPU seconds of this process, both sides warm; the tokenizer and lists they load once are not in it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from naive_pii import fuzzed
from pii_texts import texts

from tamis.curate.pii import Detector, presidio

SEVEN = [f"{name}Recognizer" for name in ("CreditCard", "UsSsn", "Crypto", "Email", "Iban", "Ip", "Phone")]
MORE = ("UsBank", "UsLicense", "UsItin", "UsPassport", "Nhs", "Date", "MedicalLicense", "Url", "MacAddress")
ALL = [*SEVEN, *(f"{name}Recognizer" for name in MORE)]


def stock(names: list[str], threshold: float) -> Detector:
    """Presidio's recognisers of these names."""
    own = tuple(presidio.made(name) for name in names)
    return Detector(entities=(), recognisers=own, threshold=threshold, overlaps=True)


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """What `call` gives, and its CPU seconds."""
    began = time.process_time()
    return call(), time.process_time() - began


def compare(detector: Detector, rows: list[str]) -> dict[str, Any]:
    """Findings and CPU seconds of both sides."""
    plain = presidio.plain(detector.consulted, detector.threshold)
    warm = [*rows[:200], "a@example.com, call 212-555-0199"]
    detector.find(pa.array(warm))
    for text in warm:
        plain(text)
    (found, failures), fast = timed(lambda: detector.find(pa.array(rows)))
    wanted, slow = timed(lambda: [plain(text) for text in rows])
    own: list[list[tuple[Any, ...]]] = [[] for _ in rows]
    for f in found.to_pylist():
        own[f["row"]].append((f["start"], f["stop"], f["entity"], f["score"]))
    theirs = [sorted((f.start, f.stop, f.entity, float(np.float32(f.score))) for f in one) for one in wanted]
    megabytes = sum(len(text.encode()) for text in rows) / 1e6
    return {
        "rows": len(rows),
        "megabytes": round(megabytes, 2),
        "findings": found.num_rows,
        "failures": failures.num_rows,
        "rows that differ": sum(sorted(a) != b for a, b in zip(own, theirs, strict=True)),
        "cpu seconds": round(fast, 2),
        "plain cpu seconds": round(slow, 2),
        "times cheaper": round(slow / fast, 1),
        "megabytes per cpu second": round(megabytes / fast, 2),
    }


def main() -> None:
    """Compare, print, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--fuzzed", type=int, default=15_000)
    parser.add_argument("-o", type=Path)
    args = parser.parse_args()
    told: dict[str, Any] = {}
    sets = {"ours": Detector(overlaps=True), "seven": stock(SEVEN, 0.4), "all": stock(ALL, 0.0)}
    for where, rows in (("documents", texts(args.files, args.rows)), ("fuzzed", fuzzed(args.fuzzed))):
        for name, detector in sets.items():
            told[f"{name}, {where}"] = compare(detector, rows)
            print(name, where, told[f"{name}, {where}"], flush=True)
    ours, seven = told["ours, documents"], told["seven, documents"]
    told["ours beside stock"] = round(seven["plain cpu seconds"] / ours["cpu seconds"], 1)
    print("ours beside stock:", told["ours beside stock"])
    if args.o:
        args.o.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
