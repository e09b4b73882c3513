"""Vectors on the grid: rounded as plain Python rounds, and multiplied without rounding."""

from __future__ import annotations

import math

import naive_semantic as naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tamis.kernels.vectors import LENGTH, MOST, cosines, lengths, mean_all, rounded, take_best

FLOATS = st.floats(-100, 100, width=32)
VECTORS = st.integers(1, 8).flatmap(
    lambda d: arrays(np.float32, st.tuples(st.integers(1, 12), st.just(d)), elements=FLOATS)
)


@given(VECTORS)
def test_a_vector_is_rounded_as_plain_python_rounds(vectors: np.ndarray) -> None:
    for own, vector in zip(rounded(vectors).tolist(), vectors.tolist(), strict=True):
        wanted = naive.rounded(vector)
        assert max(abs(a - b) for a, b in zip(own, wanted, strict=True)) <= 1  # halves may go either way
        assert not any(wanted) or abs(math.hypot(*own) - LENGTH) <= len(own) ** 0.5


@pytest.mark.parametrize("odd", [0.0, np.nan, np.inf])
def test_what_has_no_direction_is_nothing(odd: float) -> None:
    assert not rounded(np.full((1, 3), odd, np.float32)).any()


@pytest.mark.parametrize("dimensions", [1, 384, MOST])
def test_a_matrix_product_of_the_grid_rounds_nothing(dimensions: int) -> None:
    rng = np.random.default_rng(dimensions)
    # Close to each other, so that the sums come close to 2**24.
    grid = rounded(1 + 0.01 * rng.normal(size=(64, dimensions)))
    assert np.array_equal(
        grid.astype(np.float32) @ grid.astype(np.float32).T, grid.astype(np.int64) @ grid.astype(np.int64).T
    )


@given(VECTORS, st.integers(1, 5))
def test_the_best_before_each_is_that_of_plain_python(vectors: np.ndarray, tile: int) -> None:
    grid = rounded(vectors)
    grid = np.unique(grid[grid.any(axis=1)], axis=0)
    best, at = np.full(len(grid), -2.0), np.full(len(grid), -1)
    length = np.empty(len(grid))
    lengths(grid, length)
    values = grid.astype(np.float32)
    for low in range(0, len(grid), tile):
        for base in range(0, low + 1, tile):
            own, other = slice(low, low + tile), slice(base, base + tile)
            take_best(values[own] @ values[other].T, length[own], length[other], low, base, best[own], at[own])
    for k, wanted in enumerate(naive.likes(grid.tolist(), [0.0] * len(grid))):
        assert (wanted.like if wanted.like is not None else -1) == at[k]
        assert wanted.cosine is None or math.isclose(best[k], wanted.cosine, abs_tol=1e-12)


def test_cosines_are_those_of_plain_python() -> None:
    grid = rounded(np.random.default_rng(2).normal(size=(6, 5)))
    out = np.empty(3)
    cosines(grid, np.array([0, 1, 2]), np.array([3, 4, 2]), out)
    wanted = [naive.cosine(grid[a].tolist(), grid[b].tolist()) for a, b in ((0, 3), (1, 4), (2, 2))]
    assert np.allclose(out, wanted, atol=1e-12)


def test_a_mean_leaves_out_what_is_not_in_the_table() -> None:
    table, out = np.array([[1, 2], [3, 6]], np.float32), np.zeros((3, 2))
    ids, rows = np.array([0, 1, -1, 7, 1]), np.array([0, 4, 4, 5])
    mean_all(table, np.array([1, 0.5], np.float32), ids, rows, out)
    assert out.tolist() == [[1.25, 2.5], [0, 0], [1.5, 3]]
