"""Progress through records, where there is no terminal."""

from __future__ import annotations

import pytest

from tamis.cli.show import Count


@pytest.mark.parametrize("total, says", [(20, "freezing: 3 of 20 records\n"), (None, "freezing: 3 records\n")])
def test_a_line_is_said_when_ten_seconds_are_over(
    total: int | None, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Count("freezing", total, silent=False) as count:
        count(2)
        count.said -= 11
        count(3)
        count(4)
    assert capsys.readouterr().err == says


def test_silence_where_it_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    with Count("freezing", None, silent=True) as count:
        count.said -= 11
        count(3)
    assert capsys.readouterr().err == ""
