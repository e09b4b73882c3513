import naive_near as naive
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.minhash import MOST_BANDS, MOST_PERMUTATIONS, Sketches, choose, met, permutations, sketch
from tamis.kernels.shingles import CHUNK

LETTERS = st.one_of(st.characters(exclude_categories=("Cs", "Cn")), st.sampled_from("abé日ไ\u0301 1_-"))
TEXTS = st.lists(st.one_of(st.none(), st.text(LETTERS)), min_size=1, max_size=5)
UNITS = st.sampled_from(["run", "word", "char"])


def check(strings: pa.Array, n: int, unit: str, bands: int, rows: int) -> None:
    a, b = permutations(bands * rows, 3)
    found = sketch(strings, n, unit, a, b, bands)
    texts = [text or "" for text in strings.to_pylist()]
    assert found.keys.tolist() == [naive.band_keys(t, n, unit, a.tolist(), b.tolist(), bands) for t in texts]
    assert found.count.tolist() == [len(naive.ngrams(t, n, unit)) for t in texts]


@settings(deadline=None, max_examples=100)
@given(TEXTS, st.integers(1, 6), UNITS, st.integers(1, 5), st.integers(1, 3))
def test_keys_and_counts_equal_the_naive_ones(
    texts: list[str | None], n: int, unit: str, bands: int, rows: int
) -> None:
    check(pa.array(["pad é", *texts, "pad"]).slice(1, len(texts)), n, unit, bands, rows)


@pytest.mark.parametrize(("n", "words"), [(1, 2 * CHUNK), (5, 2 * CHUNK), (CHUNK + 3, CHUNK + 40)])
def test_a_long_text_is_cut_into_pieces_and_nothing_shows_where(n: int, words: int) -> None:
    check(pa.array([" ".join(str(k * k % 7919) for k in range(words))]), n, "run", 3, 2)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.lists(st.sampled_from(["a", "B", "b", "日"]), max_size=4), min_size=2, max_size=2), UNITS)
def test_same_is_equal_where_all_units_are(pair: list[list[str]], unit: str) -> None:
    texts = [" - ".join(pair[0]), " - ".join(pair[1])]
    same = sketch(pa.array(texts), 2, unit, *permutations(2), 1).same
    assert (same[0] == same[1]).all() == (naive.units(texts[0], unit) == naive.units(texts[1], unit))


def test_same_tells_apart_what_sums_alone_would_not() -> None:
    """A Thue-Morse sequence and its complement: sums modulo 2^64 are equal whatever the base."""
    bits = [bin(k).count("1") % 2 for k in range(2048)]
    texts = [" ".join(["no", "yes"][bit ^ flip] for bit in bits) for flip in (0, 1)]
    first, second = sketch(pa.array(texts), 5, "word", *permutations(2), 1).same
    assert first[0] == second[0] and first[1] != second[1]


def test_a_key_says_its_band_and_an_empty_text_has_none() -> None:
    found = sketch(pa.array(["a b c d e f", " ", None]), 5, "word", *permutations(128, 1), MOST_BANDS)
    assert (found.keys[0] & np.uint64(63)).tolist() == list(range(64))
    assert not found.keys[1:].any() and not found.same[1:].any() and found.count.tolist() == [2, 0, 0]


def of_sets(left: list[int], right: list[int], bands: int, rows: int) -> Sketches:
    texts = [" ".join(f"w{k}" for k in words) for words in (left, right)]
    return sketch(pa.array(texts), 1, "word", *permutations(bands * rows, 11), bands)


@pytest.mark.parametrize("rows", [1, 2, 4])
@pytest.mark.parametrize(("shared", "own"), [(40, 30), (70, 15), (90, 5), (700, 150)])
def test_keys_are_shared_as_often_as_theory_says(shared: int, own: int, rows: int) -> None:
    """Over 100 pairs of 64 bands: the share of equal keys is J^rows, within four standard deviations of the mean."""
    rng, equal, pairs = np.random.default_rng(5), 0, 100
    for _ in range(pairs):
        words = rng.choice(10**6, shared + 2 * own, replace=False).tolist()
        keys = of_sets(words[: shared + own], words[own:], 64, rows).keys
        equal += int((keys[0] == keys[1]).sum())
    expected = (shared / (shared + 2 * own)) ** rows
    assert abs(equal / (64 * pairs) - expected) < 4 * (expected * (1 - expected) / (64 * pairs)) ** 0.5


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0])
@pytest.mark.parametrize("recall", [0.5, 0.9, 0.99])
def test_the_choice_keeps_recall_and_bounds(threshold: float, recall: float) -> None:
    bands, rows = choose(threshold, recall)
    assert met(threshold, bands, rows) >= recall
    assert bands <= MOST_BANDS and bands * rows <= MOST_PERMUTATIONS


@pytest.mark.parametrize(("threshold", "expected"), [(0.5, (35, 3)), (0.7, (17, 4)), (0.8, (9, 4)), (0.9, (9, 4))])
def test_the_choice_at_usual_thresholds(threshold: float, expected: tuple[int, int]) -> None:
    assert choose(threshold, 0.99) == expected


@pytest.mark.parametrize(("threshold", "recall"), [(0.05, 0.99), (0.7, 1.0)])
def test_what_is_out_of_reach_is_said_with_numbers(threshold: float, recall: float) -> None:
    with pytest.raises(
        ValueError, match=rf"a recall of {recall} at a threshold of {threshold} is out of reach: 64 bands"
    ):
        choose(threshold, recall)


def test_bands_must_divide_the_permutations() -> None:
    with pytest.raises(ValueError, match="10 and 10 numbers in 3 bands"):
        sketch(pa.array(["a"]), 5, "word", *permutations(10), 3)
