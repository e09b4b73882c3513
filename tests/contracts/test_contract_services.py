"""How old rows may be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
import yaml

from tamis.contracts import check, load
from tamis.errors import InputError

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def service(folder, kind, value, unit, logical="timestamp", action=None):
    document = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "test",
        "version": "1.0.0",
        "schema": [{"name": "t", "properties": [{"name": "at", "logicalType": logical}]}],
        "slaProperties": [{"property": kind, "value": value, "unit": unit, "element": "t.at"}],
    }
    (folder / "c.yaml").write_text(yaml.safe_dump(document))
    return load(folder / "c.yaml")


def outcome(contract, times, **more):
    frame = times if not isinstance(times, list) else pl.DataFrame({"at": times})
    return next(o for o in check(frame, contract, now=NOW, **more).outcomes if o.kind in ("freshness", "retention"))


@pytest.mark.parametrize(
    ("ages", "unit", "kept"),
    [([5, 90], "h", True), ([7, 90], "h", False), ([7, 90], "d", True), ([-9000, 90], "h", False), ([], "h", True)],
)
def test_the_newest_row_is_fresh_enough(tmp_path, ages, unit, kept):
    times = pl.DataFrame({"at": [NOW - timedelta(hours=age) for age in ages]}, schema={"at": pl.Datetime("us", "UTC")})
    assert (outcome(service(tmp_path, "freshness", 6, unit), times).status == "passed") is kept


def test_rows_beyond_their_retention_are_named(tmp_path):
    found = outcome(service(tmp_path, "retention", 1, "y"), [NOW - timedelta(days=d) for d in (364, 366, 9000)])
    assert (found.failed, [e.row for e in found.examples]) == (2, [2, 3])
    assert found.message == "at: 2 of 3 rows are older than 1 year; first: row 2"


def test_a_day_is_as_old_as_its_date(tmp_path):
    contract = service(tmp_path, "retention", 10, "d", "date")
    assert outcome(contract, [date(2026, 11, 11), date(2026, 11, 10)]).failed == 1


def test_times_kept_as_text_are_read(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"at": "2026-11-21T10:00:00+02:00"}\n{"at": "2026-11-01 10:00:00"}\n')
    assert outcome(service(tmp_path, "freshness", 5, "h"), str(path)).status == "passed"
    assert outcome(service(tmp_path, "freshness", 3, "h"), str(path)).status == "broken"


def test_times_that_cannot_be_worked_on_are_no_pass(tmp_path, capfd):
    at = pl.Series("at", [2**63 - 1, 0]).cast(pl.Datetime("us"))
    at.to_frame().write_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"gave up after . of 2 rows"):
        check(tmp_path / "t.parquet", service(tmp_path, "retention", 1, "d"), now=NOW)


def test_no_time_at_all_is_not_fresh(tmp_path):
    frame = pl.DataFrame({"at": [None]}, schema={"at": pl.Datetime("us")})
    assert "no row has a time" in outcome(service(tmp_path, "freshness", 5, "h"), frame).message
