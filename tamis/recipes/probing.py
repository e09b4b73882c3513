"""Probes joined with what they read: models on this machine, training data, finished runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tamis.data import Reading, find, fragments, read, recognise
from tamis.errors import InputError
from tamis.evaluate.frozen import FrozenTask, open_eval
from tamis.evaluate.probes.canary import checked, exposure, stands_in
from tamis.evaluate.probes.gap import gaps
from tamis.evaluate.probes.mink import SHARE, known, mink
from tamis.evaluate.report import rounded, splits_of
from tamis.evaluate.results import read_results
from tamis.evaluate.rows import file_rows
from tamis.models.surprise import opened
from tamis.recipes.evaluating import again, asked
from tamis.schemas import joined


def canary(text: str, train: Sequence[str | Path], model: str | None = None, most: int = 10) -> dict[str, Any]:
    """Where `text` stands in the files `train`, and whether the model prefers it to texts like it."""
    checked(text)
    found: dict[str, Any] = {"canary": text, "records": 0, "holding": 0, "names": []}
    files = find(train) if train else []
    if files:
        reading = Reading(recognise(files).kind)
        for file in files:
            for fragment in fragments(file):
                for block in read(fragment, reading):
                    rows = block.rows
                    at = stands_in(text, joined(rows))
                    found["records"] += rows.num_rows
                    found["holding"] += len(at)
                    for k in at[: most - len(found["names"])]:
                        source, name = rows.column("source")[k].as_py(), rows.column("id")[k].as_py()
                        found["names"].append(f"{source}:{name}")
    if model is not None:
        reader = opened(model)
        found["model"] = exposure(text, lambda texts: [float(s.logp.sum()) for s in reader.read(texts)])
    told: dict[str, Any] = rounded(found)
    return told


def min_k(snapshot: Path, model: str, control: Sequence[Path], share: float = SHARE) -> dict[str, Any]:
    """Min-K%++ of each task's items beside texts that the model cannot have seen."""
    frozen = open_eval(snapshot)
    texts = [text for path in control for text in _texts(path)]
    reader = opened(model)
    held = [mink(one.z, share) for one in reader.read(texts)]
    tasks = []
    for task in frozen.tasks:
        own = [mink(one.z, share) for one in reader.read(_asked(task))]
        tasks.append({"task": task.task.name, **known(own, held)})
    told: dict[str, Any] = rounded({"snapshot": frozen.id, "model": model, "share": share, "tasks": tasks})
    return told


def gap(original: Path, perturbed: Path) -> dict[str, Any]:
    """What a model loses in other words; by clean and dirty items, where the first run knows them."""
    a, held = again(original)
    return gaps(a, read_results(perturbed), splits_of(a, held.contamination))


def _asked(task: FrozenTask) -> list[str]:
    return [row["question"] for row in asked(task)]


def _texts(path: Path) -> list[str]:
    found = []
    for place, row in file_rows(path):
        text = row.get("text", row.get("question"))
        if not isinstance(text, str):
            raise InputError(f"{place}: it has no text; rows of text, or of question, were wanted")
        found.append(text)
    return found
