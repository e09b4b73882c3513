"""What the ledger says of a record that holds an item: which item, where, and how much of it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa

from tamis.curate.decontam.index import FIELDS
from tamis.curate.decontam.pieces import SPANS

_RANK = {"min_run": ("run", "words"), "min_containment": ("found", "ngrams")}


def evidence_of(broken: pa.RecordBatch, scores: pa.RecordBatch) -> tuple[pa.Array, pa.Array]:
    """Spans and evidence (JSON) for each row of `broken`, which names rows of `scores` and the rule they break."""
    rows = broken.column("row")
    lists, pages = scores.column("matches").take(rows), scores.column("page").take(rows).to_pylist()
    rules, flat = broken.column("rule").to_pylist(), lists.flatten()
    ends = np.concatenate([[0], np.cumsum(lists.value_lengths().fill_null(0).to_numpy())])
    numbers = {n: flat.field(n).to_numpy() for n in ("run", "words", "found", "ngrams", "whole")}
    best = [_best(rule, numbers, int(ends[k]), int(ends[k + 1])) for k, rule in enumerate(rules)]
    chosen = flat.take(pa.array([b if b >= 0 else None for b in best], pa.int64()))
    facts = chosen.to_pylist()
    said = [
        _said(match, page if rule == "url" else None) for match, page, rule in zip(facts, pages, rules, strict=True)
    ]
    return chosen.field("spans").cast(SPANS), pa.array([json.dumps(s, ensure_ascii=False) for s in said], pa.string())


def _best(rule: str, numbers: dict[str, np.ndarray], low: int, high: int) -> int:
    """The match among `[low:high]` that breaks `rule` furthest, the first of several; -1: it is no match that does."""
    if rule == "url":
        return -1
    top, bottom = _RANK.get(rule, ("whole", "whole"))
    if top == bottom:
        return low + int(np.argmax(numbers["whole"][low:high]))
    above, below = numbers[top][low:high], numbers[bottom][low:high]
    return low + int(np.argmax(np.where(below > 0, above / np.maximum(below, 1), -1.0)))


def _said(match: dict[str, Any] | None, page: str | None) -> dict[str, Any]:
    if page is not None or match is None:
        return {"item": page}
    said = {"item": match["spans"][0]["label"], "field": FIELDS[match["of"]], "words": match["size"]}
    said["longest"] = match["longest"]
    if match["ngrams"]:
        said |= {"containment": round(match["found"] / match["ngrams"], 4), "jaccard": round(match["jaccard"], 4)}
    if match["answer"] is not None:
        said["answer"] = match["answer"]
    return said | {"item_span": [match["item_start"], match["item_end"]]}
