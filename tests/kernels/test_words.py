import naive_quality as naive
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.words import word_hash, words

TEXT = st.text(st.one_of(st.characters(exclude_categories=("Cs", "Cn")), st.sampled_from("abc éÉ日ไ\u0301\u200d 1_'-")))


def found(strings: pa.Array) -> list[list[str]]:
    data, got = strings.buffers()[2].to_pybytes(), words(strings)
    spelt = [data[a:b].decode() for a, b in zip(got.starts, got.stops, strict=True)]
    return [spelt[a:b] for a, b in zip(got.rows, got.rows[1:], strict=False)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't stop, now!", ["Don", "t", "stop", "now"]),
        ("snake_case x2 3.14", ["snake", "case", "x2", "3", "14"]),
        ("e\u0301te\u0301 \u0301a", ["e\u0301te\u0301", "a"]),
        ("日本語 and カナ2", ["日", "本", "語", "and", "カ", "ナ", "2"]),
        ("ที่นี่", ["ที่", "นี่"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("می\u200cروم", ["می\u200cروم"]),
        ("", []),
    ],
)
def test_word_is_a_run_of_letters_and_digits(text: str, expected: list[str]) -> None:
    assert found(pa.array([text])) == [expected] == [naive.words(text)]


@settings(deadline=None, max_examples=200)
@given(st.lists(TEXT, min_size=1), st.sampled_from([pa.string(), pa.large_string()]))
def test_words_equal_the_naive_ones_in_any_slice(texts: list[str], type: pa.DataType) -> None:
    whole = pa.array(["pad é", *texts, "pad"], type)
    assert found(whole.slice(1, len(texts))) == [naive.words(text) for text in texts]


@settings(deadline=None)
@given(TEXT)
def test_hash_is_of_the_word_in_lower_case(text: str) -> None:
    expected = [word_hash(naive.lower(word)) for word in naive.words(text)]
    assert words(pa.array([text])).hashes.tolist() == expected
