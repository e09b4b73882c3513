"""Metrics beside their definitions, and beside lm-eval's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.evaluate.metrics import answer, choices, of_type, pass_at, refuses, text, total, weight

WORDS = st.lists(st.sampled_from(["the", "a", "cat", "dog", "sat", "on", "mat", "3", "12.5", "é"]), max_size=8).map(
    " ".join
)


def scored(metric: str, response: str, *targets: str, **more: Any) -> float:
    """One metric of one response, taken as the answer it holds."""
    return answer(response, response.strip(), targets, [metric], **more)[metric]


@pytest.mark.parametrize(
    "metric, response, target, value",
    [
        ("exact_match", "Paris", "Paris", 1),
        ("exact_match", "paris", "Paris", 0),
        ("contains", "It is the Paris of old.", "Paris", 1),
        ("contains", "Parisian", "Paris", 0),
        ("f1", "the cat sat", "a cat sat down", 4 / 5),
        ("f1", "the", "a", 1),
        ("f1", "", "cat", 0),
        ("rouge1", "the cat", "the cat sat", 0.8),
        ("rouge2", "the cat", "the cat sat", 2 / 3),
        ("rougeL", "cat the", "the cat", 0.5),
        ("bleu", "the cat sat on the mat", "the cat sat on the mat", 100),
        ("chrf", "the cat", "the cat", 100),
        ("refusal", "I’m sorry, but I can't help with that.", "", 1),
        ("refusal", "Sorry seems to be the hardest word", "", 0),
    ],
)
def test_a_response_scores(metric: str, response: str, target: str, value: float) -> None:
    assert scored(metric, response, target) == pytest.approx(value)


def test_of_several_right_answers_the_nearest_counts() -> None:
    assert scored("exact_match", "b", "a", "b") == 1 and scored("f1", "c d", "a b", "c e") == 0.5


PASSAGES = ["Rome is the capital of Italy.", "Paris is the capital of France.", "Lyon is a city."]


@pytest.mark.parametrize(
    "response, supporting, grounded, precision, recall",
    [
        ("It is Paris [2].", (), 1, 1, 1),
        ("It is Paris [1].", (), 0, 0, 0),
        ("It is Paris.", (), 0, 0, 0),
        ("It is Rome [2].", (), 0, 1, 1),
        ("It is Paris [1][2].", (), 1, 0.5, 1),
        ("It is Paris [2, 3].", (2, 3), 1, 1, 1),
        ("It is Paris [2].", (2, 3), 1, 1, 0.5),
        ("It is Paris [9].", (), 0, 0, 0),
    ],
)
def test_an_answer_is_grounded_where_a_passage_it_cites_supports_it(
    response: str, supporting: tuple[int, ...], grounded: float, precision: float, recall: float
) -> None:
    names = ["grounded", "citation_precision", "citation_recall"]
    found = answer(response, response, ["Paris"], names, passages=PASSAGES, supporting=supporting)
    assert [found[name] for name in names] == [grounded, precision, recall]


@given(st.lists(st.tuples(WORDS, WORDS.filter(bool)), min_size=1, max_size=6))
def test_of_a_task_bleu_and_chrf_are_those_of_lm_eval(pairs: list[tuple[str, str]]) -> None:
    theirs = pytest.importorskip("lm_eval.api.metrics", reason="the extra eval is not installed")
    samples = [{"extracted": own, "target": target} for own, target in pairs]
    for name in ("bleu", "chrf"):
        assert total(name, [0.0] * len(pairs), samples) == getattr(theirs, name)([(t, o) for o, t in pairs])


@given(st.lists(st.floats(-50, -0.1), min_size=2, max_size=5), st.data())
def test_of_choices_the_likeliest_is_taken(lls: list[float], data: st.DataObject) -> None:
    right = data.draw(st.integers(0, len(lls) - 1))
    texts = ["é" * (k + 1) for k in range(len(lls))]
    found = choices(lls, texts, [right], of_type("multiple_choice"))
    assert found["acc"] == float(np.argmax(lls) == right)
    assert found["acc_norm"] == float(np.argmax([ll / len(t) for ll, t in zip(lls, texts, strict=True)]) == right)
    odds = np.exp(np.array(lls)) / np.exp(np.array(lls)).sum()
    assert found["brier_score"] == pytest.approx(sum((o - (k == right)) ** 2 for k, o in enumerate(odds)), abs=1e-9)


def test_perplexities_of_a_task_weigh_its_words_and_bytes() -> None:
    samples = [{"loglikelihoods": [-4.0], "prompt": "a b"}, {"loglikelihoods": [-9.0], "prompt": "é"}]
    assert total("word_perplexity", [0, 0], samples) == pytest.approx(np.exp(13 / 3))
    assert total("byte_perplexity", [0, 0], samples) == pytest.approx(np.exp(13 / 5))
    assert total("bits_per_byte", [0, 0], samples) == pytest.approx(13 / 5 / np.log(2))
    assert [weight("word_perplexity", "a b"), weight("bits_per_byte", "é"), weight("acc", "a b")] == [2, 2, 1]
    assert text(-4.0, "a b", ["word_perplexity"])["word_perplexity"] == pytest.approx(np.exp(2))


@pytest.mark.parametrize("n, right, k", [(5, 2, 1), (5, 2, 3), (10, 0, 5), (4, 4, 2), (6, 3, 4)])
def test_pass_at_k_is_the_share_of_draws_with_one_that_passes(n: int, right: int, k: int) -> None:
    from itertools import combinations

    draws = list(combinations(range(n), k))
    assert pass_at(k, n, right) == pytest.approx(sum(any(i < right for i in draw) for draw in draws) / len(draws))


def test_a_refusal_begins_as_one() -> None:
    assert refuses("Unfortunately, I cannot help with that.") and not refuses("Here is how: I cannot stress enough …")
