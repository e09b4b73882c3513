"""The tables the ledger is made of.

verdict   8a…17  3  quality.gopher  drop  min_words  value 12  >=  50
fate      8a…17  dropped  3
"""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

from tamis.schemas._field import field
from tamis.schemas.rows import RECORD_ID

Action = Literal["drop", "edit", "quarantine", "merge", "split", "derive", "review"]
"""What a verdict does to its record."""

FATE = ("kept", "dropped", "quarantined")
"""What can become of a record; a fate is stored as its position here."""

NAME = pa.dictionary(pa.int16(), pa.string())

SPANS = pa.list_(
    pa.struct(
        [
            field("field", pa.string(), "Text field, or field[i] for the i-th string in it; null: the only one."),
            field("start", pa.int32(), "First code point, from 0."),
            field("end", pa.int32(), "One past the last code point."),
            field("label", pa.string(), "What was found there."),
        ]
    )
)

DECISION = pa.schema(
    [
        field("row", pa.uint32(), "Row of the batch the decision is about.", False),
        field("rule", NAME, "Rule that decided; several rules of one edit are joined by +.", False),
        field("value", pa.float32(), "What was measured."),
        field("spans", SPANS, "Where in the text."),
        field("evidence", pa.string(), "Anything else worth keeping, as JSON."),
    ]
)
"""What a stage says of rows in one batch; the engine makes verdicts of it."""

VERDICT = pa.schema(
    [
        field("record_id", RECORD_ID, "The record.", False),
        field("step", pa.uint8(), "Position in the recipe, from 1; 0 is reading.", False),
        field("stage", NAME, "Stage that decided, with its version.", False),
        field("action", NAME, "What was done: drop, edit, quarantine, …", False),
        field("rule", NAME, "Rule that decided; several rules of one edit are joined by +.", False),
        field("value", pa.float32(), "What was measured."),
        field("comparator", NAME, "How a record that stays compares with the threshold."),
        field("threshold", pa.float32(), "Threshold in force."),
        field("peer_id", RECORD_ID, "The record this one lost to."),
        field("spans", SPANS, "Where in the text."),
        field("before_hash", pa.uint64(), "XXH64 of the text before an edit."),
        field("after_hash", pa.uint64(), "XXH64 of the text after an edit."),
        field("evidence", pa.string(), "Anything else worth keeping, as JSON."),
    ]
)
"""One decision about one record, sorted by record_id and step."""

FATES = pa.schema(
    [
        field("record_id", RECORD_ID, "The record; null where it is kept: then it is the next row of data/."),
        field("fate", NAME, "kept, dropped or quarantined.", False),
        field("step", pa.uint8(), "Step that decided; null where the record is kept."),
    ]
)
"""One row for every input record, in input order."""

QUARANTINE = pa.schema(
    [
        field("step", pa.uint8(), "Step that set the record aside; 0 is reading.", False),
        field("rule", NAME, "Why.", False),
        field("file", pa.string(), "Input file, as named in the run."),
        field("line", pa.int64(), "Line (JSONL) or row (Parquet) of the file, from 1."),
        field("offset", pa.int64(), "Byte offset of the line in the (decompressed) file."),
        field("message", pa.string(), "What was found and what was wanted."),
        field("raw", pa.binary(), "The line as it stood, where it could not be read as a record."),
    ]
)
"""Columns put before the record's own in quarantine/."""
