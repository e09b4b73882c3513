"""How well private data is found: by entity on labelled texts, and how often on ordinary ones.

    python benchmarks/pii_accuracy.py GOLD.jsonl... [--ordinary TEXTS.jsonl... --rows 17000] [--ner MODEL] [-o RESULT.json]

A row of a gold file has `text` and `spans` (start, end, label). A finding is right where a span of the same entity, each used
once, shares at least half of what the two cover together. `plain` is Presidio as it comes, at the same threshold, with the
same model where one is given, its findings cleared of overlaps by the same rule. On ordinary texts nothing is labelled: the
counts are an upper bound of what is wrong, and most e-mail addresses there are real ones; --show prints some of ours.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
from agreement import rates
from pii_texts import rows, texts

from tamis.curate.pii import ENTITIES, Detector, presidio

STOCK = ("CreditCard", "UsSsn", "Crypto", "Email", "Iban", "Ip", "Phone")
SAME = {"GPE": "LOCATION", "LOC": "LOCATION", "PER": "PERSON", "DOMAIN_NAME": "URL"}
NAMES = ("PERSON", "LOCATION", "NRP")


def score(detector: Detector, gold: list[dict[str, Any]], entities: list[str]) -> dict[str, Any]:
    """Precision, recall and F1 of each of `entities`."""
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for f in detector.find(pa.array([row["text"] for row in gold])).found.to_pylist():
        found[f["row"]].append(f)
    right, said, wanted = Counter[str](), Counter[str](), Counter[str]()
    for k, row in enumerate(gold):
        spans = [(SAME.get(s["label"], s["label"]), s["start"], s["end"]) for s in row["spans"]]
        wanted.update(label for label, _, _ in spans)
        for f in found[k]:
            said[f["entity"]] += 1
            hit = next(
                (s for s in spans if s[0] == f["entity"] and _share(s[1:], (f["start"], f["stop"])) >= 0.5), None
            )
            if hit:
                spans.remove(hit)
                right[f["entity"]] += 1
    return {e: rates(right[e], said[e], wanted[e]) for e in entities if wanted[e] or said[e]}


def _share(a: tuple[int, int], b: tuple[int, int]) -> float:
    return max(0, min(a[1], b[1]) - max(a[0], b[0])) / (max(a[1], b[1]) - min(a[0], b[0]))


def show(found: list[dict[str, Any]], texts: list[str], count: int) -> None:
    """Print `count` findings of each entity with what stands beside them."""
    for entity in sorted({f["entity"] for f in found}):
        of_it = [f for f in found if f["entity"] == entity]
        for f in random.Random(2).sample(of_it, min(count, len(of_it))):
            text = texts[f["row"]]
            before, after = text[max(0, f["start"] - 40) : f["start"]], text[f["stop"] : f["stop"] + 15]
            print(f"{entity} {f['score']:.2f} {before!r} {text[f['start'] : f['stop']]!r} {after!r}")


def main() -> None:
    """Score, print, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("gold", nargs="+", type=Path)
    parser.add_argument("--ordinary", nargs="*", type=Path, default=[])
    parser.add_argument("--rows", type=int, default=17_000)
    parser.add_argument("--show", type=int, default=0, metavar="N")
    parser.add_argument("--ner")
    parser.add_argument("-o", type=Path)
    args = parser.parse_args()
    plain = tuple(presidio.made(f"{name}Recognizer") for name in STOCK)
    sides = {"tamis": Detector((*ENTITIES, "URL")), "plain": Detector(("URL",), recognisers=plain)}
    entities = {name: [*ENTITIES, "URL"] for name in sides}
    if args.ner:
        sides["tamis with names"] = Detector((*ENTITIES, *NAMES), ner=args.ner)
        sides["plain with names"] = Detector(NAMES, recognisers=plain, ner=args.ner)
        entities |= {name: [*ENTITIES, *NAMES] for name in sides if name not in entities}
    told: dict[str, Any] = {}
    for name, detector in sides.items():
        for file in args.gold:
            told[f"{name}, {file.name}"] = score(detector, list(rows(file)), entities[name])
    if args.ordinary:
        ordinary = texts(args.ordinary, args.rows)
        words = sum(len(text.split()) for text in ordinary)
        for name in ("tamis", "plain"):
            found = sides[name].find(pa.array(ordinary)).found
            if name == "tamis" and args.show:
                show(found.to_pylist(), ordinary, args.show)
            counts = Counter(found.column("entity").to_pylist())
            told[f"{name}, ordinary, findings per million words"] = {
                "texts": len(ordinary),
                "words": words,
                **{e: round(n / words * 1e6, 2) for e, n in sorted(counts.items())},
            }
    for name, result in told.items():
        print(name)
        for entity, value in result.items():
            print("   ", entity, value)
    if args.o:
        args.o.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
