"""Canonical bytes of records: equal to their definition, whatever the table looks like."""

from __future__ import annotations

import datetime
import decimal
import math
from itertools import pairwise
from typing import Any

import naive_canonical
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.errors import InputError
from tamis.snapshot.canonical import Room, canonical

MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string()), ("extra", pa.string())]))

SCHEMA = pa.schema(
    [
        ("text", pa.string()),
        ("id", pa.binary(4)),
        ("n", pa.int64()),
        ("x", pa.float64()),
        ("ok", pa.bool_()),
        ("messages", MESSAGES),
        ("choices", pa.list_(pa.string())),
        ("a name that is longer than 23 bytes", pa.uint64()),
    ]
)

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "text": st.none() | st.text(max_size=300),
            "id": st.none() | st.binary(min_size=4, max_size=4),
            "n": st.none() | st.integers(-(2**63), 2**63 - 1),
            "x": st.none() | st.floats(),
            "ok": st.none() | st.booleans(),
            "messages": st.none()
            | st.lists(
                st.none()
                | st.fixed_dictionaries({k: st.none() | st.text(max_size=30) for k in ("role", "content", "extra")}),
                max_size=3,
            ),
            "choices": st.none() | st.lists(st.none() | st.text(max_size=5), max_size=30),
            "a name that is longer than 23 bytes": st.none() | st.integers(0, 2**64 - 1),
        }
    ),
    max_size=8,
)


def records(batch: pa.RecordBatch, lead: int = 0, room: Room | None = None) -> list[bytes]:
    """What `canonical` gives, record by record."""
    found = canonical(batch, lead, room)
    ends = found.offsets.tolist()
    return [found.data[a + lead : b].tobytes() for a, b in pairwise(ends)]


def expected(batch: pa.RecordBatch) -> list[bytes]:
    """What the definition gives."""
    return [naive_canonical.record(row) for row in batch.to_pylist()]


@given(ROWS)
def test_records_are_their_definition(rows: list[dict[str, Any]]) -> None:
    batch = pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
    assert records(batch, 17) == expected(batch)


@given(ROWS, st.integers(0, 8), st.integers(0, 8))
def test_a_slice_gives_what_its_rows_give(rows: list[dict[str, Any]], start: int, length: int) -> None:
    batch = pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
    assert records(batch.slice(start, length)) == records(batch)[start : start + length]


@pytest.mark.parametrize("held", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int16(), pa.string())])
def test_how_a_string_is_stored_does_not_show(held: pa.DataType) -> None:
    plain = pa.array(["a", None, "é" * 400, ""])
    cast = plain.dictionary_encode().cast(held) if pa.types.is_dictionary(held) else plain.cast(held)
    assert records(pa.record_batch({"t": cast})) == records(pa.record_batch({"t": plain}))


@pytest.mark.parametrize("held", [pa.int8(), pa.uint8(), pa.int16(), pa.uint32(), pa.int64(), pa.uint64()])
def test_the_width_of_a_number_does_not_show(held: pa.DataType) -> None:
    values = [0, 23, 24, 100, None]
    assert records(pa.record_batch({"n": pa.array(values, held)})) == expected(pa.record_batch({"n": pa.array(values)}))


def test_the_width_of_a_float_does_not_show() -> None:
    values = np.array([0.5, -0.0, math.inf, math.nan, 1.1], np.float32)
    double = pa.array(values.astype(np.float64))
    assert records(pa.record_batch({"x": pa.array(values)})) == records(pa.record_batch({"x": double}))


def test_order_of_columns_and_columns_of_nulls_do_not_show() -> None:
    one = pa.record_batch({"a": ["x"], "b": [1]})
    other = pa.record_batch({"b": [1], "c": pa.nulls(1), "a": ["x"]})
    assert records(one) == records(other)


def test_a_list_that_is_null_hides_what_lies_below_it() -> None:
    lists = pa.ListArray.from_arrays(pa.array([0, 2, 3]), pa.array([1, 2, 3]), mask=pa.array([True, False]))
    assert records(pa.record_batch({"l": lists})) == [b"\xa0", b"\xa1\x61l\x81\x03"]


def test_lists_of_fixed_size_and_maps_are_lists() -> None:
    fixed = pa.array([[1, 2], None], pa.list_(pa.int32(), 2))
    assert records(pa.record_batch({"l": fixed})) == expected(pa.record_batch({"l": [[1, 2], None]}))
    mapped = pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int32()))
    assert records(pa.record_batch({"m": mapped})) == [naive_canonical.record({"m": [{"key": "k", "value": 1}]})]


@pytest.mark.parametrize(
    "value, held, means",
    [
        (datetime.date(1970, 1, 3), pa.date32(), ["date32[day]", 2]),
        (datetime.datetime(1969, 12, 31, 23, 59, 59), pa.timestamp("s"), ["timestamp[s]", -1]),
        (decimal.Decimal("1.50"), pa.decimal128(5, 2), ["decimal128(5, 2)", "1.50"]),
    ],
)
def test_a_type_that_cbor_lacks_is_named(value: Any, held: pa.DataType, means: list[Any]) -> None:
    batch = pa.record_batch({"v": pa.array([value, None], held)})
    assert records(batch) == [naive_canonical.record({"v": means}), b"\xa0"]


def test_a_column_that_cannot_be_frozen_is_named() -> None:
    batch = pa.record_batch({"v": pa.array([None], pa.month_day_nano_interval())})
    with pytest.raises(InputError, match="month_day_nano_interval cannot be frozen"):
        canonical(batch)


@settings(max_examples=25, deadline=None)
@given(st.lists(ROWS, max_size=3))
def test_batches_that_share_a_room_are_as_ever(batches: list[list[dict[str, Any]]]) -> None:
    room = Room()
    for rows in batches:
        batch = pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
        assert records(batch, 3, room) == expected(batch)
