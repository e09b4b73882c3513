from functools import reduce
from operator import or_

import naive_licenses as naive
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tamis.kernels.inherit import inherit

EDGES = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=30)


@given(EDGES, st.lists(st.integers(0, 5), min_size=12, max_size=12))
def test_each_has_what_any_ancestor_has(edges: list[tuple[int, int]], own: list[int]) -> None:
    bits = np.array(own, np.uint64).reshape(12, 1)
    above, below = (np.array([e[side] for e in edges], np.int32) for side in (0, 1))
    parents: dict[int, list[int]] = {}
    for a, b in edges:
        parents.setdefault(b, []).append(a)
    for node, found in enumerate(inherit(above, below, bits)[:, 0].tolist()):
        over = {k for p in parents.get(node, []) for k in naive.ancestors(parents, p)}
        assert found == reduce(or_, (own[k] for k in over), 0)


def test_a_long_chain_against_its_order_takes_no_time() -> None:
    n = 300_000
    above, below = np.arange(1, n, dtype=np.int32)[::-1].copy(), np.arange(n - 1, dtype=np.int32)[::-1].copy()
    bits = np.zeros((n, 1), np.uint64)
    bits[-1] = 4
    assert (inherit(above, below, bits)[:-1] == 4).all()
