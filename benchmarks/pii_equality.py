"""Does the detector find what plain Presidio finds, and how much cheaper?

    python benchmarks/pii_equality.py NAME=TEXTS[,TEXTS...]... [--rows 20000] [--fuzzed 15000] [--sets ours,seven,all] [--afresh]

Three sets of recognisers, each on `rows` drawn evenly from the files of every NAME (JSON Lines, or Parquet with a column `text`)
and on texts made to trip gates up (tests/naive_pii.py): `ours`, the default; the `seven` strong ones of Presidio as they come;
`all` 16 that Presidio loads by default, at threshold 0. `plain` runs Presidio's AnalyzerEngine with the very same recognisers.
`stock` is its time with its own seven: what a user would run for the entities of `ours`. CPU seconds of this process, the two
sides in turn by slices of 1,000 texts, so that a busy minute of the machine hits both; both warm; one thread. What stands in the
results is not measured again but with --afresh. A fourth set, `names`, is the default with a model for names; ask for it.
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
import polars as pl
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from naive_pii import fuzzed
from pii_texts import texts

from tamis.curate.pii import ENTITIES, Detector, presidio

SEVEN = [f"{name}Recognizer" for name in ("CreditCard", "UsSsn", "Crypto", "Email", "Iban", "Ip", "Phone")]
MORE = ("UsBank", "UsLicense", "UsItin", "UsPassport", "Nhs", "Date", "MedicalLicense", "Url", "MacAddress")
ALL = [*SEVEN, *(f"{name}Recognizer" for name in MORE)]
NAMES = ("PERSON", "LOCATION", "NRP")
WARM = ["a@example.com, call 212-555-0199, see http://www.example.com/a.b"]
SLICE = 1_000
RESULTS = Path(__file__).parent / "results" / "pii_equality.json"


def stock(names: list[str], threshold: float) -> Detector:
    """Presidio's recognisers of these names."""
    own = tuple(presidio.made(name) for name in names)
    return Detector(entities=(), recognisers=own, threshold=threshold, overlaps=True)


SETS: dict[str, Callable[[], Detector]] = {
    "ours": lambda: Detector(overlaps=True),
    "seven": lambda: stock(SEVEN, 0.4),
    "all": lambda: stock(ALL, 0.0),
    "names": lambda: Detector((*ENTITIES, *NAMES), overlaps=True, ner=True),
}


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """What `call` gives, and its CPU seconds."""
    began = time.process_time()
    return call(), time.process_time() - began


def compare(detector: Detector, rows: list[str]) -> dict[str, Any]:
    """Findings and CPU seconds of both sides."""
    plain = presidio.plain(detector.consulted, detector.threshold, detector.words)
    warm = [*rows[:300], *WARM]
    detector.find(pa.array(warm))
    for text in warm:
        plain(text)
    count = failed = differing = 0
    fast = slow = 0.0
    for at in range(0, len(rows), SLICE):
        part = rows[at : at + SLICE]
        (found, failures), own_cpu = timed(lambda part=part: detector.find(pa.array(part)))  # type: ignore[misc]
        wanted, plain_cpu = timed(lambda part=part: [plain(text) for text in part])  # type: ignore[misc]
        count, failed, fast, slow = count + found.num_rows, failed + failures.num_rows, fast + own_cpu, slow + plain_cpu
        own: list[list[tuple[Any, ...]]] = [[] for _ in part]
        for f in found.to_pylist():
            own[f["row"]].append((f["start"], f["stop"], f["entity"], f["score"]))
        theirs = [sorted((f.start, f.stop, f.entity, float(np.float32(f.score))) for f in one) for one in wanted]
        for k, (a, b) in enumerate(zip(own, theirs, strict=True)):
            if sorted(a) != b:
                differing += 1
                print("differs:", at + k, sorted({*a} ^ {*b})[:4], file=sys.stderr)
    megabytes = sum(len(text.encode()) for text in rows) / 1e6
    return {
        "rows": len(rows),
        "megabytes": round(megabytes, 2),
        "findings": count,
        "failures": failed,
        "rows that differ": differing,
        "cpu seconds": round(fast, 2),
        "plain cpu seconds": round(slow, 2),
        "times cheaper": round(slow / fast, 1),
        "megabytes per cpu second": round(megabytes / fast, 2),
    }


def drawn(names: str, count: int) -> list[str]:
    """`count` texts of the files `names`, comma-separated."""
    files = [Path(name) for name in names.split(",")]
    tables = [file for file in files if file.suffix == ".parquet"]
    if not tables:
        return texts(files, count)
    column = pl.concat([pl.read_parquet(file, columns=["text"]) for file in tables])["text"]
    return column.sample(min(count, len(column)), seed=1).to_list()


def main() -> None:
    """Compare, print, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpora", nargs="+", metavar="NAME=FILE,FILE...")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--fuzzed", type=int, default=15_000)
    parser.add_argument("--sets", default="ours,seven,all")
    parser.add_argument("--afresh", action="store_true")
    parser.add_argument("-o", type=Path, default=RESULTS)
    args = parser.parse_args()
    told: dict[str, Any] = json.loads(args.o.read_text()) if args.o.exists() and not args.afresh else {}
    given = dict(corpus.partition("=")[::2] for corpus in args.corpora)
    for where, files in (*given.items(), ("fuzzed", None)):
        sets = [name for name in args.sets.split(",") if f"{name}, {where}" not in told]
        rows = [] if not sets else drawn(files, args.rows) if files else fuzzed(args.fuzzed)
        for name in sets:
            told[f"{name}, {where}"] = compare(SETS[name](), rows)
            print(name, where, told[f"{name}, {where}"], flush=True)
            if f"ours, {where}" in told and f"seven, {where}" in told:
                stock_seconds = told[f"seven, {where}"]["plain cpu seconds"]
                told[f"ours beside stock, {where}"] = round(stock_seconds / told[f"ours, {where}"]["cpu seconds"], 1)
            args.o.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
