"""What a model said to each item of an evaluation, and what that scored.

sample  gsm8k  gsm8k-17  repeat 0  response "…The answer is 18."  extracted "18"  target "18"  ok
score   gsm8k  gsm8k-17  repeat 0  exact_match  1.0
"""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

from tamis.schemas._field import field

Status = Literal["ok", "invalid", "failed", "missing"]
"""What became of an item: it was answered; no answer could be read in the response; the request failed; nothing came at all.

Only an `ok` sample can score above what a wrong answer scores: the other three count as wrong, they are never left out."""

KEY = (
    field("task", pa.string(), "The task of the suite.", False),
    field("item_id", pa.string(), "The item's own id, as text.", False),
    field("repeat", pa.int16(), "How often the same item was asked before: 0 to n - 1.", False),
)
"""What names one answer; both tables are sorted by task, item_id, repeat."""

SAMPLE = pa.schema(
    [
        KEY[0],
        KEY[1],
        field(
            "cluster", pa.string(), "Items of one passage, document or template hang together; null: it stands alone."
        ),
        field("category", pa.string(), "What it is counted under in a report, as a subject of MMLU."),
        KEY[2],
        field("prompt_sha256", pa.binary(32), "SHA-256 of the prompt as it was sent.", False),
        field("prompt", pa.large_string(), "The prompt as it was sent.", False),
        field("target", pa.string(), "The right answer; JSON where it is not one text.", False),
        field("response", pa.large_string(), "What the model wrote, whole; null: none came, or none was asked for."),
        field("extracted", pa.string(), "The answer found in the response; of multiple choice, the choice taken."),
        field("loglikelihoods", pa.list_(pa.float64()), "Of each choice, or of the whole text; natural logarithm."),
        field("status", pa.string(), "ok, invalid, failed or missing.", False),
        field("truncated", pa.bool_(), "Whether the prompt or the response was cut for its length.", False),
        field("tokens_in", pa.int32(), "Tokens of the prompt; null: not told."),
        field("tokens_out", pa.int32(), "Tokens of the response; null: not told, or none was asked for."),
        field("length", pa.int64(), "How long the item is, as its data tells it; null: not told."),
    ]
)
"""A row for every item and repeat of every task, those that failed too. Nothing in it changes from run to run."""

SCORE = pa.schema(
    [
        *KEY,
        field("metric", pa.string(), "As acc, exact_match, f1.", False),
        field("value", pa.float64(), "What it scored; of a likelihood, rounded to 6 significant digits.", False),
    ]
)
"""A row for every metric of every sample; sorted by task, item_id, repeat, metric."""

TIMING = pa.schema(
    [
        *KEY,
        field("latency_ms", pa.float64(), "From request to the last byte of its answer."),
        field("tokens_per_second", pa.float64(), "Tokens of the response by its latency."),
        field("cost", pa.decimal128(18, 9), "What the request cost; null: the price is not known."),
    ]
)
"""What changes from run to run, so it lies in a file of its own and is in no byte-stable report."""

SIGNIFICANT = 6
"""Digits that a likelihood is rounded to: batch size and threads move those after it."""
