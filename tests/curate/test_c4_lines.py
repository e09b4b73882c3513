import naive_quality as naive
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.curate.quality import C4Lines
from tamis.engine import isolate
from tamis.kernels.text import COUNTS, counts
from tamis.schemas import MESSAGES, kind

LINES = [
    "It is a fine day.",
    "no end",
    "Two words.",
    "Turn on JavaScript now.",
    "Read our privacy policy.",
    "é日本 “so”",
    "x" * 1001 + " b c.",
]
BREAKS = ["\n", "\n\n", "\r\n", "\u2028", " \n \n", ""]
TEXT = st.lists(st.tuples(st.sampled_from([*LINES, "", " "]), st.sampled_from(BREAKS))).map(
    lambda parts: "".join(a + b for a, b in parts)
)


def documents(texts: list[str], type: pa.DataType | None = None) -> pa.RecordBatch:
    return pa.record_batch({"text": pa.array(texts, type or pa.string())})


def cut(batch: pa.RecordBatch, stage: C4Lines | None = None) -> tuple[pa.RecordBatch, list[dict[str, object]]]:
    """The columns measured, and the decisions."""
    stage = stage or C4Lines()
    measured = stage.measure(batch)
    return measured, stage.decide(measured.select(stage.scores.names)).to_pylist()


@settings(deadline=None, max_examples=200)
@given(st.lists(TEXT, min_size=1, max_size=4), st.booleans(), st.sampled_from([pa.string(), pa.large_string()]))
def test_lines_go_as_in_the_naive_version(texts: list[str], end_mark: bool, type: pa.DataType) -> None:
    batch = documents(["no end\nYes, this one is whole.", *texts], type).slice(1)
    measured, found = cut(batch, C4Lines(end_mark))
    expected = [naive.cut_lines(text, end_mark) for text in texts]
    left = measured["text"] if "text" in measured.schema.names else batch["text"]
    assert left.to_pylist() == [kept for kept, _ in expected]
    spans = {row: cuts for row, (_, cuts) in enumerate(expected) if cuts}
    assert {d["row"]: [(s["start"], s["end"], s["label"]) for s in d["spans"]] for d in found} == spans


@settings(deadline=None, max_examples=100)
@given(TEXT)
def test_what_is_left_has_the_same_sentences_and_is_left_again(text: str) -> None:
    measured, _ = cut(documents([text, "no end"]))
    left = measured["text"].slice(0, 1)
    k = COUNTS.index("c4_sentences")
    assert counts(left)[k] == counts(pa.array([text]))[k] == counts(left)[k + 1]
    assert cut(pa.record_batch({"text": left}))[1] == []


def test_rules_of_one_row_are_joined_and_lines_counted() -> None:
    _, found = cut(documents(["It is a fine day.\nno end\nno end either\nTwo words."]))
    assert [(d["rule"], d["value"]) for d in found] == [("no_terminal+few_words", 3.0)]


def test_nothing_is_returned_anew_where_no_line_goes() -> None:
    measured, found = cut(documents(["It is a fine day.", "", "\n"]))
    assert measured.schema.names == C4Lines.scores.names
    assert found == []


def test_spans_name_the_message() -> None:
    said = [
        {"role": "user", "content": "It is a fine day."},
        {"role": "tool", "content": None},
        {"role": "user", "content": "no"},
    ]
    envelope = {f.name: pa.array([None, None], f.type) for f in kind("chat").schema if f.name != "messages"}
    batch = pa.record_batch({**envelope, "messages": pa.array([[], said], MESSAGES)})
    measured, found = cut(batch)
    assert [m["content"] for m in measured["messages"].to_pylist()[1]] == ["It is a fine day.", None, ""]
    assert [(d["row"], d["spans"][0]["field"]) for d in found] == [(1, "messages[2]")]


@pytest.mark.parametrize("rows", [0, 1])
def test_empty_batches_and_texts_pass(rows: int) -> None:
    measured, found = cut(documents([""] * rows))
    assert (measured.num_rows, found) == (rows, [])


def test_a_decision_names_only_rules_the_stage_has() -> None:
    batch = documents(["no end", "It is a fine day."])
    stage = C4Lines()
    assert isolate.decide(stage, stage.measure(batch).select(stage.scores.names)).num_rows == 1
