"""Numbering of keys and reach over edges, beside dictionaries and sets."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from naive_lineage import distances

from tamis.kernels.reach import Numbering, reach

NODE = st.integers(0, 30)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3))))
def test_numbers_are_given_in_order_of_first_appearance(keys: list[tuple[int, int]]) -> None:
    numbering = Numbering(len(keys))
    found = numbering.add(np.array(keys, np.uint64).reshape(-1, 2)).tolist()
    first = list(dict.fromkeys(keys))
    assert found == [first.index(key) for key in keys]
    assert numbering.count == len(first)


def test_a_key_that_was_not_added_is_not_found() -> None:
    numbering = Numbering(1)
    numbering.add(np.array([[1, 2]], np.uint64))
    assert numbering.find(np.array([[2, 1], [1, 2]], np.uint64)).tolist() == [-1, 0]


@given(st.lists(st.tuples(NODE, NODE), max_size=60), st.lists(NODE, max_size=3))
def test_reach_is_that_of_the_naive_walk(edges: list[tuple[int, int]], seeds: list[int]) -> None:
    start, end = np.array(edges, np.int32).reshape(-1, 2).T
    found = reach(np.ascontiguousarray(start), np.ascontiguousarray(end), np.array(seeds, np.int32), 31)
    assert found.tolist() == [distances(edges, seeds).get(node, -1) for node in range(31)]


def test_a_chain_is_walked_once_however_long() -> None:
    chain = np.arange(200_001, dtype=np.int32)
    assert reach(chain[:-1].copy(), chain[1:].copy(), chain[:1].copy(), len(chain))[-1] == 200_000
