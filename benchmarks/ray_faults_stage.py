"""The stage that faults are caused with: it fails for real at records whose text has a word. Recipes name it by path."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from tamis import Stage

CHARS = pa.schema([pa.field("chars", pa.uint32())])

MOST = 24
"""Blocks of 256 MB that are taken, at most: a machine whose monitor does not look survives it."""


@dataclass(frozen=True)
class Fault(Stage):
    """Kill the process ("die"), take memory until killed ("hog"), or addresses alone ("reserve"); `once`: a file; the first time
    only.

    `pace`: a file that says how many seconds every batch takes: else the first worker of a cluster is done before another begins.
    """

    word: str = ""
    how: str = "die"
    once: str = ""
    pace: str = ""

    name = "fault"
    scores = CHARS
    holds_gil = True  # on one machine, too, it is a worker that dies

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Characters of each text, where it comes to that."""
        texts = batch.column("text").to_pylist()
        if self.pace:
            time.sleep(float(Path(self.pace).read_text()))
        if self.word and any(self.word in text for text in texts) and not (self.once and Path(self.once).exists()):
            if self.once:
                Path(self.once).touch()
            if self.how == "die":
                os.kill(os.getpid(), 9)
            held = [bytes(256 << 20) if self.how == "reserve" else b"x" * (256 << 20) for _ in range(MOST)]
            del held
        return pa.record_batch([pa.array([len(text) for text in texts], pa.uint32())], schema=CHARS)
