"""Row groups end where the rows say, not where a source of them does."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.data.groups import cut

SIZES = st.lists(st.lists(st.integers(0, 20), max_size=8), max_size=6)


def _rows(sources: list[list[int]], max_rows: int, max_bytes: int) -> list[list[int]]:
    """Bytes of the rows of each group."""
    groups = cut((np.array(sizes, np.int64) for sizes in sources), max_rows, max_bytes)
    return [[size for k, start, end in group for size in sources[k][start:end]] for group in groups]


@settings(deadline=None, max_examples=200)
@given(SIZES, st.integers(1, 5), st.integers(0, 40))
def test_groups_do_not_depend_on_the_sources(sources: list[list[int]], max_rows: int, max_bytes: int) -> None:
    as_one = [size for sizes in sources for size in sizes]
    assert _rows(sources, max_rows, max_bytes) == _rows([as_one], max_rows, max_bytes)


@settings(deadline=None, max_examples=200)
@given(SIZES, st.integers(1, 5), st.integers(0, 40))
def test_a_group_is_as_large_as_may_be(sources: list[list[int]], max_rows: int, max_bytes: int) -> None:
    groups = _rows(sources, max_rows, max_bytes)
    assert [size for group in groups for size in group] == [size for sizes in sources for size in sizes]
    assert all(len(g) == 1 or (len(g) <= max_rows and sum(g) <= max_bytes) for g in groups)
    for group, after in pairwise(groups):
        assert len(group) == max_rows or sum(group) + after[0] > max_bytes
