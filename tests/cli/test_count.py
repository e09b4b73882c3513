"""Progress through records, where there is no terminal."""

from __future__ import annotations

import pytest

from tamis.cli.show import Count


@pytest.mark.parametrize(
    "total, done, noun, says",
    [
        (20, 3, "record", "freezing: 3 of 20 records\n"),
        (None, 3, "record", "freezing: 3 records\n"),
        (None, 1, "record", "freezing: 1 record\n"),
        (20, 1, "", "freezing: 1 of 20\n"),
    ],
)
def test_a_line_is_said_when_ten_seconds_are_over(
    total: int | None, done: int, noun: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Count("freezing", total, silent=False, noun=noun) as count:
        count(0)
        count.said -= 11
        count(done)
        count(done + 1)
    assert capsys.readouterr().err == says


def test_silence_where_it_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    with Count("freezing", None, silent=True) as count:
        count.said -= 11
        count(3)
    assert capsys.readouterr().err == ""
