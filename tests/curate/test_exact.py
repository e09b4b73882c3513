import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_exact import fold, losers

from tamis.curate.exact import Exact
from tamis.errors import ColumnMissing, UsageError
from tamis.kernels.url import normalised
from tamis.schemas import KINDS

WEBMIX = Path(__file__).parents[2] / "../shared/data/bench/webmix.parquet"
# Case pairs that came after Unicode 14: a newer Python than the table's knows them.
KNOWN = st.characters(exclude_categories=["Cs", "Cn"], exclude_characters="\ua7cb\ua7cc\ua7da\ua7dc")
FEW = st.text(st.sampled_from("aAbBéÉe\u0301İi \n\t\u00a0\u3000ẞßΣσς"), max_size=12)


def resolved(stage: Exact, batch: pa.RecordBatch) -> dict[int, int]:
    """Position of each loser, and of whom it lost to."""
    n = batch.num_rows
    ids = [hashlib.md5(str(i).encode()).digest() for i in range(n)]
    sketch = stage.sketch(batch)
    table = pa.table(
        {"ordinal": pa.array(range(n), pa.uint64()), "record_id": pa.array(ids, pa.binary(16))}
        | {name: sketch.column(name) for name in sketch.schema.names}
    )
    rows = stage.resolve(table).to_pylist()
    assert [row["ordinal"] for row in rows] == sorted(row["ordinal"] for row in rows)
    assert all(row["rule"] == "duplicate" and row["value"] == 1.0 for row in rows)
    return {row["ordinal"]: ids.index(row["peer_id"]) for row in rows}


def documents(texts: list[str], **columns: Any) -> pa.RecordBatch:
    return pa.record_batch({"text": pa.array(texts, pa.string()), **columns})


def chats(rows: list[list[tuple[str, str]]]) -> pa.RecordBatch:
    messages = [[{"role": role, "content": content, "extra": None} for role, content in row] for row in rows]
    return pa.record_batch({"messages": pa.array(messages, KINDS["chat"].fields[0].type)})


@settings(deadline=None, max_examples=150)
@given(st.lists(FEW | st.text(KNOWN)), st.booleans())
def test_the_first_of_the_same_text_stays(texts: list[str], normalise: bool) -> None:
    values = [(fold(text) if normalise else text) or None for text in texts]
    assert resolved(Exact(normalise=normalise), documents(texts)) == losers(values, [0] * len(texts))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(FEW, st.none() | st.integers(0, 3))))
def test_the_best_stays(rows: list[tuple[str, int | None]]) -> None:
    batch = documents([text for text, _ in rows], score=pa.array([score for _, score in rows], pa.int8()))
    ranks = [-1 if score is None else score for _, score in rows]
    assert resolved(Exact(keep="best:score"), batch) == losers([fold(text) or None for text, _ in rows], ranks)


@settings(deadline=None, max_examples=50)
@given(st.lists(FEW))
def test_the_longest_stays(texts: list[str]) -> None:
    got = resolved(Exact(keep="longest"), documents(texts))
    assert got == losers([fold(text) or None for text in texts], [len(text) for text in texts])


def test_a_key_does_not_depend_on_the_batch_it_came_in() -> None:
    batch = documents(["a", "b", "A", "", "b e\u0301"])
    alone = [Exact().sketch(batch.slice(i, 1)).column("key")[0].as_py() for i in range(5)]
    assert alone == Exact().sketch(batch).column("key").to_pylist()


def test_a_chat_is_its_messages_with_their_roles() -> None:
    rows = [
        [("user", "Hi"), ("assistant", "Yes")],
        [("assistant", "Hi"), ("user", "Yes")],
        [("user", "Hi\n\nYes")],
        [("User", "hi "), ("assistant", "yes")],
        [("user", "")],
        [("user", "")],
        [],
    ]
    assert resolved(Exact(), chats(rows)) == {3: 0}


def test_choices_are_told_apart_string_by_string() -> None:
    columns = {
        "question": pa.array(["q"] * 4),
        "context": pa.nulls(4, pa.string()),
        "choices": pa.array([["ab", "c"], ["a", "bc"], None, ["ab", "C"]]),
        "answer_index": pa.nulls(4, pa.int32()),
        "answer": pa.nulls(4, pa.string()),
    }
    assert resolved(Exact(), pa.record_batch(columns)) == {3: 0}
    assert resolved(Exact(on="question"), pa.record_batch(columns)) == {1: 0, 2: 0, 3: 0}


@pytest.mark.parametrize(
    ("on", "column"),
    [
        ("url", ["http://A.org:80/x/?utm_source=q#top", "http://a.org/X", "HTTP://a.org/x", None, None]),
        ("id", ["7", "8", "7", "", ""]),
        ("n", [7, 8, 7, None, None]),
    ],
)
def test_any_field_can_be_compared(on: str, column: list[Any]) -> None:
    assert resolved(Exact(on=on), documents(list("abcde"), **{on: pa.array(column)})) == {2: 0}


def test_several_fields_must_all_be_the_same() -> None:
    batch = documents(["a", "a", "A"], url=pa.array(["u", "v", "u"]))
    assert resolved(Exact(on=("text", "url")), batch) == {2: 0}


def test_the_most_permissive_licence_stays() -> None:
    batch = documents(["a"] * 4, license=pa.array([None, "CC-BY-NC-4.0", "MIT", "MIT"]))
    assert resolved(Exact(keep="license"), batch) == {0: 2, 1: 2, 3: 2}


URLS = st.lists(
    st.sampled_from(["http://", "HTTPS://", "a.B", "@", ":80", ":443", ":", "/", "?", "&", "#", "utm_x=1", "q=A"])
)


@settings(deadline=None, max_examples=200)
@given(URLS.map("".join))
def test_writing_a_url_alike_twice_changes_nothing(url: str) -> None:
    once = normalised(pa.array([url]))
    assert normalised(once) == once


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("HTTP://Example.org:80/a/?b=2&utm_source=x&a=1#top", "http://example.org/a?b=2&a=1"),
        ("https://Me:Pw@Ex.ORG:443", "https://Me:Pw@ex.org"),
        ("https://ex.org:80/?GCLID=1", "https://ex.org:80"),
        ("https://ex.org/?gclids=1&utm=2", "https://ex.org?gclids=1&utm=2"),
        ("http://[::1]:80/x", "http://[::1]/x"),
        ("not a url", "not a url"),
        ("mailto:A@B.c", "mailto:A@B.c"),
    ],
)
def test_a_url_is_written_as_documented(url: str, written: str) -> None:
    assert normalised(pa.array([None, url, "x"]).slice(0, 2)).to_pylist() == [None, written]


def test_an_unknown_keep_is_refused() -> None:
    with pytest.raises(UsageError, match="keep is 'best:'; it can be first, longest"):
        Exact(keep="best:")


def test_a_field_that_is_not_there_is_named() -> None:
    with pytest.raises(ColumnMissing, match="'titel'"):
        Exact(on="titel").sketch(documents(["a"]))


@pytest.mark.skipif(not WEBMIX.exists(), reason="webmix is not here")
def test_webmix_has_its_87297_texts() -> None:
    texts = pq.read_table(WEBMIX, columns=["text"])
    keys = [Exact(normalise=False).sketch(batch).column("key") for batch in texts.to_batches()]
    assert len(np.unique(pa.chunked_array(keys).to_numpy())) == 87_297


@pytest.mark.parametrize("on", ["", (), []])
def test_comparing_nothing_is_refused(on: Any) -> None:
    with pytest.raises(UsageError, match="leave it out"):
        Exact(on=on)
