"""What the whole walk takes, step by step, and what it comes to.

    tamis demo --full -o out/walk && python benchmarks/walk.py out/walk

Reads what the walk wrote down of itself; writes results/walk.json.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def told(out: Path) -> dict[str, Any]:
    """Seconds of each step, and the numbers of its page."""
    steps = {path.stem[3:]: json.loads(path.read_text("utf-8")) for path in sorted((out / "steps").glob("*.json"))}
    trained = json.loads((out / "adapters/docs-lora/train.json").read_text("utf-8"))["training"]
    scores = {}
    for task in json.loads((out / "runs/after/report.json").read_text("utf-8"))["tasks"]:
        scores[task["name"]] = {"after": number(task), "difference": task["baseline"]["difference"]}
    return {
        "command": "tamis demo --full",
        "processors": os.cpu_count(),
        "seconds": round(sum(step["seconds"] for step in steps.values()), 1),
        "cpu_seconds": round(sum(step["cpu_seconds"] for step in steps.values()), 1),
        "steps": {name: {k: step[k] for k in ("exit", "seconds", "cpu_seconds")} for name, step in steps.items()},
        "held_out_loss": {name: trained[name] for name in ("before", "after")},
        "scores": scores,
    }


def number(task: dict[str, Any]) -> float:
    """The primary number of a task."""
    return next(float(n["value"]) for n in task["numbers"] if n["metric"] == task["primary"])


if __name__ == "__main__":
    found = told(Path(sys.argv[1]))
    (HERE / "results/walk.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    print(f"{found['seconds'] / 60:.1f} min, {found['cpu_seconds'] / 60:.1f} of a processor")
