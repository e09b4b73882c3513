import naive_grams as naive
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.grams import CHUNK, grams

TEXT = st.text(
    st.one_of(st.characters(exclude_categories=("Cs", "Cn")), st.sampled_from("abC éÉ日ไȺ\u0301\u200d 1_'-"))
)
OF = {"sha1": naive.sha1, "xxh64": naive.xxh64}


def hashed(strings: pa.Array, n: int, hash: str) -> list[list[int]]:
    found = grams(strings, n, hash)
    return [found.hashes[a:b].tolist() for a, b in zip(found.rows, found.rows[1:], strict=False)]


@settings(deadline=None, max_examples=150)
@given(st.lists(TEXT, min_size=1), st.integers(1, 4), st.sampled_from(sorted(OF)), st.booleans())
def test_grams_equal_the_naive_ones_in_any_slice(texts: list[str], n: int, hash: str, large: bool) -> None:
    whole = pa.array(["pad é", *texts, "pad"], pa.large_string() if large else pa.string())
    expected = [[OF[hash](gram) for gram in naive.grams(text, n)] for text in texts]
    assert hashed(whole.slice(1, len(texts)), n, hash) == expected


@pytest.mark.parametrize("n", [1, 5, CHUNK + 1])
@pytest.mark.parametrize("words", [CHUNK - 1, CHUNK, CHUNK + 4, CHUNK + 5, 3 * CHUNK + 4])
def test_a_text_of_many_words_is_hashed_piece_by_piece(words: int, n: int) -> None:
    text = " ".join(f"w{k % 97}é" for k in range(words))
    assert hashed(pa.array([text]), n, "xxh64") == [[naive.xxh64(gram) for gram in naive.grams(text, n)]]


@pytest.mark.parametrize("text", ["Ⱥ日" * 1500 + "end", "x" * 5000 + " y " + "Ä" * 3000, "日" * 2000])
def test_words_that_grow_or_touch_fit(text: str) -> None:
    assert hashed(pa.array([text]), 2, "sha1") == [[naive.sha1(gram) for gram in naive.grams(text, 2)]]


def test_a_text_without_a_word_has_none() -> None:
    assert hashed(pa.array(["", " — ", None], pa.string()), 3, "sha1") == [[], [], []]
