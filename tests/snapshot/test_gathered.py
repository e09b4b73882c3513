"""Rows that were gathered are all there, where they were to go."""

from __future__ import annotations

import numpy as np
import pytest

from tamis.snapshot import gathered
from tamis.snapshot.gathered import Gathered


@pytest.mark.parametrize("sizes", [[], [0, 3], [1, 1, 1], [9], [4, 0, 5, 2]])
def test_rows_are_given_up_each_at_its_place(monkeypatch: pytest.MonkeyPatch, sizes: list[int]) -> None:
    monkeypatch.setattr(gathered, "BLOCK", 4)
    rows, place = (f(sum(sizes)) for f in (lambda n: np.arange(2 * n, dtype=np.uint8).reshape(-1, 2), np.arange))
    some = Gathered(2)
    for part in np.split(rows, np.cumsum(sizes)[:-1]) if sizes else []:
        some.add(part)
    assert some.whole().tolist() == rows.tolist()
    assert some.given_up(place[::-1].copy()).tolist() == rows[::-1].tolist()
    assert some.rows == 0
