"""Hashed n-grams are what plain Python says, and a score is their weights."""

from __future__ import annotations

import math

import naive_classify as naive
import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tamis.kernels.hashed import scored, slots

BITS, NGRAM = 10, 4
ASCII = st.lists(st.text("abcXYZ019 .,\n", max_size=80), min_size=1, max_size=5)
WEIGHTS = np.random.default_rng(5).normal(size=(2, 1 << BITS)).astype(np.float32)


@given(ASCII)
def test_slots_are_those_of_plain_python(texts: list[str]) -> None:
    found = slots(pa.array(texts), BITS, NGRAM, 1 << 16)
    for k, text in enumerate(texts):
        own = found.slots[found.rows[k] : found.rows[k + 1]].tolist()
        words, runs = naive.slots(text, BITS, NGRAM)
        assert sorted(own) == sorted([*words, *(s + (1 << BITS) for s in runs)])


@given(ASCII)
def test_a_score_is_the_sum_of_plain_python(texts: list[str]) -> None:
    for text, score in zip(texts, scored(pa.array(texts), WEIGHTS, 0.5, NGRAM, 1 << 16), strict=True):
        wanted = naive.score(text, WEIGHTS.tolist(), 0.5, BITS, NGRAM)
        assert math.isclose(score, wanted, abs_tol=1e-9) or (math.isnan(score) and math.isnan(wanted))


@given(st.lists(st.text(max_size=60), min_size=1, max_size=5))
def test_a_score_is_the_product_of_slots_and_weights(texts: list[str]) -> None:
    strings = pa.array(texts)
    found, flat = slots(strings, BITS, NGRAM, 64), WEIGHTS.reshape(-1).astype(np.float64)
    for k, score in enumerate(scored(strings, WEIGHTS, 0.0, NGRAM, 64)):
        own = slice(found.rows[k], found.rows[k + 1])
        if own.start == own.stop:
            assert math.isnan(score) or score == 0.0
        else:
            assert math.isclose(score, float(flat[found.slots[own]] @ found.values[own]), abs_tol=1e-5)


@given(st.text(min_size=1, max_size=40), st.integers(1, 40))
def test_a_text_is_looked_at_up_to_the_limit(text: str, limit: int) -> None:
    cut = text.encode()[:limit].decode(errors="ignore")
    scores = scored(pa.array([text, cut]), WEIGHTS, 0.0, NGRAM, limit)
    assert scores[0] == scores[1] or np.isnan(scores).all()
