"""A user's stages that do not keep their word; recipes of test_bad_recipe name them by path."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tamis.stage import Corpus, Rule, Stage, decisions

CHARS = pa.schema([pa.field("chars", pa.uint32())])


@dataclass(frozen=True)
class Says(Stage):
    """Measures as `how` says."""

    how: str = "raise"
    scores = CHARS

    def measure(self, batch: pa.RecordBatch) -> Any:
        chars = pc.utf8_length(batch.column("text")).cast(pa.uint32())
        if self.how == "raise":
            raise RuntimeError("boom \ud800")
        if self.how == "exit":
            sys.exit(0)
        answers = {
            "none": None,
            "table": pa.table({"chars": chars}),
            "name": pa.record_batch([chars], names=["signs"]),
            "length": pa.record_batch([chars.slice(1)], names=["chars"]),
            "type": pa.record_batch([chars.cast(pa.string())], names=["chars"]),
            "silent": pa.record_batch([chars, pc.utf8_upper(batch.column("text"))], names=["chars", "text"]),
        }
        return answers[self.how]


@dataclass(frozen=True)
class Decides(Stage):
    """Decides as `how` says."""

    how: str = "raise"
    scores = CHARS

    @property
    def rules(self) -> tuple[Rule, ...]:
        return (Rule("short", "drop", "chars", ">=", 3),)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return pa.record_batch([pc.utf8_length(batch.column("text")).cast(pa.uint32())], schema=CHARS)

    def decide(self, scores: pa.RecordBatch) -> Any:
        if self.how == "raise":
            raise ValueError("boom")
        rows, rules = {"outside": ([99], ["short"]), "unknown": ([0], ["long"]), "twice": ([0, 0], ["short"] * 2)}[
            self.how
        ]
        return decisions(rows, rules)


@dataclass(frozen=True)
class Compares(Corpus):
    """Sketches or resolves as `how` says."""

    how: str = "sketch"

    @property
    def rules(self) -> tuple[Rule, ...]:
        return (Rule("met", "drop"),)

    def sketch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if self.how == "sketch":
            raise ValueError("boom")
        ids = batch.column("record_id")
        return pa.record_batch([ids.slice(1) if self.how == "short" else ids], schema=self.sketches)

    def resolve(self, sketches: pa.Table) -> pa.Table:
        raise ValueError("boom")


@dataclass(frozen=True)
class Overwrites(Stage):
    """Writes what is not its own."""

    writes = pa.schema([pa.field("record_id", pa.binary(16))])


@dataclass(frozen=True)
class Edits(Stage):
    """Edits without a rule to say so."""

    edits = True


@dataclass(frozen=True)
class Picky(Stage):
    """Does not let itself be made."""

    def __post_init__(self) -> None:
        raise KeyError("boom")
