import naive_near as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.buckets import pairs

ENTRIES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 40), st.integers(0, 4)), unique_by=lambda entry: entry[:2], max_size=60
)


def check(entries: list[tuple[int, int, int]], most: int, reach: int) -> None:
    keys, member, near = np.array(sorted(entries, key=lambda e: e[0]), np.int64).reshape(-1, 3).T
    found = pairs(keys.astype(np.uint64), member, near.astype(np.uint64), most, reach)
    expected, skewed, unseen = naive.pairs(entries, most, reach)
    assert list(zip(found.left.tolist(), found.right.tolist(), strict=True)) == sorted(expected)
    assert (found.skewed, found.unseen) == (skewed, unseen)


@settings(deadline=None, max_examples=200)
@given(ENTRIES, st.integers(0, 12), st.integers(0, 6))
def test_pairs_equal_the_naive_ones(entries: list[tuple[int, int, int]], most: int, reach: int) -> None:
    check(entries, most, reach)


@settings(deadline=None, max_examples=50)
@given(ENTRIES, st.integers(1, 6))
def test_members_may_be_far_apart(entries: list[tuple[int, int, int]], most: int) -> None:
    check([(key, member << 40, near) for key, member, near in entries], most, 2)


@pytest.mark.parametrize("reach", [0, 1, 8])
def test_a_large_bucket_costs_no_more_than_its_size(reach: int) -> None:
    n = 5000
    found = pairs(np.zeros(n, np.uint64), np.arange(n), np.zeros(n, np.uint64), 16, reach)
    assert len(found.left) <= n * (reach + 2)
    assert found.unseen == n * (n - 1) // 2 - len(found.left) and found.skewed == 1


def test_the_most_alike_are_neighbours_in_a_large_bucket() -> None:
    near = np.array([7, 3, 7, 3, 9, 9], np.uint64)
    found = pairs(np.zeros(6, np.uint64), np.arange(6), near, 2, 1)
    assert {(1, 3), (0, 2), (4, 5)} <= set(zip(found.left.tolist(), found.right.tolist(), strict=True))
