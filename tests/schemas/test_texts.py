"""The strings of a column, and the column of its strings."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tamis.schemas import MESSAGES, flat, joined, rebuild

TALK = [{"role": "user", "content": "hi", "extra": None}, {"role": "tool", "content": None, "extra": '{"n":1}'}]
COLUMNS: dict[str, tuple[list[Any], pa.DataType]] = {
    "strings": (["b", None, "a", ""], pa.string()),
    "lists": ([["b", "a"], None, [], ["x", None]], pa.list_(pa.string())),
    "messages": ([TALK, [], [None, TALK[0]], TALK[:1]], MESSAGES),
}


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("start", [0, 1])
def test_a_column_is_rebuilt_of_its_own_strings(name: str, start: int) -> None:
    column = pa.array(*COLUMNS[name]).slice(start)
    assert rebuild(column, flat(column).strings).equals(column)


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("start", [0, 1])
def test_a_column_is_rebuilt_of_other_strings(name: str, start: int) -> None:
    column = pa.array(*COLUMNS[name]).slice(start)
    louder = pc.utf8_upper(flat(column).strings)
    assert flat(rebuild(column, louder)).strings.equals(louder)
    assert rebuild(column, louder).is_null().equals(column.is_null())


def test_a_message_keeps_members_that_are_not_ours() -> None:
    column = pa.array([[{"role": "user", "content": "hi", "weight": 2}]])
    assert rebuild(column, pa.array(["ho"])).to_pylist() == [[{"role": "user", "content": "ho", "weight": 2}]]


@pytest.mark.parametrize("start", [0, 1])
def test_a_row_that_is_null_in_all_its_texts_is_an_empty_one_of_its_own(start: int) -> None:
    url, license = ["x", None, None, ""], ["y", None, "z", None]
    batch = pa.record_batch({"url": url, "license": license}).slice(start)
    assert joined(batch, ("url", "license")).to_pylist() == ["x\n\ny", "", "z", ""][start:]
