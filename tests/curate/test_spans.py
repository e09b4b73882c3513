"""Repeated passages: what is cut equals the naive version, whatever the kind of row, the batches and the files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import naive_spans as naive
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import digests, recipe, write_lines

import tamis
from tamis.curate.spans import Spans
from tamis.errors import UsageError
from tamis.schemas import MESSAGES

LINES = ["A line.", "a  LINE.", "b", "é日本 “so”", "İx", "", " ", "\tc c", "tail"]
BREAKS = ["\n", "\n\n", "\r\n", "\u2028", " \n \n", "\x1c"]
BLOCKS = st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from([*BREAKS, ""])), max_size=8)
WORDS = st.lists(
    st.tuples(
        st.sampled_from(["a", "A", "b", "日", "ไท", "e\u0301t", "x2"]),
        st.sampled_from([" ", ", ", " (", ".\n", "\n\n \n", "-", '." ']),
    ),
    max_size=14,
)
TEXT = (BLOCKS | WORDS).map(lambda parts: "".join(a + b for a, b in parts))
STAGES = st.builds(
    Spans,
    unit=st.sampled_from(["line", "paragraph", "window"]),
    max_count=st.integers(1, 2),
    keep_first=st.booleans(),
    min_chars=st.integers(0, 4),
    words=st.integers(1, 5),
)


def naive_cuts(stage: Spans, corpus: list[list[str]]) -> list[list[list[naive.Cut]]]:
    length = stage.words if stage.unit == "window" else stage.min_chars
    return naive.cuts(corpus, stage.unit, length, stage.max_count, stage.keep_first)


def spans(verdicts: pa.Table, rule: str = "max_count") -> dict[int, list[tuple[Any, ...]]]:
    """By position of the record: field, start, end and label of every span."""
    return {
        int.from_bytes(v["record_id"]): [tuple(s.values()) for s in v["spans"]]
        for v in verdicts.to_pylist()
        if v["rule"] == rule
    }


@settings(deadline=None, max_examples=300)
@given(st.lists(TEXT, max_size=6), STAGES)
def test_documents_lose_what_the_naive_version_cuts(texts: list[str], stage: Spans) -> None:
    kept, verdicts = stage(pa.table({"text": pa.array(texts, pa.string())}))
    cuts = [record[0] for record in naive_cuts(stage, [[text] for text in texts])]
    left = [naive.without(text, gone) for text, gone in zip(texts, cuts, strict=True)]
    assert kept.column("text").to_pylist() == [
        text for text, gone in zip(left, cuts, strict=True) if text.strip() or not gone
    ]
    expected = {
        i: [(None, c.start, c.end, f"{stage.unit} of {c.records} records") for c in gone]
        for i, gone in enumerate(cuts)
        if gone
    }
    assert spans(verdicts) == expected
