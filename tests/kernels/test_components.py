import naive_near as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.components import link, roots

LINKS = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=20)


@pytest.mark.parametrize("type", [np.uint32, np.int64])
@settings(deadline=None)
@given(LINKS, st.integers(0, 20))
def test_the_root_is_the_smallest_member_whatever_the_order(type: type, links: list[tuple[int, int]], cut: int) -> None:
    parent = np.arange(12, dtype=type)
    for part in (links[cut:], links[:cut]):
        a, b = np.array(part, np.int64).reshape(-1, 2).T
        link(parent, a, b)
    assert roots(parent).tolist() == naive.roots(12, links)
    assert roots(parent).dtype == type


def test_a_long_chain_is_one_component() -> None:
    parent = np.arange(100_000, dtype=np.uint32)
    link(parent, np.arange(99_999, 0, -1), np.arange(99_998, -1, -1))
    assert not roots(parent).any()
