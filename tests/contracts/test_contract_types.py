"""Types are compared before anything is cast."""

from datetime import date, datetime
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pytest
from contract_text import written

from tamis.contracts import check


def statuses(result) -> dict[str, str]:
    return {o.id: o.status for o in result.outcomes}


def outcome(result, id: str):
    return next(o for o in result.outcomes if o.id == id)


def test_a_text_column_declared_integer_does_not_pass(tmp_path):
    pl.DataFrame({"n": ["1", "2"]}).write_parquet(tmp_path / "a.parquet")
    contract = written(tmp_path, [{"name": "n", "logicalType": "integer", "logicalTypeOptions": {"minimum": 0}}])
    result = check(tmp_path / "a.parquet", contract)
    assert not result.passed
    assert statuses(result) == {"n.type": "broken", "n.minimum": "unchecked"}
    assert "found String, wanted logicalType integer" in outcome(result, "n.type").message


@pytest.mark.parametrize("dtype", [pl.Float64, pl.Float32, pl.Decimal(10, 4)])
def test_1_0004_is_more_than_1(tmp_path, dtype):
    values = [Decimal("1.0004"), Decimal("1"), None] if dtype == pl.Decimal(10, 4) else [1.0004, 1.0, None]
    pl.DataFrame({"n": pl.Series(values, dtype=dtype)}).write_parquet(tmp_path / "a.parquet")
    contract = written(tmp_path, [{"name": "n", "logicalType": "number", "logicalTypeOptions": {"maximum": 1}}])
    found = outcome(check(tmp_path / "a.parquet", contract), "n.maximum")
    assert (found.status, found.failed, found.examples[0].row) == ("broken", 1, 1)


@pytest.mark.parametrize(
    ("logical", "series", "fits"),
    [
        ("string", pl.Series(["a"], dtype=pl.Categorical), True),
        ("string", pl.Series([1]), False),
        ("integer", pl.Series([1], dtype=pl.UInt8), True),
        ("integer", pl.Series([1.0]), False),
        ("integer", pl.Series([True]), False),
        ("number", pl.Series([1]), True),
        ("number", pl.Series(["1"]), False),
        ("boolean", pl.Series([1]), False),
        ("date", pl.Series([date(2026, 1, 1)]), True),
        ("date", pl.Series([datetime(2026, 1, 1)]), False),
        ("date", pl.Series(["2026-01-01"]), False),
        ("timestamp", pl.Series([datetime(2026, 1, 1)]), True),
        ("array", pl.Series([[1]]), True),
        ("array", pl.Series(["[1]"]), False),
        ("object", pl.Series([{"a": 1}]), True),
        ("integer", pl.Series([None, None]), True),  # a column of nulls is of any type
    ],
)
def test_logical_types(tmp_path, logical, series, fits):
    contract = written(tmp_path, [{"name": "x", "logicalType": logical}])
    assert check(series.alias("x").to_frame(), contract).passed is fits


@pytest.mark.parametrize(
    ("physical", "dtype", "fits"),
    [
        ("int32", pl.Int32, True),
        ("int32", pl.Int64, False),
        ("BIGINT", pl.Int64, True),
        ("decimal(10, 2)", pl.Decimal(10, 2), True),
        ("decimal(10, 2)", pl.Decimal(10, 3), False),
        ("double", pl.Float32, False),
        ("double precision", pl.Float64, True),
        ("list<string>", pl.List(pl.String), True),
        ("fixed_size_binary(16)", pl.Binary, True),
    ],
)
def test_physical_types(tmp_path, physical, dtype, fits):
    contract = written(tmp_path, [{"name": "x", "physicalType": physical}])
    assert check(pl.DataFrame({"x": pl.Series([], dtype=dtype)}), contract).passed is fits


def test_varchar_limits_length(tmp_path):
    contract = written(tmp_path, [{"name": "x", "logicalType": "string", "physicalType": "varchar(3)"}])
    assert outcome(check(pl.DataFrame({"x": ["abc", "abcd"]}), contract), "x.physicalType").failed == 1


CHAT = {
    "name": "messages",
    "logicalType": "array",
    "logicalTypeOptions": {"minItems": 1},
    "items": {
        "logicalType": "object",
        "properties": [
            {
                "name": "role",
                "logicalType": "string",
                "required": True,
                "logicalTypeOptions": {"pattern": "^(user|assistant)$"},
            },
            {"name": "content", "logicalType": "string", "logicalTypeOptions": {"minLength": 1}},
        ],
    },
}


