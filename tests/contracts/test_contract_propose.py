"""A proposed contract is kept by the data it was proposed from, and says what it found with room."""

from __future__ import annotations

import json
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.contracts import check, load
from tamis.contracts.propose import propose
from tamis.errors import InputError


def proposed(folder, data, **more):
    path = folder / "c.odcs.yaml"
    path.write_text(propose(data, "test", "t", **more), encoding="utf-8")
    return load(path)


VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None, max_examples=40)
@given(
    rows=st.lists(st.dictionaries(st.sampled_from(["id", "text", "n", "e mail", "m.x"]), VALUE), min_size=1, max_size=8)
)
def test_any_json_lines_keep_what_is_proposed(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("init")
    path = folder / "t.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    if not any(rows):
        return
    assert [o.message for o in check(path, proposed(folder, path)).broken] == []


COLUMNS = st.sampled_from(
    [pl.Int8, pl.UInt64, pl.Float32, pl.Float64, pl.Boolean, pl.String, pl.Date, pl.Datetime("us"), pl.Binary, pl.Time]
)


@settings(deadline=None, max_examples=40)
@given(st.data(), COLUMNS, st.integers(0, 30))
def test_any_column_keeps_what_is_proposed(tmp_path_factory, data, dtype, rows):
    from polars.testing.parametric import series

    folder = tmp_path_factory.mktemp("init")
    column = data.draw(series(name="c", dtype=dtype, min_size=rows, max_size=rows, allow_null=True))
    frame = pl.DataFrame({"c": column, "l": [[1, 2]] * rows, "s": [{"a": "x"}] * rows})
    frame.write_parquet(folder / "t.parquet")
    assert check(folder / "t.parquet", proposed(folder, folder / "t.parquet")).broken == ()


def test_what_is_found_is_promised_with_room(tmp_path):
    n = 400
    frame = pl.DataFrame(
        {
            "id": [f"doc-{i}" for i in range(n)],
            "text": ["word " * (i % 7 + 1) for i in range(n)],
            "lang": ["en", "de"] * (n // 2),
            "score": [i / n for i in range(n)],
            "day": ["2026-11-21"] * n,
            "url": ["https://example.org/x"] * (n - 1) + [None],
        }
    )
    columns = {p.name: p for p in proposed(tmp_path, frame).table("t").properties}
    assert columns["id"].unique and columns["id"].required
    assert columns["text"].options == {"minLength": 1, "maxLength": 100}
    assert columns["lang"].metrics[0].values == ("de", "en")
    assert columns["score"].options == {"minimum": 0, "maximum": 1}
    assert columns["day"].options["pattern"] == "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
    assert not columns["url"].required and columns["url"].options["pattern"] == "^https?://"


def test_values_of_a_private_column_are_not_written(tmp_path):
    frame = pl.DataFrame({"who": ["Ada Lovelace"] * 200, "age": [36] * 200, "email": ["ada@example.org"] * 200})
    text = propose(frame, "test", "t", private=("who", "age"))
    assert not any(word in text for word in ("Ada", "36", "ada@"))
    assert proposed(tmp_path, frame, private=("who",)).table("t").property("who").classification == "confidential"


def test_a_number_whose_double_is_infinite_has_no_maximum_proposed(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"x": 1e308}\n')
    text = propose(path, "test", "t")
    assert "maximum" not in text and "# highest seen 1.0e+308" in text


def test_decimal_numbers_are_proposed_for(tmp_path):
    frame = pl.DataFrame({"price": pl.Series([Decimal("-1.50"), Decimal("12.25")], dtype=pl.Decimal(10, 2))})
    assert "# maximum: 50     lowest seen -1.50, highest seen 12.25" in propose(frame, "test", "t")
    assert check(frame, proposed(tmp_path, frame)).passed


@pytest.mark.parametrize("name", ["*", "^b.*$"])
def test_a_column_whose_name_is_a_pattern_is_proposed_for_alone(tmp_path, name):
    frame = pl.DataFrame({name: ["x", "yy"], "bb": [1, 2], "s": [{name: 1, "bb": "z"}, {name: 2, "bb": None}]})
    frame.write_parquet(tmp_path / "t.parquet")
    contract = proposed(tmp_path, tmp_path / "t.parquet")
    columns = {p.name: p for p in contract.table("t").properties}
    assert columns[name].options == {"minLength": 1, "maxLength": 5}
    assert {p.name: p.logical_type for p in columns["s"].properties} == {name: "integer", "bb": "string"}
    assert check(tmp_path / "t.parquet", contract).passed


def test_a_column_without_a_name_is_left_out(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"": 1, "id": 1, "s": {"": 2, "n": 3}}\n')
    assert [p.name for p in proposed(tmp_path, path).table("t").properties] == ["id", "s"]
    path.write_text('{"": 1}\n')
    with pytest.raises(InputError, match="no column to promise anything of; wanted one with a name"):
        propose(path, "test", "t")


def test_a_damaged_page_is_told_of_with_its_file(tmp_path):
    for name in ("a", "b"):
        frame = pl.DataFrame({"n": range(5000)})
        frame.write_parquet(tmp_path / f"{name}.parquet", compression="snappy", statistics=False)
    broken = bytearray((tmp_path / "b.parquet").read_bytes())
    broken[60:2000] = b"\xff" * 1940
    (tmp_path / "b.parquet").write_bytes(broken)
    with pytest.raises(InputError, match=r"b\.parquet: damaged or not Parquet"):
        propose(tmp_path, "test", "t")
