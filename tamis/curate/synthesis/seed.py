"""Seeds: the rows that new ones are grown from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import pyarrow as pa

from tamis.schemas import ENVELOPE, kind_of

TooLong = Literal["cut", "reject"]

_END = re.compile(r"[.!?…。！？؟।][\"'”’»)\]]*(?=\s|$)|[。！？]|\n")
"""Where a sentence may end."""


class Seed(NamedTuple):
    """One row to grow others from. `columns` are those of its kind, as Python has them."""

    record_id: bytes
    kind: str
    id: str | None
    source: str
    url: str | None
    license: str | None
    meta: str | None
    columns: Mapping[str, Any]

    @property
    def text(self) -> str:
        """A document's text; of a conversation the first answer; of a preference the answer preferred."""
        if self.kind == "document":
            return self.columns["text"] or ""
        return said(self.columns["messages" if self.kind == "chat" else "chosen"], "assistant")

    @property
    def instruction(self) -> str:
        """What a conversation asks first; a document's text."""
        if self.kind == "document":
            return self.columns["text"] or ""
        return said(self.columns["messages" if self.kind == "chat" else "prompt"], "user")


def said(messages: Sequence[Mapping[str, Any]] | None, role: str) -> str:
    """The first thing that `role` said, "" where it said nothing."""
    for message in messages or ():
        if message and message.get("role") == role and (message.get("content") or "").strip():
            return str(message["content"])
    return ""


def seeds_of(batches: Iterator[pa.RecordBatch]) -> Iterator[Seed]:
    """The rows of `batches`."""
    for batch in batches:
        kind = kind_of(batch.schema)
        names = [n for n in ENVELOPE.names if n in batch.schema.names]
        own = [f.name for f in kind.fields]
        for row in batch.select([*names, *own]).to_pylist():
            yield Seed(
                row["record_id"],
                kind.name,
                row.get("id"),
                row.get("source") or "",
                row.get("url"),
                row.get("license"),
                row.get("meta"),
                {name: row[name] for name in own},
            )


def cut(text: str, most: int) -> str:
    """The first sentences of `text`, up to `most` characters; a sentence longer than that ends at a word."""
    if len(text) <= most:
        return text
    head = text[:most]
    ends = [m.end() for m in _END.finditer(head)]
    if ends and ends[-1] > most // 4:
        return head[: ends[-1]].rstrip()
    word = head.rfind(" ")
    return (head[:word] if word > most // 4 else head).rstrip()


def tidied(text: str) -> str:
    """`text` without blanks at its ends and at those of its lines, and without more than one blank line in a row."""
    lines = [line.rstrip() for line in text.strip().splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
