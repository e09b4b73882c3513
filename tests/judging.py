"""Judges by a rule, behind a real socket, and answers to judge."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Judge = Callable[[Mapping[str, Any]], str]

FENCED = re.compile(r"<([a-z]+)-([0-9a-f]{24})>\n(.*?)\n</\1-\2>", re.S)


def fenced(body: Mapping[str, Any]) -> dict[str, str]:
    """The texts between fences in the last message, by label."""
    return {m[1]: m[3] for m in FENCED.finditer(body["messages"][-1]["content"])}


def longer(body: Mapping[str, Any]) -> str:
    """Prefers the longer answer; scores a point for each ten characters, up to five."""
    texts = fenced(body)
    if "answer" in texts:
        return json.dumps({"reasons": "long", "score": min(5, 1 + len(texts["answer"]) // 10)})
    a, b = len(texts["first"]), len(texts["second"])
    return json.dumps({"reasons": f"{a} against {b}", "verdict": "A" if a > b else "B" if b > a else "tie"})


def always(verdict: str) -> Judge:
    """Says so, whatever is asked."""
    return lambda body: json.dumps({"reasons": "", "verdict": verdict})


def answers(folder: Path, model: str, texts: Sequence[Any], **more: Any) -> str:
    """A file of answers: item k is `qk`."""
    path = folder / f"{model}.jsonl"
    rows = [{"item_id": f"q{k}", "prompt": f"Question {k}?", "answer": text, **more} for k, text in enumerate(texts)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows if row["answer"] is not None), "utf-8")
    return str(path)