def test_rules_reach_into_messages(tmp_path):
    rows = [
        [{"role": "user", "content": "hi"}, {"role": "assistant", "content": None}],
        [{"role": "user", "content": ""}],
        [{"role": None, "content": "x"}, {"role": "root", "content": "x"}],
        [],
        None,
    ]
    contract = written(tmp_path, [CHAT])
    for data in (pl.DataFrame({"messages": rows}), pa.table({"messages": rows})):
        result = check(data, contract)
        failed = {o.id: o.failed for o in result.outcomes if o.status == "broken"}
        assert failed == {
            "messages.minItems": 1,
            "messages[].role.required": 1,
            "messages[].role.pattern": 1,
            "messages[].content.minLength": 1,
        }


def test_a_type_deep_inside_is_compared(tmp_path):
    contract = written(tmp_path, [CHAT])
    result = check(pl.DataFrame({"messages": [[{"role": "user", "content": 5}]]}), contract)
    assert (
        outcome(result, "messages.type").message
        == "messages: messages[].content: found Int64, wanted logicalType string"
    )


@pytest.mark.parametrize(
    ("options", "value", "fits"),
    [
        ({}, "2026-02-28T10:00:00Z", True),
        ({}, "2026-02-28 10:00:00.123", True),
        ({}, "2026-02-30T10:00:00Z", False),
        ({}, "2026-02-28", False),
        ({}, "2026-2-28T10:00:00", False),
        ({"timezone": True}, "2026-02-28T10:00:00", False),
        ({"minimum": "2026-01-01T00:00:00Z"}, "2026-01-01T00:30:00+01:00", False),
        ({"minimum": "2026-01-01T00:00:00", "defaultTimezone": "Europe/Berlin"}, "2025-12-31T23:30:00Z", True),
        ({"format": "dd.MM.yyyy HH:mm"}, "28.02.2026 10:00", True),
        ({"format": "dd.MM.yyyy HH:mm"}, "28.2.2026 10:00", False),
        ({"format": "yyyy-MM-dd HH:mm:ssZ"}, "2026-02-28 10:00:00+0100", True),
        ({"format": "yyyy-MM-dd'T'HH:mm:ss.SSSXXX"}, "2026-02-28T10:00:00.123+01:00", True),
    ],
)
def test_timestamps_kept_as_text_are_read(tmp_path, options, value, fits):
    prop = {"name": "at", "logicalType": "timestamp", "physicalType": "string", "logicalTypeOptions": options}
    assert check(pl.DataFrame({"at": [value, None]}), written(tmp_path, [prop])).passed is fits


@pytest.mark.parametrize(
    ("logical", "options", "value", "fits"),
    [
        ("date", {"maximum": "2026-12-31"}, "2026-12-31", True),
        ("date", {"exclusiveMaximum": "2026-12-31"}, "2026-12-31", False),
        ("date", {"format": "yyyyMMdd"}, "20261231", True),
        ("date", {}, "2026-1-5", False),
        ("time", {"minimum": "09:00:00"}, "08:59:59.9", False),
        ("time", {}, "24:00:01", False),
    ],
)
def test_dates_and_times_kept_as_text_are_read(tmp_path, logical, options, value, fits):
    prop = {"name": "at", "logicalType": logical, "physicalType": "string", "logicalTypeOptions": options}
    assert check(pl.DataFrame({"at": [value]}), written(tmp_path, [prop])).passed is fits


def test_a_time_zone_is_part_of_the_type(tmp_path):
    prop = {
        "name": "at",
        "logicalType": "timestamp",
        "logicalTypeOptions": {"timezone": True, "minimum": "2026-01-01T00:00:00"},
    }
    contract = written(tmp_path, [prop])
    naive = pl.DataFrame({"at": [datetime(2026, 1, 2)]})
    assert not check(naive, contract).passed
    assert check(naive.select(pl.col("at").dt.replace_time_zone("UTC")), contract).passed


@pytest.mark.parametrize(("form", "value", "fits"), [("i8", 127, True), ("i8", 128, False), ("u16", -1, False)])
def test_the_format_of_a_number_is_its_range(tmp_path, form, value, fits):
    contract = written(tmp_path, [{"name": "n", "logicalType": "integer", "logicalTypeOptions": {"format": form}}])
    assert check(pl.DataFrame({"n": [value]}), contract).passed is fits
