import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.data.jsontext import encode, members


@pytest.mark.parametrize(
    ("array", "texts"),
    [
        (pa.array([1, None]), ["1", "null"]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.array([1.5, 1e20, float("nan"), float("-inf"), None]), ["1.5", "1e+20", "null", "null", "null"]),
        (pa.array([1.5], pa.float16()), ["1.5"]),
        (pa.array([Decimal("1.20")]), ["1.20"]),
        (pa.array(['a"', None]), ['"a\\""', "null"]),
        (pa.array(["a"], pa.string_view()), ['"a"']),
        (pa.array(["a", None]).dictionary_encode(), ['"a"', "null"]),
        (pa.array([date(2026, 10, 2)]), ['"2026-10-02"']),
        (pa.array([time(1, 2)]), ['"01:02:00.000000"']),
        (pa.array([datetime(2026, 10, 2)], pa.timestamp("s")), ['"2026-10-02T00:00:00"']),
        (pa.array([datetime(2026, 10, 2, tzinfo=UTC)], pa.timestamp("s", "Europe/Paris")), ['"2026-10-02T00:00:00Z"']),
        (pa.array([timedelta(seconds=90)], pa.duration("s")), ['"90s"']),
        (pa.array([b"ok", b"\xff", None]), ['"ok"', '{"base64":"/w=="}', "null"]),
        (pa.array([b"\xff\x00"], pa.binary(2)), ['{"base64":"/wA="}']),
        (pa.array([[1, None], None, []]), ["[1,null]", "null", "[]"]),
        (pa.array([[1, 2], None], pa.list_(pa.int8(), 2)), ["[1,2]", "null"]),
        (pa.array([[1], None], pa.large_list(pa.int8())), ["[1]", "null"]),
        (pa.array([[1], None], pa.list_view(pa.int8())), ["[1]", "null"]),
        (pa.array([{"a": 1, "b": [{"c": "x"}]}, None]), ['{"a":1,"b":[{"c":"x"}]}', "null"]),
        (pa.array([{}], pa.struct([])), ["{}"]),
        (pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int8())), ['{"k":1}', "null"]),
        (pa.array([[(1, 2)]], pa.map_(pa.int8(), pa.int8())), ['[{"key":1,"value":2}]']),
        (pa.nulls(1), ["null"]),
    ],
    ids=lambda x: str(x.type) if isinstance(x, pa.Array) else "",
)
def test_every_type_is_json(array, texts):
    assert encode(array).to_pylist() == texts
    assert encode(array[1:]).to_pylist() == texts[1:]
    for text in texts:
        json.loads(text)


@given(st.lists(st.lists(st.text(), max_size=3) | st.none()), st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_slices_of_nested_values(values, start):
    array = pa.array(values, pa.list_(pa.string()))[start:]
    assert [json.loads(t) for t in encode(array).to_pylist()] == values[start:]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_reads_back_as_itself(value):
    assert json.loads(encode(pa.array([value]))[0].as_py()) == value


def test_members_make_one_object_a_row():
    rows = members(['k"', "n"], [pa.array(["a", None]), pa.array([1, 2])])
    assert [json.loads(r) for r in rows.to_pylist()] == [{'k"': "a", "n": 1}, {'k"': None, "n": 2}]
