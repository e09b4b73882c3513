"""Repeated passages: what goes equals the naive version, whatever the kind of row and however the input is cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import naive_spans as naive
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import digests, recipe, sentences, write_lines

import tamis
from tamis.curate.spans import Spans
from tamis.errors import UsageError

LINES = ["A line.", "a  LINE.", "b", "é日本 “so”", "İx", "", " ", "\tc c", "tail"]
BREAKS = ["\n", "\n\n", "\r\n", "\u2028", " \n \n", "\x1c", ""]
SPELT = ["a", "A", "b", "日", "ไท", "e\u0301t", "x2"]
BETWEEN = [" ", ", ", " (", ".\n", "\n\n \n", "-", '." ']


def made_of(one: list[str], other: list[str], most: int) -> st.SearchStrategy[str]:
    pairs = st.lists(st.tuples(st.sampled_from(one), st.sampled_from(other)), max_size=most)
    return pairs.map(lambda pairs: "".join(a + b for a, b in pairs))


TEXT = made_of(LINES, BREAKS, 8) | made_of(SPELT, BETWEEN, 14)
UNITS = ("line", "paragraph", "window")
STAGES = st.builds(
    Spans,
    unit=st.sampled_from(UNITS),
    max_count=st.integers(1, 2),
    keep_first=st.booleans(),
    min_chars=st.integers(0, 4),
    words=st.integers(1, 5),
)


def documents(texts: list[str]) -> pa.Table:
    return pa.table({"text": pa.array(texts, pa.string())})


def expected(stage: Spans, corpus: list[list[str]]) -> list[list[list[naive.Cut]]]:
    length = stage.words if stage.unit == "window" else stage.min_chars
    return naive.cuts(corpus, stage.unit, length, stage.max_count, stage.keep_first)


def spans(verdicts: pa.Table, rule: str = "max_count") -> dict[int, list[tuple[Any, ...]]]:
    """By position of the record: field, start, end and label of every span."""
    told = [v for v in verdicts.to_pylist() if v["rule"] == rule]
    return {int.from_bytes(v["record_id"]): [tuple(s.values()) for s in v["spans"]] for v in told}


@settings(deadline=None, max_examples=200)
@given(st.lists(TEXT, max_size=6), STAGES)
def test_documents_lose_what_the_naive_version_cuts(texts: list[str], stage: Spans) -> None:
    kept, verdicts = stage(documents(texts))
    cuts = [record[0] for record in expected(stage, [[text] for text in texts])]
    left = [naive.without(text, gone) for text, gone in zip(texts, cuts, strict=True)]
    assert kept.column("text").to_pylist() == [t for t, gone in zip(left, cuts, strict=True) if t.strip() or not gone]
    says = [[(None, c.start, c.end, f"{stage.unit} of {c.records} records") for c in gone] for gone in cuts]
    assert spans(verdicts) == {i: told for i, told in enumerate(says) if told}


@settings(deadline=None, max_examples=100)
@given(st.lists(TEXT, max_size=6), st.sampled_from(UNITS), st.sampled_from([0.0, 0.3, 1.0]))
def test_records_go_by_the_share_that_the_naive_version_cuts(texts: list[str], unit: Any, most: float) -> None:
    stage = Spans(unit, 1, action="drop", max_share=most, min_chars=1, words=3)
    kept, verdicts = stage(documents(texts))
    cuts = [record[0] for record in expected(stage, [[text] for text in texts])]
    share = [naive.share(text, gone) for text, gone in zip(texts, cuts, strict=True)]
    assert kept.column("text").to_pylist() == [t for t, s in zip(texts, share, strict=True) if not s > most]
    assert [*spans(verdicts, "max_share")] == [i for i, s in enumerate(share) if s > most]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(TEXT, max_size=3), max_size=5), STAGES)
def test_a_passage_lies_in_one_message_and_counts_once_a_record(rows: list[list[str]], stage: Spans) -> None:
    table = pa.Table.from_pylist([{"messages": [{"role": "user", "content": text} for text in row]} for row in rows])
    if not any(rows):
        return
    _, verdicts = stage(table)
    says = [
        [
            (f"messages[{k}]", c.start, c.end, f"{stage.unit} of {c.records} records")
            for k, gone in enumerate(r)
            for c in gone
        ]
        for r in expected(stage, rows)
    ]
    assert spans(verdicts) == {i: told for i, told in enumerate(says) if told}


@settings(deadline=None, max_examples=60)
@given(st.lists(TEXT, max_size=6), st.sampled_from(["line", "paragraph"]))
def test_one_of_everything_stays_and_nothing_goes_twice(texts: list[str], unit: Any) -> None:
    stage = Spans(unit, 1, min_chars=2)
    kept = stage(documents(texts))[0].column("text").to_pylist()
    assert {u.key for t in kept for u in naive.units(t, unit, 0)} == {
        u.key for t in texts for u in naive.units(t, unit, 0)
    } - {""}
    assert stage(documents(kept))[1].num_rows == 0


def test_fields_are_named_and_nulls_stay() -> None:
    same = "Choose the best of the answers."
    row = {"question": f"Why?\n{same}", "context": None, "choices": [same, "b"], "answer_index": 0, "answer": "a"}
    kept, verdicts = Spans(max_count=1, keep_first=False)(pa.Table.from_pylist([row, row]))
    assert spans(verdicts)[1] == [
        ("question", 5, 36, "line of 2 records"),
        ("choices[0]", 0, 31, "line of 2 records"),
    ]
    assert kept.to_pylist() == [{**row, "question": "Why?\n", "choices": ["", "b"]}] * 2


def rows_with_footers() -> list[dict[str, Any]]:
    """Rows of several lines, of which many share some."""
    rows = sentences(300)
    return [
        {**row, "text": f"{row['text']}\n\n{rows[k // 40]['text']}\nCopyright {k % 3}: all of it"}
        for k, row in enumerate(rows)
    ]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(("workers", "size", "memory"), [(2, 6_000, None), (1, 9_000, 256 << 20)])
def test_a_run_is_the_same_however_it_is_cut(
    tmp_path: Path, unit: str, workers: int, size: int, memory: int | None
) -> None:
    source = write_lines(tmp_path / "in.jsonl", rows_with_footers())
    stages = recipe("exact@1", {"spans@1": {"unit": unit, "max_count": 3, "words": 8}}, "quality.repetition@1")
    whole = tamis.run(stages, source, tmp_path / "whole", workers=1)
    cut = tamis.run(stages, source, tmp_path / "cut", workers=workers, partition_size=size, memory=memory)
    assert digests(whole.path) == digests(cut.path)


@pytest.mark.parametrize("unit", UNITS)
def test_a_run_cuts_what_the_naive_version_cuts(tmp_path: Path, unit: Any) -> None:
    rows, stage = rows_with_footers(), Spans(unit, 3, words=8)
    source = write_lines(tmp_path / "in.jsonl", rows)
    run = tamis.run(recipe({"spans@1": stage.params}), source, tmp_path / "run", workers=2, partition_size=5_000)
    cuts = [record[0] for record in expected(stage, [[row["text"]] for row in rows])]
    assert any(cuts)
    left = [naive.without(row["text"], gone) for row, gone in zip(rows, cuts, strict=True)]
    assert run.data().column("text").to_pylist() == [text for text in left if text.strip()]


def test_records_that_are_gone_do_not_count(tmp_path: Path) -> None:
    line = "All rights of this page are reserved."
    rows = [{"id": str(k // 2), "text": f"{k // 2}\n{line}"} for k in range(6)]
    run = tamis.run(recipe({"spans@1": {"max_count": 3}}), write_lines(tmp_path / "in.jsonl", rows), tmp_path / "run")
    assert run.facts["rows"]["kept"] == 3
    assert run.data().column("text").to_pylist() == [row["text"] for row in rows[::2]]


def test_of_many_equal_records_one_stays() -> None:
    kept, verdicts = Spans("window", 1, words=5)(documents(["the same few words all over"] * 3_000))
    assert kept.num_rows == 1
    assert verdicts.num_rows == 2 * 2_999


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"unit": "word"}, "unit is 'word'"),
        ({"action": "cut"}, "action 'cut'"),
        ({"max_count": 0}, "max_count is 0; it must be from 1 to"),
        ({"words": 0}, "words is 0; it must be from 1 to"),
        ({"min_chars": -1}, "min_chars is -1"),
        ({"max_share": 1.5}, "max_share is 1.5; it must be from 0 to 1"),
        ({"max_share": float("nan")}, "max_share is nan"),
    ],
)
def test_what_cannot_be_meant_is_refused(params: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Spans(**params)
