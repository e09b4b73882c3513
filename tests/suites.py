"""A suite of three task types, small enough for the tiny model."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

CHOICES = [
    {"key": f"m{i}", "ask": f"What is {i} plus {i + 1}?", "options": [str(2 * i + 1), str(2 * i + 2), f"{i}{i}7"]}
    | {"label": 0, "passage": f"p{i // 3}"}
    for i in range(12)
]
SUMS = [{"id": i, "question": f"What is {i} plus 1?", "answer": f"it is #### {i + 1}"} for i in range(6)]
TEXTS = [{"id": f"t{i}", "text": "The capital of France is Paris. " * (i + 1) + f"{i} é"} for i in range(4)]


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """`rows` as JSON Lines at `path`."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def tasks() -> list[dict[str, Any]]:
    """One task of each type."""
    return [
        {
            "name": "choose",
            "type": "multiple_choice",
            "data": "choose.jsonl",
            "fields": {"id": "key", "question": "ask", "choices": "options", "answer": "label", "cluster": "passage"},
            "metrics": ["acc", "acc_norm", "acc_bytes", "brier_score"],
        },
        {
            "name": "sums",
            "type": "generation",
            "data": "sums.jsonl",
            "extract": [{"regex": "#### (.+)"}, "last_number"],
            "extract_target": [{"regex": "#### (.+)"}],
            "metrics": ["exact_match", "f1"],
            "generation": {"max_tokens": 12, "stop": ["\n\n"]},
        },
        {"name": "texts", "type": "perplexity", "data": "texts.jsonl"},
    ]


def write_suite(folder: Path, own: list[dict[str, Any]] | None = None, **more: Any) -> Path:
    """The suite of `own` tasks (else `tasks()`) with all data beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("choose", CHOICES), ("sums", SUMS), ("texts", TEXTS)):
        write_rows(folder / f"{name}.jsonl", rows)
    path = folder / "suite.yaml"
    path.write_text(yaml.safe_dump({"name": "small", "tasks": own or tasks(), **more}, sort_keys=False))
    return path
