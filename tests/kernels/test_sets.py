import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.sets import MUCH_LONGER, overlaps

SETS = st.lists(st.sets(st.one_of(st.integers(0, 60), st.integers(0, 2**64 - 1))), min_size=2, max_size=6)


def check(sets: list[set[int]]) -> None:
    values = np.array([v for one in sets for v in sorted(one)], np.uint64)
    rows = np.concatenate([[0], np.cumsum([len(one) for one in sets])]).astype(np.int64)
    left, right = (side.ravel() for side in np.indices((len(sets), len(sets))))
    shared, total = overlaps(values, rows, left, right)
    assert shared.tolist() == [len(sets[a] & sets[b]) for a, b in zip(left, right, strict=True)]
    assert total.tolist() == [len(sets[a] | sets[b]) for a, b in zip(left, right, strict=True)]


@settings(deadline=None)
@given(SETS)
def test_sizes_equal_those_of_python_sets(sets: list[set[int]]) -> None:
    check(sets)


@settings(deadline=None)
@given(st.sets(st.integers(0, 3000), max_size=20), st.integers(0, 3000), st.integers(1, 3))
def test_a_much_longer_set_is_searched(few: set[int], start: int, step: int) -> None:
    check([few, set(range(start, start + (len(few) + 1) * (MUCH_LONGER + 1) * step, step))])


@pytest.mark.parametrize("sets", [[set(), set()], [{0}, set()], [{2**64 - 1}, {0, 2**64 - 1}]])
def test_the_ends(sets: list[set[int]]) -> None:
    check(sets)
