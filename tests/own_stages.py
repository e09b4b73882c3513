"""Small stages for tests of the engine; recipes name them by path, as a user's own."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from tamis.stage import Rule, Stage, decisions

CHARS = pa.schema([pa.field("chars", pa.uint32())])


@dataclass(frozen=True)
class Length(Stage):
    """Drop texts of fewer than `low` characters."""

    low: int = 20

    name = "own.length"
    scores = CHARS

    @property
    def rules(self) -> tuple[Rule, ...]:
        return (Rule("min_chars", "drop", "chars", ">=", self.low, says="characters in the text"),)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return pa.record_batch([pc.utf8_length(batch.column("text")).cast(pa.uint32())], schema=CHARS)


@dataclass(frozen=True)
class Shout(Stage):
    """Write `word` in capitals."""

    word: str = "sieve"

    name = "own.shout"
    edits = True
    scores = pa.schema([pa.field("hits", pa.uint32())])

    @property
    def rules(self) -> tuple[Rule, ...]:
        return (Rule("shouted", "edit"),)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        text = batch.column("text")
        hits = pc.count_substring(text, self.word).cast(pa.uint32())
        return pa.record_batch([pc.replace_substring(text, self.word, self.word.upper()), hits], names=["text", "hits"])

    def decide(self, scores: pa.RecordBatch) -> pa.RecordBatch:
        hits = scores.column("hits").fill_null(0).to_numpy()
        rows = hits.nonzero()[0]
        return decisions(rows, ["shouted"] * len(rows), hits[rows])


@dataclass(frozen=True)
class Allergic(Stage):
    """Raise on a text that holds `word`."""

    word: str = "poison"

    name = "own.allergic"
    scores = CHARS

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if pc.any(pc.match_substring(batch.column("text"), self.word)).as_py():
            raise ValueError(f"a text holds {self.word!r}")
        return pa.record_batch([pc.utf8_length(batch.column("text")).cast(pa.uint32())], schema=CHARS)


@dataclass(frozen=True)
class Deadly(Allergic):
    """Kill the process on a text that holds `word`."""

    name = "own.deadly"
    holds_gil = True

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        try:
            return super().measure(batch)
        except ValueError:
            os.kill(os.getpid(), 9)
            raise


@dataclass(frozen=True)
class Thirsty(Stage):
    """Read a column that nobody writes."""

    name = "own.thirsty"
    reads = pa.schema([pa.field("water", pa.string())])


@dataclass(frozen=True)
class Seeing(Stage):
    """Drop everything where the process that measures was given no GPU; asks for two."""

    name = "own.seeing"
    gpus = 2.0
    scores = pa.schema([pa.field("devices", pa.uint32())])

    @property
    def rules(self) -> tuple[Rule, ...]:
        return (Rule("devices", "drop", "devices", ">=", 1, says="GPUs of the process"),)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        given = len([name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name])
        return pa.record_batch([pa.repeat(pa.scalar(given, pa.uint32()), batch.num_rows)], schema=self.scores)


@dataclass(frozen=True)
class Sly(Shout):
    """Write `word` in capitals and say nothing of it."""

    name = "own.sly"

    def decide(self, scores: pa.RecordBatch) -> pa.RecordBatch:
        return decisions(scores.column("hits").to_numpy()[:0], [])
