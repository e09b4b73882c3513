"""The stage that faults are caused with: it fails for real at records whose text has a word. Recipes name it by path."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from tamis import Stage

CHARS = pa.schema([pa.field("chars", pa.uint32())])

MOST = 24
"""Blocks of 256 MB that a hog takes, at most: a machine whose monitor does not look survives it."""


@dataclass(frozen=True)
class Fault(Stage):
    """Kill the process ("die"), or take memory until killed ("hog"); `once`: a file; the first time only."""

    word: str = ""
    how: str = "die"
    once: str = ""

    name = "fault"
    scores = CHARS

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Characters of each text, where it comes to that."""
        texts = batch.column("text").to_pylist()
        if any(self.word in text for text in texts) and not (self.once and Path(self.once).exists()):
            if self.once:
                Path(self.once).touch()
            if self.how == "die":
                os.kill(os.getpid(), 9)
            held = [b"x" * (256 << 20) for _ in range(MOST)]
            del held
        return pa.record_batch([pa.array([len(text) for text in texts], pa.uint32())], schema=CHARS)
