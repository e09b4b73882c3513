"""Files end where the rows say."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tamis.data import cuts

SIZES = st.lists(st.integers(0, 30000), min_size=1, max_size=60)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of some forty rows."""
    for name, size in (("TARGET", 4000), ("LEAST", 1000), ("MOST", 20000)):
        monkeypatch.setattr(cuts, name, size)


def ids(count: int) -> pa.Array:
    """Record ids."""
    return pa.array([hashlib.sha256(str(n).encode()).digest()[:16] for n in range(count)], pa.binary(16))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SIZES, st.integers(0, 19999))
def test_a_file_has_at_least_and_at_most(sizes: list[int], before: int) -> None:
    starts = [0, *cuts.file_ends(ids(len(sizes)), np.array(sizes), before).tolist()]
    for k, (start, end) in enumerate(pairwise(starts)):
        held = sum(sizes[start:end]) + (before if k == 0 else 0)
        assert held >= cuts.LEAST
        assert held - sizes[end - 1] < cuts.MOST


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SIZES, st.integers(0, 60))
def test_ends_do_not_depend_on_how_rows_came(sizes: list[int], at: int) -> None:
    each, keys = np.array(sizes), ids(len(sizes))
    whole = cuts.file_ends(keys, each, 0).tolist()
    first = cuts.file_ends(keys[:at], each[:at], 0).tolist()
    open_file = sum(sizes[first[-1] if first else 0 : at])
    rest = cuts.file_ends(keys[at:], each[at:], open_file)
    assert whole == [*first, *(rest + min(at, len(sizes))).tolist()]
