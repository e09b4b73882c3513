"""Rows of a snapshot as tokens, a batch at a time.

document    {"text": …}                       learnt from end to end
chat        {"messages": […]}                 what assistants say is learnt
preference  {"prompt", "chosen", "rejected"}  a pair; supervised training takes what was chosen
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from tamis.errors import UsageError
from tamis.schemas._field import field
from tamis.schemas.rows import RECORD_ID
from tamis.snapshot import Snapshot
from tamis.train.settings import Method
from tamis.train.template import IGNORED, Message, conversations, pairs

IDS = pa.list_(pa.int32())

SFT = pa.schema(
    [
        field("record_id", RECORD_ID, "The row.", False),
        field("input_ids", IDS, "Its tokens.", False),
        field("labels", IDS, f"The token where it is learnt, {IGNORED} where it is read alone.", False),
    ]
)

DPO = pa.schema(
    [
        field("record_id", RECORD_ID, "The row.", False),
        field("prompt_ids", IDS, "Tokens up to where the answer begins.", False),
        field("chosen_ids", IDS, "Tokens of the answer that was preferred.", False),
        field("rejected_ids", IDS, "Tokens of the other.", False),
    ]
)

SCHEMAS: dict[Method, pa.Schema] = {"sft": SFT, "dpo": DPO}

_TAUGHT: dict[Method, tuple[str, ...]] = {"sft": ("chat", "document", "preference"), "dpo": ("preference",)}


def demand_kind(snapshot: Snapshot, method: Method) -> None:
    """Raises UsageError where rows of its kind cannot be trained on so."""
    if snapshot.kind in _TAUGHT[method]:
        return
    if snapshot.kind == "eval_item":
        raise UsageError(
            f"{snapshot.ref} holds evaluation items; a model that was trained on those cannot be evaluated"
        )
    raise UsageError(
        f"{snapshot.ref} holds rows of the kind {snapshot.kind}; {method} learns from {', '.join(_TAUGHT[method])}"
    )


def encode(snapshot: Snapshot, split: str | None, tokenizer: Any, method: Method) -> pa.Table:
    """Rows of `split` (None: all) as tokens, in order: SFT or DPO rows. Raises UsageError."""
    demand_kind(snapshot, method)
    return pa.Table.from_batches(list(_encoded(snapshot, split, tokenizer, method)), SCHEMAS[method])


def _encoded(snapshot: Snapshot, split: str | None, tokenizer: Any, method: Method) -> Iterator[pa.RecordBatch]:
    columns = {
        "document": ["record_id", "text"],
        "chat": ["record_id", "messages"],
        "preference": ["record_id", "prompt", "chosen", "rejected"],
    }[snapshot.kind]
    for batch in snapshot.batches(columns, split):
        if batch.num_rows:
            made = _pairs(batch, tokenizer) if method == "dpo" else _told(batch, tokenizer)
            own = [pa.array(ids, IDS) for ids in made]
            yield pa.record_batch([batch.column("record_id"), *own], schema=SCHEMAS[method])


def _told(batch: pa.RecordBatch, tokenizer: Any) -> tuple[list[list[int]], ...]:
    if "text" in batch.schema.names:
        made = tokenizer(batch.column("text").to_pylist())["input_ids"]
        ends = [tokenizer.eos_token_id] if tokenizer.eos_token_id is not None else []
        ids = [one + ends for one in made]
        return ids, ids
    if "messages" in batch.schema.names:
        rows = [_messages(row) for row in batch.column("messages").to_pylist()]
    else:
        both = zip(batch.column("prompt").to_pylist(), batch.column("chosen").to_pylist(), strict=True)
        rows = [_messages([*prompt, *chosen]) for prompt, chosen in both]
    return conversations(tokenizer, rows)


def _pairs(batch: pa.RecordBatch, tokenizer: Any) -> tuple[list[list[int]], ...]:
    prompt, chosen, rejected = ([_messages(r) for r in batch.column(n).to_pylist()] for n in batch.schema.names[1:])
    asked, preferred = pairs(tokenizer, prompt, chosen)
    _, other = pairs(tokenizer, prompt, rejected)
    return asked, preferred, other


def _messages(row: list[dict[str, Any]] | None) -> list[Message]:
    """As a template wants them: what else a message held (tool_calls, name) beside role and content."""
    return [
        {**(json.loads(m["extra"]) if m.get("extra") else {}), "role": m["role"], "content": m["content"] or ""}
        for m in row or []
    ]
