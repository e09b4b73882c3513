"""Snapshots to train on, and jobs: rows of arithmetic that a tiny model can learn a little of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from storing import frozen

from tamis.snapshot import Snapshot
from tamis.train import Job, Settings

SHORT: dict[str, Any] = {"max_steps": 6, "checkpoint_every": 3, "eval_every": 3, "threads": 1, "seed": 3}
"""Settings of a run that takes seconds."""


def asked(number: int) -> str:
    """What is asked in row `number`."""
    return f"What is {number} plus {number % 7}?"


def chats(count: int) -> list[dict[str, Any]]:
    """Questions with answers."""
    return [
        {
            "id": f"c{k}",
            "license": "CC0-1.0",
            "messages": [
                {"role": "user", "content": asked(k)},
                {"role": "assistant", "content": f"The answer is {k + k % 7}."},
            ],
        }
        for k in range(count)
    ]


def preferences(count: int) -> list[dict[str, Any]]:
    """Right answers before wrong ones."""
    return [
        {
            "id": f"p{k}",
            "license": "CC0-1.0",
            "prompt": [{"role": "user", "content": asked(k)}],
            "chosen": [{"role": "assistant", "content": f"The answer is {k + k % 7}."}],
            "rejected": [{"role": "assistant", "content": "user user user"}],
        }
        for k in range(count)
    ]


def snapshot_of(folder: Path, rows: list[dict[str, Any]], name: str = "sums") -> Snapshot:
    """`rows` frozen as NAME@1.0.0 in a store."""
    return frozen(folder, name, rows)


def job_of(snapshot: Snapshot, base: Path, output: Path, **settings: Any) -> Job:
    """A short job."""
    return Job(snapshot.path, base, output, Settings(**{**SHORT, **settings}))
