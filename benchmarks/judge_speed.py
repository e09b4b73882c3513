"""What ratings, agreement and re-reading cost, in CPU seconds of one process, kernels compiled before.

python benchmarks/judge_speed.py
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from measure import save, table

from tamis.judge.agreement import alpha
from tamis.judge.labels import Labels
from tamis.judge.leaderboard import board
from tamis.judge.reading import read_judgments
from tamis.judge.strength import strengths
from tamis.judge.winrate import win_rates


def games(models: int, items: int, each: int) -> pl.DataFrame:
    """`each` games of random pairs on every item, a tenth of them ties."""
    random = np.random.default_rng(0)
    strength = random.normal(size=models)
    a = random.integers(0, models, items * each)
    b = (a + random.integers(1, models, a.size)) % models
    share = (random.random(a.size) < 1 / (1 + np.exp(strength[b] - strength[a]))).astype(np.float64)
    share[random.random(a.size) < 0.1] = 0.5
    names = np.array([f"model-{k:03d}" for k in range(models)])
    item = np.repeat(np.arange(items), each)
    return pl.DataFrame({"item_id": item, "model_a": names[a], "model_b": names[b], "share": share}).with_columns(
        pl.format("item-{}", "item_id").alias("item_id")
    )


def ratings(count: int) -> pl.DataFrame:
    """`count` labels on a scale of five by three raters."""
    random = np.random.default_rng(0)
    item = np.arange(count) // 3
    label = np.clip(random.integers(1, 6, item[-1] + 1)[item] + random.integers(-1, 2, count), 1, 5)
    return pl.DataFrame({"item": item, "rater": np.arange(count) % 3, "label": label})


def written(count: int, folder: Path) -> Path:
    """`count` judgments, both orders of random pairs, as JSON Lines with a response of a kilobyte each."""
    random = np.random.default_rng(0)
    path = folder / "judgments.jsonl"
    with path.open("w") as file:
        for k in range(count // 2):
            a, b = (f"m{v}" for v in random.choice(20, 2, replace=False))
            for order in ("ab", "ba"):
                row = {
                    "item_id": f"i{k % 500}",
                    "model_a": a,
                    "model_b": b,
                    "judge": "j",
                    "order": order,
                    "repeat": k // 500,
                }
                verdict = str(random.choice(["a", "b", "tie"]))
                file.write(json.dumps({**row, "verdict": verdict, "raw": "because " * 128}) + "\n")
    return path


def spent(work: Callable[[], Any]) -> float:
    """CPU seconds of `work`."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    """Each once to compile, then three times; the median."""
    field, labels = games(200, 1000, 200), ratings(1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        path = written(10_000, Path(folder))
        what: dict[str, tuple[Callable[[], Any], float]] = {
            "200 models, 1,000 items, 200,000 games: win rates": (lambda: win_rates(field), 20),
            "the same: Davidson, 1,000 draws": (lambda: strengths(field, "davidson"), 20),
            "the same: Rao and Kupper, 1,000 draws": (lambda: strengths(field, "rao-kupper"), 20),
            "the same: ties by half, 1,000 draws": (lambda: strengths(field, "half"), 20),
            "nominal alpha of 1,000,000 labels, 1,000 draws": (lambda: alpha(Labels(labels)), 1),
            "ordinal alpha": (lambda: alpha(Labels(labels), "ordinal"), 1),
            "interval alpha": (lambda: alpha(Labels(labels), "interval"), 1),
            "10,000 judgments read and rated, 1,000 draws": (lambda: board(read_judgments([path]).rows), 3),
        }
        found = {name: sorted(spent(work) for _ in range(4))[1] for name, (work, _) in what.items()}
    lines = [[name, f"{seconds:.2f}", f"{what[name][1]:g}"] for name, seconds in found.items()]
    print(table(["", "CPU s", "at most"], lines))
    save(__file__, {name: {"cpu": round(seconds, 3), "at_most": what[name][1]} for name, seconds in found.items()})


if __name__ == "__main__":
    main()
