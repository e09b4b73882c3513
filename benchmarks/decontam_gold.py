"""Decontamination against a gold list of real contamination: what is found, and what is dropped that should not be.

The list names, for pairs of a corpus and an evaluation set, the items that stand in the corpus, by class: `verbatim`,
`near_verbatim` (at least 0.8 of the 8-grams), `partial` (0.5 to 0.8), `fragment` (less), and `short_generic`: items of at
most 12 words that are there because anybody would say them so.

    python benchmarks/decontam_gold.py DATA                 each corpus against all evaluation sets of the list at once
    python benchmarks/decontam_gold.py DATA --pairs         each corpus against one set after the other
    python benchmarks/decontam_gold.py DATA --fuzzy         with small edits survived

DATA: folder with contamination/real_contamination_public.jsonl.gz and the named corpora and sets in folders beside it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import measure
import zstandard

from tamis.curate.decontam import Decontam, scan

CLASSES = ("verbatim", "near_verbatim", "partial", "fragment", "short_generic")
BOUNDS = {"verbatim": 0.99, "near_verbatim": 0.95}


def main() -> None:
    """Compare, print the table, save the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--pairs", action="store_true", help="one evaluation set at a time")
    parser.add_argument("--fuzzy", action="store_true")
    parser.add_argument(
        "--missed", type=int, default=0, help="print so many items that were missed, or dropped wrongly"
    )
    told = parser.parse_args()
    gold = list(_rows(told.data / "contamination/real_contamination_public.jsonl.gz"))
    files = {p.name.partition(".")[0]: p for p in sorted(told.data.glob("*/*.jsonl.*"))}
    wanted: dict[str, set[str]] = defaultdict(set)
    for row in gold:
        wanted[row["corpus"]].add(row["eval_set"])
    with tempfile.TemporaryDirectory() as scratch:
        sets = {name: _items(files[name], Path(scratch)) for name in sorted({row["eval_set"] for row in gold})}
        dirty: dict[tuple[str, str], dict[str, Any]] = {}
        for corpus in sorted(wanted):
            # A set that is the corpus itself is left out: each of its items would be there.
            others = sorted(wanted[corpus]) if told.pairs else [name for name in sets if name != corpus]
            for against in [[name] for name in others] if told.pairs else [others]:
                stage = Decontam(against=tuple(str(sets[name]) for name in against), fuzzy=told.fuzzy)
                table = scan([_corpus(files[corpus], Path(scratch))], stage).table
                for item in table.select(["eval", "id", "status", "rule", "run", "containment"]).to_pylist():
                    dirty[corpus, item["id"]] = item
            print(f"  {corpus}", file=sys.stderr)
    _print(gold, dirty, told)


def _print(gold: list[dict[str, Any]], dirty: dict[tuple[str, str], dict[str, Any]], told: Any) -> None:
    hit = {row["id"]: dirty[row["corpus"], row["eval_id"]]["status"] == "dirty" for row in gold}
    flagged = Counter(row["class"] for row in gold if dirty[row["corpus"], row["eval_id"]]["rule"] == "short_generic")
    # Of some items the list names two texts: the context stands there verbatim, and the question is no more than a trap.
    both = {(row["corpus"], row["eval_id"]) for row in gold if row["class"] in BOUNDS}
    for row in gold:
        if row["class"] == "short_generic" and (row["corpus"], row["eval_id"]) in both and hit[row["id"]]:
            print(f"{row['corpus']}, {row['eval_id']}: dropped by its other text, as the list wants", file=sys.stderr)
            hit[row["id"]] = False
    total = Counter(row["class"] for row in gold)
    found = Counter(row["class"] for row in gold if hit[row["id"]])
    rows = [
        [name, f"{total[name]:,}", f"{found[name]:,}", f"{found[name] / total[name]:.4f}", f"{flagged[name]:,}"]
        for name in CLASSES
    ]
    print(measure.table(["class", "items", "dropped", "share", "flagged only"], rows))
    for row in [r for r in gold if hit[r["id"]] != (r["class"] in BOUNDS) and r["class"] in (*BOUNDS, "short_generic")]:
        if told.missed:
            told.missed -= 1
            keys = ("corpus", "eval_set", "eval_id", "field", "class", "eval_tokens", "overlap8", "overlap13")
            print({key: row[key] for key in keys}, dirty[row["corpus"], row["eval_id"]], (row["eval_text"] or "")[:200])
    facts = {name: {"items": total[name], "dropped": found[name]} for name in CLASSES}
    if not told.missed:
        measure.save(__file__, {"pairs": told.pairs, "fuzzy": told.fuzzy, "classes": facts})


def _items(file: Path, scratch: Path) -> Path:
    """The set as JSON Lines of items, whatever the list calls a question."""
    place = scratch / f"{file.name.partition('.')[0]}.jsonl"
    with place.open("w", encoding="utf-8") as out:
        for row in _rows(file):
            if "question" not in row:
                row["question"] = row.get("instruction") or row.get("text") or row.get("input")
            keys = ("id", "question", "context", "choices", "answer_index", "answer")
            out.write(json.dumps({key: row[key] for key in keys if row.get(key) is not None}) + "\n")
    return place


def _corpus(file: Path, scratch: Path) -> Path:
    """The corpus as it is, but rows of no known shape with all their strings as one text."""
    first = next(_rows(file))
    if {"text", "messages", "instruction", "prompt", "question"} & {*first} and (
        "instruction" not in first or "output" in first
    ):
        return file
    place = scratch / f"corpus-{file.name.partition('.')[0]}.jsonl"
    with place.open("w", encoding="utf-8") as out:
        for row in _rows(file):
            text = "\n\n".join(v for k, v in row.items() if k != "id" and isinstance(v, str))
            out.write(json.dumps({"id": row["id"], "text": text}) + "\n")
    return place


def _rows(file: Path) -> Any:
    data = file.read_bytes()
    text = (
        zstandard.ZstdDecompressor().decompressobj().decompress(data)
        if file.suffix == ".zst"
        else gzip.decompress(data)
    )
    return (json.loads(line) for line in text.split(b"\n") if line)


if __name__ == "__main__":
    main()
