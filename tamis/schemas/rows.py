"""The four kinds of row and the envelope they share.

{"record_id": b"\x8a…", "id": "doc-17", "source": "crawl-2026-10", "url": "https://example.org/a",
 "license": "CC-BY-4.0", "collected_at": "2026-10-02", "meta": "{\"lang\":\"en\"}", "text": "…"}
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import pyarrow as pa

from tamis.errors import UsageError
from tamis.schemas._field import field

KindName = Literal["document", "chat", "preference", "eval_item"]

RECORD_ID = pa.binary(16)

ENVELOPE = pa.schema(
    [
        field(
            "record_id", RECORD_ID, "First 16 bytes of sha256 over source and native key: stable under edits.", False
        ),
        field("id", pa.string(), "The row's own key, as text."),
        field("source", pa.string(), "Logical name of where the row came from; never an absolute path.", False),
        field("url", pa.string(), "Where the row was found."),
        field("license", pa.string(), "SPDX licence expression, as declared."),
        field("collected_at", pa.string(), "When the row was collected: ISO 8601, as declared."),
        field("meta", pa.string(), "JSON object of whatever else the input row held."),
    ]
)

MESSAGE = pa.struct(
    [
        field("role", pa.string(), "system, user, assistant, tool, or as declared."),
        field("content", pa.string(), "What was said."),
        field("extra", pa.string(), "JSON object of whatever else the message held."),
    ]
)

MESSAGES = pa.list_(pa.field("item", MESSAGE))


class Kind(NamedTuple):
    """A kind of row: its own fields behind the envelope, and which of them hold text."""

    name: str
    fields: tuple[pa.Field, ...]
    texts: tuple[str, ...]

    @property
    def schema(self) -> pa.Schema:
        """Envelope and own fields, in the order they are written."""
        return pa.schema([*ENVELOPE, *self.fields])


KINDS: dict[str, Kind] = {
    k.name: k
    for k in (
        Kind("document", (field("text", pa.string(), "The document.", False),), ("text",)),
        Kind("chat", (field("messages", MESSAGES, "The conversation, in order.", False),), ("messages",)),
        Kind(
            "preference",
            (
                field("prompt", MESSAGES, "What was asked: one or more messages.", False),
                field("chosen", MESSAGES, "The answer that was preferred.", False),
                field("rejected", MESSAGES, "The answer that was not.", False),
            ),
            ("prompt", "chosen", "rejected"),
        ),
        Kind(
            "eval_item",
            (
                field("question", pa.string(), "What the model is asked.", False),
                field("context", pa.string(), "Passage the question is about."),
                field("choices", pa.list_(pa.string()), "Answers to choose from, in order."),
                field("answer_index", pa.int32(), "Position of the right choice, from 0."),
                field("answer", pa.string(), "The right answer, as text."),
            ),
            ("question", "context", "choices", "answer"),
        ),
    )
}


def kind(name: str) -> Kind:
    """The kind called `name`. Raises UsageError for any other name."""
    if name not in KINDS:
        raise UsageError(f"no kind of row is called {name!r}; there are {', '.join(get_args(KindName))}")
    return KINDS[name]
