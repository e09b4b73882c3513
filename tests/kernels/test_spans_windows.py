"""Runs of words stand for windows; windows are found wherever they are."""

from __future__ import annotations

import naive_spans as naive
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.spans_windows import find_windows, run_keys, window_keys

WORDS = st.lists(st.sampled_from("abcdefgh日"), max_size=40).map(" ".join)
TYPES = st.sampled_from([pa.string(), pa.large_string()])


def sliced(texts: list[str], type: pa.DataType) -> pa.Array:
    return pa.array(["pad a b c", *texts, "pad"], type).slice(1, len(texts))


def one_each(texts: list[str]) -> np.ndarray:
    return np.arange(len(texts) + 1)


@settings(deadline=None, max_examples=200)
@given(WORDS, WORDS, WORDS, st.lists(st.sampled_from("abcdefgh日"), min_size=1, max_size=12), TYPES)
def test_texts_that_share_a_window_have_chosen_a_run_of_it(
    a: str, b: str, c: str, passage: list[str], type: pa.DataType
) -> None:
    shared = " ".join(passage)
    keys, ends = run_keys(sliced([f"{a} {shared} {b}", f"{c}, {shared}."], type), np.arange(3), len(passage))
    assert set(keys[: ends[1]]) & set(keys[ends[1] :])


@settings(deadline=None, max_examples=200)
@given(st.lists(WORDS, max_size=4), st.integers(1, 9), TYPES)
def test_windows_around_all_runs_are_all_windows(texts: list[str], n: int, type: pa.DataType) -> None:
    strings = sliced(texts, type)
    marks, at = run_keys(strings, one_each(texts), n)
    keys, ends = window_keys(strings, one_each(texts), n, marks, at)
    wanted = [{unit.key for unit in naive.windows(text, n)} for text in texts]
    assert np.diff(ends).tolist() == [len(own) for own in wanted]
    assert len(np.unique(keys)) == len(set().union(*wanted))


def test_few_runs_are_chosen_and_their_keys_are_evenly_spread() -> None:
    rng = np.random.default_rng(5)
    text = " ".join(str(n) for n in rng.integers(0, 10_000, 20_000))
    keys, _ = run_keys(pa.array([text]), np.arange(2), 50)
    assert 0.9 < len(keys) / (20_000 * 2 / 27) < 1.1
    assert 0.4 < (keys < 2**63).mean() < 0.6


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("see (a b c), d", "see d"),
        ("a b c", ""),
        ("see a b c.\n\nd", "see \n\nd"),
        ("see:\n  a b c.\n \n  d", "see:\n    d"),
        ("x-a b c-y", "x-y"),
        ("“a b c” d", "d"),
        ("日a b c日", "日日"),
        ("a b c a b c d", "d"),
    ],
)
def test_what_touches_a_window_goes_with_it(text: str, left: str) -> None:
    strings = pa.array([text])
    keys, _ = window_keys(pa.array(["a b c a b"]), np.arange(2), 3, *run_keys(pa.array(["a b c a b"]), np.arange(2), 3))
    found = find_windows(strings, keys, np.ones(len(keys), np.uint32), np.array([[0, len(keys)]]), 3)
    data = text.encode()
    for _, start, stop, _ in found[::-1].tolist():
        data = data[:start] + data[stop:]
    assert data.decode() == left
