"""Checkpoints of a run: whole ones alone count.

WORK/checkpoint-40/{adapter_model.safetensors, optimizer.pt, rng_state.pth, …, MANIFEST.sha256}

A checkpoint is sealed once all of it is written. What was interrupted has no seal, or one that does not hold: it is
thrown away, and the run goes on from the one before.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tamis.errors import OutputError
from tamis.runs.manifest import MANIFEST, closing, digests, files, seal, sha256


def sealed(checkpoint: Path) -> None:
    """Say that `checkpoint` is whole."""
    seal(checkpoint, {})


def newest(work: Path) -> Path | None:
    """The last whole checkpoint in `work` with something left to train; those behind it are removed."""
    for path in sorted(work.glob("checkpoint-*"), key=_step, reverse=True):
        if is_whole(path) and not is_last(path):
            return path
        shutil.rmtree(path, ignore_errors=True)
    return None


def is_last(checkpoint: Path) -> bool:
    """Had its run come to its end? transformers goes on from such a one by a step too many."""
    try:
        state = json.loads((checkpoint / "trainer_state.json").read_text("utf-8"))
        control = state.get("stateful_callbacks", {}).get("TrainerControl", {}).get("args", {})
        return bool(control.get("should_training_stop")) or state["global_step"] >= state["max_steps"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return True


def is_whole(checkpoint: Path) -> bool:
    """Has it a manifest that holds?"""
    manifest = checkpoint / MANIFEST
    try:
        text = manifest.read_text("utf-8")
        body = "".join(line for line in text.splitlines(True) if not line.startswith("#"))
        named = digests(checkpoint)
        there = {p.relative_to(checkpoint).as_posix() for p in files(checkpoint)}
        return (
            text == body + closing(body)
            and there == set(named)
            and all(sha256(checkpoint / name) == digest for name, digest in named.items())
        )
    except (OSError, OutputError, ValueError):
        return False


def _step(path: Path) -> int:
    number = path.name.rpartition("-")[2]
    return int(number) if number.isdigit() else -1
