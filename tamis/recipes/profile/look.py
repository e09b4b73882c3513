"""The stages of a profile: one that measures, one that keeps together what is alike, one that lets everything go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.curate.draw import draws, unit
from tamis.curate.quality import C4, TEXT, FineWeb, Gopher, Repetition
from tamis.kernels.minhash import permutations, sketch
from tamis.schemas import flat, joined
from tamis.schemas._field import field
from tamis.schemas.ids import halves
from tamis.schemas.rows import RECORD_ID
from tamis.stage import Feature, Rule, Stage, decisions

FAMILIES: tuple[Stage, ...] = (Gopher(), Repetition(), C4(), FineWeb())

CLIP = 16_000
"""Characters of a drawn text that are kept: a record of any length costs the same to look at."""

COUNTED = pa.unify_schemas(
    [pa.schema([field("chars", pa.uint32(), "Code points.")]), *(family.scores for family in FAMILIES)]
)

DRAWN = pa.schema(
    [
        field("draw", pa.uint64(), "What it was drawn by; null: it was not, and the columns below are null, too."),
        field("drawn_record_id", RECORD_ID, "Its record_id."),
        field("drawn_id", pa.string(), "Its own id."),
        field("drawn_source", pa.string(), "Its source."),
        field("drawn_text", pa.string(), f"The first {CLIP:,} characters of its texts."),
    ]
)


@dataclass(frozen=True)
class Look(Stage):
    """Measure what the quality stages measure, keep the text of records drawn by their ids, and let every record go on.

    rate    share of the records that are drawn (0–1)
    fields  text fields whose lengths are measured one by one
    """

    rate: float = 1.0
    fields: tuple[str, ...] = ()

    name: ClassVar[str] = "look"
    features: ClassVar[tuple[Feature, ...]] = (TEXT,)

    @property
    def scores(self) -> pa.Schema:
        """Counts, the licence, lengths by field, and what is kept of the drawn."""
        lengths = [
            column
            for name in self.fields
            for column in (
                field(f"chars.{name}", pa.uint32(), f"Code points in {name}."),
                field(f"parts.{name}", pa.uint32(), f"Texts in {name}."),
            )
        ]
        return pa.schema([*COUNTED, field("license", pa.string(), "As declared."), *lengths, *DRAWN])

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules of every family, named after it."""
        return tuple(rule._replace(id=f"{family.name}.{rule.id}") for family in FAMILIES for rule in family.rules)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The columns of `scores`."""
        lengths: list[Any] = []
        for name in self.fields:
            lengths += _lengths(batch.column(name))
        columns = [*batch.select(COUNTED.names).columns, batch.column("license"), *lengths, *self._drawn(batch)]
        return pa.record_batch(columns, schema=self.scores)

    def decide(self, scores: pa.RecordBatch) -> pa.RecordBatch:
        """Nothing."""
        return decisions(np.empty(0, np.uint32), [])

    def _drawn(self, batch: pa.RecordBatch) -> list[pa.Array]:
        draw = draws(halves(batch.column("record_id")), "profile", 0)
        mask = unit(draw) <= self.rate
        rows = pa.array(np.flatnonzero(mask))
        texts = pc.utf8_slice_codeunits(joined(batch.take(rows)), 0, CLIP)
        # Null but where it was drawn: there, the next of the texts.
        text = texts.take(pa.array(np.cumsum(mask) - 1, mask=~mask))
        where = pa.array(np.arange(len(mask)), mask=~mask)
        kept = [batch.column(name).take(where) for name in ("record_id", "id", "source")]
        return [pa.array(draw, mask=~mask), *kept, text]


def _lengths(column: pa.Array) -> list[pa.Array]:
    """Code points and texts of a text field in each row: uint32; null where the field is."""
    strings, offsets = flat(column)
    size = pc.fill_null(pc.utf8_length(strings), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    if offsets is None:
        offsets = np.arange(len(strings) + 1)
    ends = np.concatenate([[0], np.cumsum(size)])
    mask = column.is_null().to_numpy(zero_copy_only=False)
    chars, parts = ends[offsets[1:]] - ends[offsets[:-1]], np.diff(offsets)
    return [pa.array(numbers.astype(np.uint32), mask=mask) for numbers in (chars, parts)]


@dataclass(frozen=True)
class Together(Stage):
    """Let all records go but a share of them in which what is alike is still together.

    A record is drawn by the lowest hash of its n-grams of words. Two of Jaccard similarity J have the same with probability
    J (Broder 1997), and then both are drawn or neither is.

    rate   share of the records that stay (0–1)
    ngram  words of an n-gram
    """

    rate: float = 1.0
    ngram: int = 5

    name: ClassVar[str] = "together"
    scores: ClassVar[pa.Schema] = pa.schema([field("drawn", pa.float64(), "Above 0, up to 1: what it was drawn by.")])

    @property
    def rules(self) -> tuple[Rule, ...]:
        """One: the draw."""
        return (Rule("drawn", "drop", "drawn", "<=", self.rate, says="not drawn"),)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The draw; a record without words is drawn by its id."""
        found = sketch(joined(batch), self.ngram, "run", *permutations(1, seed=1), 1)
        own = halves(batch.column("record_id"))[:, 0]
        key = np.where(found.count > 0, found.keys[:, 0], own)
        return pa.record_batch([pa.array(unit(draws(key, "together", 0)))], schema=self.scores)


@dataclass(frozen=True)
class Seen(Stage):
    """Let every record go: a profile keeps no copy of the data."""

    name: ClassVar[str] = "seen"
    scores: ClassVar[pa.Schema] = pa.schema([field("seen", pa.uint8(), "0.")])

    @property
    def rules(self) -> tuple[Rule, ...]:
        """One, that all records break."""
        return (Rule("seen", "drop", says="looked at"),)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """How many rows there are."""
        return pa.record_batch([pa.array(np.zeros(batch.num_rows, np.uint8))], schema=self.scores)

    def decide(self, scores: pa.RecordBatch) -> pa.RecordBatch:
        """All."""
        rows = np.arange(scores.num_rows, dtype=np.uint32)
        return decisions(rows, ["seen"] * len(rows))
