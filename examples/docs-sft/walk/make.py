"""Write docs.jsonl: 24 documents of the example, each cut in two, with three wrong ends beside the right one.

    tamis run examples/docs-sft/recipe.yaml -o runs/docs && python examples/docs-sft/walk/make.py runs/docs

{"id": "json.tool", "source": "python-docstrings", "question": "its first half", "answer": "its second half",
 "choices": ["an end", "its own", ...], "label": 1, "text": "all of it"}
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import polars as pl

ITEMS = 24
HALF = 28
"""Words of a half that is shown."""


def order(text: str) -> bytes:
    """A place that has nothing to do with what the text says."""
    return hashlib.sha256(text.encode()).digest()


def cut(text: str) -> tuple[str, str]:
    """The first words of `text`, and those behind them, both with white space made single."""
    words = text.split()
    return " ".join(words[:HALF]), " ".join(words[HALF : 2 * HALF])


def items(run: Path) -> list[dict[str, Any]]:
    """Docstrings that the recipe kept, of a length that a small model reads quickly, no two of one module."""
    rows = pl.read_parquet(sorted((run / "data").glob("*.parquet")))
    fit = rows.filter(
        pl.col("source").is_in(["python-docstrings", "package-docstrings"])
        & pl.col("text").str.len_chars().is_between(350, 800)
        & pl.col("text").str.contains(r"^[\x09-\x7e]+$")
    )
    drawn: dict[str, dict[str, Any]] = {}
    for row in sorted(fit.iter_rows(named=True), key=lambda row: order(row["id"])):
        if len(row["text"].split()) >= 2 * HALF and not row["text"].count("::"):
            drawn.setdefault(row["id"].split(".")[0], row)
    chosen = sorted(list(drawn.values())[:ITEMS], key=lambda row: row["id"])
    ends = [cut(row["text"])[1] for row in chosen]
    found = []
    for k, row in enumerate(chosen):
        question, answer = cut(row["text"])
        wrong = [ends[(k + step) % ITEMS] for step in (5, 11, 17)]
        choices = sorted([answer, *wrong], key=order)
        item = {"id": row["id"], "source": row["source"], "question": question, "answer": answer}
        found.append({**item, "choices": choices, "label": choices.index(answer), "text": row["text"]})
    return found


if __name__ == "__main__":
    lines = [json.dumps(item, ensure_ascii=False) + "\n" for item in items(Path(sys.argv[1]))]
    (Path(__file__).parent / "docs.jsonl").write_text("".join(lines), "utf-8")
