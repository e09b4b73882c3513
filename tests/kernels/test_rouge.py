from __future__ import annotations

import naive_quality
import naive_rouge as naive
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.rouge import longest_common, most_alike, rouge_l
from tamis.kernels.words import words

FEW = st.lists(st.integers(0, 5), max_size=12)
LONG = st.builds(
    lambda seed, n: np.random.default_rng(seed).integers(0, 30, n).tolist(), st.integers(0, 999), st.integers(0, 200)
)


def hashed(texts: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    rows = np.cumsum([0, *map(len, texts)]).astype(np.int64)
    return np.array([n for text in texts for n in text], np.uint64), rows


@settings(deadline=None, max_examples=150)
@given(FEW | LONG, st.lists(FEW | LONG, max_size=4))
def test_longest_common_equals_the_naive_one(one: list[int], texts: list[list[int]]) -> None:
    got = longest_common(np.array(one, np.uint64), *hashed(texts))
    assert got.tolist() == [naive.lcs(one, text) for text in texts]


@settings(deadline=None, max_examples=150)
@given(FEW, st.lists(FEW, max_size=6))
def test_most_alike_is_the_first_of_the_highest(one: list[int], texts: list[list[int]]) -> None:
    at, best = most_alike(np.array(one, np.uint64), *hashed(texts))
    all_ = [naive.f_measure(one, text) for text in texts]
    assert best == pytest.approx(max(all_, default=0.0))
    assert at == (-1 if best == 0 else next(k for k, f in enumerate(all_) if f == pytest.approx(best)))


@settings(deadline=None, max_examples=60)
@given(*[st.text("ab cd, e'é日\n", max_size=40)] * 2)
def test_rouge_l_is_what_rouge_score_says_of_the_same_words(one: str, other: str) -> None:
    scorer = pytest.importorskip("rouge_score.rouge_scorer")

    class OurWords:
        def tokenize(self, text: str) -> list[str]:
            return [word.lower() for word in naive_quality.words(text)]

    theirs = scorer.RougeScorer(["rougeL"], tokenizer=OurWords()).score(one, other)["rougeL"].fmeasure
    found = words(pa.array([one, other]))
    first, second = (found.hashes[a:b] for a, b in zip(found.rows, found.rows[1:], strict=False))
    assert rouge_l(first, second) == pytest.approx(theirs)
