import gzip
import io
import json
from pathlib import Path

import naive_quality as naive
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.text import COUNTS, counts

SHARED = Path(__file__).parents[2] / "../shared/data"

PIECES = [
    *(
        "the",
        "Of",
        "and",
        "a",
        "é",
        "e\u0301",
        "日本",
        "ไท",
        "क्ष",
        "x²",
        "10.5",
        "ok.ok",
        "K",
        "İ",
        "Σ",
        "👍🏽",
        "a" * 1001,
    ),
    *(
        "#",
        "{",
        "...",
        "....",
        "…",
        ".",
        "!",
        "?",
        "。",
        "।",
        '"',
        "”",
        "」",
        "-",
        "•",
        "[12]",
        "[edit]",
        "[citation needed]",
    ),
    *("lorem ipsum", "Terms of Use", "use cookies", "use of cookies", "JavaScript", "privacy policy", "of use"),
    *("\n", "\n\n", "\r\n", "\r", "\u2028", "\x85", "\x1c", "\v", "\u00a0", "\t", "\u200d", "\u0301", "\x00"),
]
ODD = st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(["", " ", " ", "\n"])), max_size=60)
TEXT = st.one_of(ODD.map(lambda parts: "".join(a + b for a, b in parts)), st.text(max_size=80))


def rows(strings: pa.Array, **options: int) -> list[dict[str, int]]:
    return [dict(zip(COUNTS, row, strict=True)) for row in counts(strings, **options).T.tolist()]


@settings(deadline=None, max_examples=200)
@given(st.lists(TEXT, min_size=1, max_size=4))
def test_counts_equal_the_naive_ones(texts: list[str]) -> None:
    assert rows(pa.array(texts)) == [naive.counts(text) for text in texts]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sampled_from("abc"), max_size=80).map(" ".join))
def test_repetition_equals_the_naive_one_where_all_is_repetition(text: str) -> None:
    assert rows(pa.array([text])) == [naive.counts(text)]


@settings(deadline=None, max_examples=50)
@given(TEXT)
def test_only_the_first_things_are_compared(text: str) -> None:
    assert rows(pa.array([text * 3]), compared=7) == [naive.counts(text * 3, compared=7)]


@settings(deadline=None, max_examples=50)
@given(st.lists(TEXT, min_size=2, max_size=5), st.integers(0, 5), st.sampled_from([pa.string(), pa.large_string()]))
def test_counts_do_not_depend_on_slice_type_or_neighbours(texts: list[str], cut: int, type: pa.DataType) -> None:
    array = pa.array(texts, type)
    both = [*rows(array.slice(0, cut)), *rows(array.slice(cut))]
    assert both == [row for text in texts for row in rows(pa.array([text]))]


def test_no_strings_and_empty_strings_count_nothing() -> None:
    assert counts(pa.array([], pa.string())).shape == (len(COUNTS), 0)
    assert not counts(pa.array(["", ""])).any()


def test_time_grows_with_the_text_where_all_is_repetition() -> None:
    assert counts(pa.array(["a " * 3_000_000]))[COUNTS.index("dup_10gram_chars"), 0] == (1 << 20) - 1


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("It ends as it should.", True),
        ("It is a citation.[12] [edit]", True),
        ("He said “so be it”", True),
        ("It trails off...", False),
        ("It trails off…", False),
        ("It has no end", False),
        ("Too short.", False),
        ("Please enable JavaScript now.", False),
        ("See our Privacy-Policy for it.", False),
        ("This site uses cookies today.", False),
        ("In terms of used cars, fine.", True),
        ("x" * 1001 + " is too long.", False),
        ("x" * 1000 + " is not too long.", True),
    ],
)
def test_c4_keeps_a_line(text: str, kept: bool) -> None:
    assert bool(counts(pa.array([text]))[COUNTS.index("c4_sentences"), 0]) == kept


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("One is here. Two is here! And three", 3),
        ("It costs 3.50 at example.com today.", 1),
        ("これは文です。これも文です。", 2),
        ("Really?! Yes... it is.", 3),
        ("?!... .", 0),
    ],
)
def test_sentence_ends_at_a_mark_that_no_letter_follows(line: str, expected: int) -> None:
    assert counts(pa.array([line]))[COUNTS.index("c4_sentences_any_end"), 0] == (expected if len(line) > 8 else 0)
    assert naive.sentences(line) == expected


def lines_of(path: Path) -> list[dict[str, object]]:
    data = path.read_bytes()
    plain = gzip.decompress(data) if path.suffix == ".gz" else zstandard.ZstdDecompressor().stream_reader(data).read()
    return [json.loads(line) for line in io.BytesIO(plain)]


@pytest.mark.skipif(not SHARED.exists(), reason="the shared corpora are not beside the checkout")
@pytest.mark.parametrize(
    ("name", "step"),
    [("langid/udhr2.jsonl.zst", 40), ("langid/lingua_sentences_a.jsonl.zst", 40), ("raw/c4_demo.jsonl.zst", 10)],
)
def test_counts_equal_the_naive_ones_on_real_rows(name: str, step: int) -> None:
    texts = [str(row.get("text") or row) for row in lines_of(SHARED / name)[::step]]
    assert rows(pa.array(texts)) == [naive.counts(text) for text in texts]


@pytest.mark.skipif(not SHARED.exists(), reason="the shared corpora are not beside the checkout")
def test_counts_equal_the_naive_ones_on_webmix() -> None:
    table = pq.ParquetFile(SHARED / "bench/webmix.parquet").read_row_group(0, columns=["text"])
    texts = table.column("text").take(np.arange(0, table.num_rows, max(1, table.num_rows // 80))).to_pylist()
    assert rows(pa.array(texts)) == [naive.counts(text) for text in texts]
