from itertools import pairwise

import naive_near as naive
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.shingles import CHUNK, SPREAD_OUT, shingle_sets

LETTERS = st.one_of(st.characters(exclude_categories=("Cs", "Cn")), st.sampled_from("abé日ไ\u0301 1_-"))
TEXTS = st.lists(st.one_of(st.none(), st.text(LETTERS), st.lists(st.sampled_from("ab")).map(" ".join)), min_size=1)
UNITS = st.sampled_from(["run", "word", "char"])


def found(strings: pa.Array, n: int, unit: str) -> list[list[int]]:
    values, rows = shingle_sets(strings, n, unit)
    return [values[a:b].tolist() for a, b in pairwise(rows)]


def expected(text: str | None, n: int, unit: str) -> list[int]:
    return sorted({naive.shingle(gram, unit) for gram in naive.ngrams(text or "", n, unit)})


@settings(deadline=None, max_examples=150)
@given(TEXTS, st.integers(1, 7), UNITS, st.sampled_from([pa.string(), pa.large_string()]))
def test_sets_equal_the_naive_ones_in_any_slice(texts: list[str | None], n: int, unit: str, type: pa.DataType) -> None:
    whole = pa.array(["pad é pad", *texts, "pad"], type)
    assert found(whole.slice(1, len(texts)), n, unit) == [expected(text, n, unit) for text in texts]


@pytest.mark.parametrize(("n", "words"), [(1, 2 * CHUNK), (5, 2 * CHUNK), (CHUNK + 3, CHUNK + 40)])
@pytest.mark.parametrize("unit", ["run", "char"])
def test_a_long_text_is_cut_into_pieces_and_nothing_shows_where(n: int, words: int, unit: str) -> None:
    text = " ".join(str(k * k % 7919) for k in range(words))[: 3 * words]
    assert found(pa.array([text, text]), n, unit) == [expected(text, n, unit)] * 2


def test_a_text_that_repeats_itself_has_the_set_of_what_it_says_once() -> None:
    once, often = found(pa.array(["a b c d " * 3, "a b c d " * (SPREAD_OUT // 2)]), 5, "word")
    assert len(once) == 4 and once == often


def test_a_long_text_that_does_not_is_sorted_where_it_is() -> None:
    count = SPREAD_OUT + CHUNK
    values, _ = shingle_sets(pa.array([" ".join(map(str, range(count)))]), 1, "word")
    assert len(values) == count and (values[1:] > values[:-1]).all()


@pytest.mark.parametrize(
    ("text", "n", "unit", "size"),
    [
        ("", 5, "word", 0),
        (" -\n", 5, "word", 0),
        ("one two", 5, "word", 1),
        ("a a a a a a a", 5, "word", 1),
        (" \t", 3, "char", 0),
    ],
)
def test_few_units_make_one_shingle_and_none_make_none(text: str, n: int, unit: str, size: int) -> None:
    assert len(found(pa.array([text]), n, unit)[0]) == size


def test_case_white_space_and_punctuation_do_not_count_in_words() -> None:
    values, rows = shingle_sets(pa.array(["The  sieve, turns\nÉté!", "the sieve TURNS été"]), 3)
    assert values[: rows[1]].tolist() == values[rows[1] :].tolist()


def test_no_array_and_no_n_below_one() -> None:
    assert found(pa.array([], pa.string()), 5, "word") == []
    with pytest.raises(ValueError, match="n is 0; a shingle has at least one unit"):
        shingle_sets(pa.array(["a"]), 0)
