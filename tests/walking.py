"""An example of a few lines to walk with, and somebody who writes and judges."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from judging import fenced
from making import write_lines

WALK = Path(__file__).parents[1] / "examples/docs-sft/walk"

THINGS = ("sieve", "ladle", "kettle", "whisk", "grater", "mortar", "spatula", "colander")


def text(k: int) -> str:
    """The k-th document."""
    thing, other = THINGS[k % 8], THINGS[(k * 3 + 1) % 8]
    return (
        f"Number {k} of the list is a {thing}, kept {k * 7 % 31} shelves above the {other} of guest {k * k % 97}. Rinse it "
        f"with {k * 11 % 53} cups of water, dry it for {k * 13 % 41} minutes, and hang it up on hook {k * 17 % 89}."
    )


def write_example(folder: Path, count: int = 40, asked: int = 4) -> Path:
    """A corpus of `count` texts, `asked` of which are what is evaluated on; all else is that of the bundled example."""
    (folder / "walk").mkdir(parents=True)
    write_lines(folder / "corpus.jsonl", [{"id": f"d{k}", "text": text(k), "license": "CC0-1.0"} for k in range(count)])
    items: list[dict[str, Any]] = []
    for k in range(asked):
        words = text(k).split()
        own = {"id": f"d{k}", "source": "list", "question": " ".join(words[:28]), "answer": " ".join(words[28:])}
        items.append({**own, "choices": [own["answer"], "on hook 3.", "in a box."], "label": 0, "text": text(k)})
    write_lines(folder / "walk/docs.jsonl", items)
    for name in ("gate.yaml", "suite.yaml"):
        shutil.copy(WALK / name, folder / "walk" / name)
    shutil.copytree(WALK / "prompts", folder / "walk/prompts")
    stages = [
        "exact@1",
        {"decontam@1": {"against": ["docs.jsonl"]}},
        {"split@1": {"shares": {"seeds": 0.8, "rest": 0.2}}},
    ]
    recipe = {"name": "docs", "input": {"paths": ["../corpus.jsonl"], "kind": "document"}, "stages": stages}
    (folder / "walk/recipe.yaml").write_text(json.dumps(recipe))
    (folder / "walk/gates.yaml").write_text("max_contaminated: 0\ntasks:\n  read: {max_regression: 0.5}\n")
    return folder


def says(body: dict[str, Any]) -> str:
    """An instruction, a score, or a verdict: whatever is wanted."""
    texts = fenced(body)
    if "first" in texts:
        return json.dumps({"reasons": "longer", "verdict": "A" if len(texts["first"]) > len(texts["second"]) else "B"})
    if "How well does the answer" in body["messages"][-1]["content"]:
        return json.dumps({"reason": "fits", "score": 4})
    own = next(iter(texts.values()), "nothing")
    return f"Where is the thing with the number {own.split()[1] if ' ' in own else own} of this kitchen kept?"
