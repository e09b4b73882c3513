"""Differences of two models beside their definitions."""

from __future__ import annotations

import naive_evaluate as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.statistics import clustered_mean, detectable, holm, mcnemar, needed, paired, share
from tamis.statistics.jackknife import jackknife
from tamis.statistics.paired import of_shares

BITS = st.lists(
    st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 1.0]), st.integers(0, 5)), min_size=2, max_size=40
)


def codes(clusters: list[int]) -> np.ndarray:
    return np.unique(clusters, return_inverse=True)[1]


@given(BITS)
@settings(deadline=None, max_examples=60)
def test_the_error_is_the_clustered_one(rows: list[tuple[float, float, int]]) -> None:
    first, second, clusters = (list(column) for column in zip(*rows, strict=True))
    found = paired(np.array(first), np.array(second), codes(clusters))
    if len(set(clusters)) == 1:
        assert found.error is None and found.p is None and found.value.low is None
        return
    apart = [a - b for a, b in zip(first, second, strict=True)]
    assert found.error == pytest.approx(naive.mean_error(apart, clusters), abs=1e-12)
    assert found.value.value == pytest.approx(sum(apart) / len(apart))


@given(BITS)
@settings(deadline=None, max_examples=60)
def test_the_interval_holds_the_difference_and_turns_with_it(rows: list[tuple[float, float, int]]) -> None:
    first, second, clusters = (np.array(column) for column in zip(*rows, strict=True))
    one, other = (of_shares(d, codes(clusters.tolist())) for d in (first - second, second - first))
    if one.low is None or one.high is None:
        return
    assert -1 <= one.low <= one.value <= one.high <= 1
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-12)


@given(st.integers(0, 60), st.integers(0, 60))
@settings(deadline=None, max_examples=60)
def test_mcnemar_is_exact(won: int, lost: int) -> None:
    assert mcnemar(won, lost) == pytest.approx(naive.mcnemar(won, lost), abs=1e-12)


def test_mcnemar_agrees_with_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    assert mcnemar(360, 76) == pytest.approx(stats.binomtest(76, 436).pvalue, rel=1e-9)


def test_students_test_agrees_with_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    random = np.random.default_rng(0)
    first, second = random.random(50), random.random(50)
    assert paired(first, second, np.arange(50)).p == pytest.approx(stats.ttest_rel(first, second).pvalue, rel=1e-9)


@given(st.lists(st.floats(0, 1), max_size=12))
@settings(deadline=None, max_examples=60)
def test_holm_is_its_definition(chances: list[float]) -> None:
    assert holm(chances) == pytest.approx(naive.holm(chances), abs=1e-12)


def test_models_that_never_differ_are_not_shown_to_be_equal() -> None:
    same = np.ones(40)
    found = paired(same, same, np.arange(40))
    assert found.p == 1.0 and found.value.value == 0
    assert found.value.high == pytest.approx(share(np.zeros(40), np.arange(40)).high)


def test_few_losing_clusters_count_as_rows() -> None:
    lost = np.zeros(300)
    lost[[0, 1, 10, 20]] = 1.0
    clusters = np.repeat(np.arange(30), 10)
    plain, careful = share(lost, clusters), share(lost, clusters, careful=True)
    assert careful.high > plain.high and careful.low < plain.low


def test_one_cluster_has_no_interval() -> None:
    found = paired(np.array([1.0, 0.0]), np.array([0.0, 0.0]), np.zeros(2, np.int64))
    assert found.value.low is None and "one item" in found.value.note


def test_the_detectable_effect_is_millers() -> None:
    """Miller 2024, section 5: 969 items show 3 points where the variance of the difference is a ninth."""
    error = (1 / 9 / 969) ** 0.5
    assert detectable(error, 969) == pytest.approx(0.03, abs=1e-4)
    assert needed(0.06, 100, 0.03) == 400


def test_the_jackknife_of_a_mean_is_its_standard_error() -> None:
    values = np.random.default_rng(0).random(12)
    found = jackknife(lambda at: float(values[at].mean()), np.arange(12), groups=12)
    half = (found.high - found.value) if found.high is not None else 0.0
    error = naive.jackknife_error(lambda rows: float(values[rows].mean()), [[k] for k in range(12)])
    assert error == pytest.approx(clustered_mean(values, np.arange(12)).error)
    assert half == pytest.approx(2.200985 * error, rel=1e-6)


@pytest.mark.parametrize("clusters", [500, 100])
def test_a_loss_of_the_limit_rarely_lies_outside_the_interval(clusters: int) -> None:
    """5 percent of samples may; benchmarks/eval_type_one.py has the figures."""
    random, passed, runs = np.random.default_rng(0), 0, 600
    for _ in range(runs):
        lose = random.beta(0.9, 8.1, clusters) if clusters < 500 else np.full(500, 0.1)
        lost = random.random(500) < np.repeat(lose, 500 // clusters)
        low = of_shares(-lost.astype(float), np.repeat(np.arange(clusters), 500 // clusters), confidence=0.9).low
        passed += low is not None and low > -0.1
    assert passed <= 0.073 * runs  # 2.6 standard errors of so few runs above it
