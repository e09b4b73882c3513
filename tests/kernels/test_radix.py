"""The order of keys is numpy's stable one."""

from __future__ import annotations

import numpy as np
import pytest

from tamis.kernels.radix import ordered


@pytest.mark.parametrize("most", [1, 5, 1 << 12, 1 << 40, (1 << 64) - 1])
@pytest.mark.parametrize("size", [0, 1, 3000])
def test_the_order_is_that_of_a_stable_sort(size: int, most: int) -> None:
    keys = np.random.default_rng(size).integers(0, most, size, np.uint64, endpoint=True)
    assert ordered(keys).tolist() == np.argsort(keys, kind="stable").tolist()
