"""JSON Lines: every value is compared in its own type; otherwise a check says what it says of Parquet."""

import gzip
import json

import polars as pl
import pytest
from contract_text import written
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.contracts import check

PROPERTIES = [
    {"name": "id", "logicalType": "string", "required": True, "unique": True},
    {"name": "text", "logicalType": "string", "logicalTypeOptions": {"minLength": 2, "pattern": "^[a-z]*$"}},
    {"name": "n", "logicalType": "integer", "logicalTypeOptions": {"minimum": 0, "maximum": 5}},
    {"name": "x", "logicalType": "number", "logicalTypeOptions": {"maximum": 1}},
    {"name": "tags", "logicalType": "array", "logicalTypeOptions": {"minItems": 1}, "items": {"logicalType": "string"}},
]
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.none() | st.sampled_from("abcdefgh"),
            "text": st.none() | st.text(st.sampled_from("ab\u2028 é"), max_size=4),
            "n": st.none() | st.integers(-2, 9),
            "x": st.none() | st.floats(-2, 2),
            "tags": st.none() | st.lists(st.sampled_from("ab"), max_size=2),
        }
    ),
    max_size=12,
)
SCHEMA = {"id": pl.String, "text": pl.String, "n": pl.Int64, "x": pl.Float64, "tags": pl.List(pl.String)}


def wrote(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def outcome(result, id: str):
    return next(o for o in result.outcomes if o.id == id)


@settings(deadline=None, max_examples=40)
@given(rows=ROWS)
def test_the_same_rows_break_the_same_rules(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("same")
    contract = written(folder, PROPERTIES)
    pl.DataFrame(rows, schema=SCHEMA).write_parquet(folder / "a.parquet")
    wrote(folder / "a.jsonl", rows)
    found = [
        [
            (o.id, o.status, o.failed, [(e.row, e.value) for e in o.examples])
            for o in check(folder / n, contract).outcomes
        ]
        for n in ("a.parquet", "a.jsonl")
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("logical", "value", "found"),
    [
        ("string", 17, "a number"),
        ("string", True, "true or false"),
        ("integer", True, "true or false"),
        ("integer", 2.0, "a number"),
        ("integer", "2", "text"),
        ("integer", 2**70, "a number beyond 64 bits"),
        ("number", False, "true or false"),
        ("number", 2**53 + 1, "a number that 64 bits cannot hold exactly"),
        ("boolean", 1, "a number"),
        ("array", {"a": 1}, "an object"),
        ("object", [1], "an array"),
        ("string", "\ud800", "text with a lone surrogate"),
    ],
)
def test_a_value_of_another_type_is_named_by_its_line(tmp_path, logical, value, found):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"v": None}) + "\n\n" + json.dumps({"v": value}) + "\n")
    result = outcome(check(path, written(tmp_path, [{"name": "v", "logicalType": logical}])), "v.type")
    assert (result.status, result.failed, result.examples[0].row) == ("broken", 1, 3)
    assert f"found {found}, wanted {logical}" in result.message


def test_a_mistyped_value_breaks_no_other_rule(tmp_path):
    path = wrote(tmp_path / "a.jsonl", [{"id": "a"}, {"id": 5}])
    assert [o.id for o in check(path, written(tmp_path, PROPERTIES[:1])).broken] == ["id.type"]


def test_an_absent_member_is_null(tmp_path):
    path = wrote(tmp_path / "a.jsonl", [{}])
    assert [o.id for o in check(path, written(tmp_path, PROPERTIES)).broken] == ["id.required"]


def test_whole_numbers_stay_whole(tmp_path):
    contract = written(tmp_path, [{"name": "n", "logicalType": "integer", "logicalTypeOptions": {"maximum": 2**63}}])
    path = wrote(tmp_path / "a.jsonl", [{"n": 2**63}, {"n": 2**63 + 1}])
    assert outcome(check(path, contract), "n.maximum").failed == 1


def test_dates_are_read_from_text(tmp_path):
    contract = written(
        tmp_path, [{"name": "d", "logicalType": "date", "logicalTypeOptions": {"minimum": "2026-01-01"}}]
    )
    path = wrote(tmp_path / "a.jsonl", [{"d": "2026-01-01"}, {"d": "2025-12-31"}, {"d": "soon"}])
    assert {o.id: o.failed for o in check(path, contract).broken} == {"d.format": 1, "d.minimum": 1}


def test_fields_an_object_requires_are_looked_for(tmp_path):
    contract = written(tmp_path, [{"name": "o", "logicalType": "object", "logicalTypeOptions": {"required": ["a"]}}])
    path = wrote(tmp_path / "a.jsonl", [{"o": {"a": [1]}}, {"o": {"b": 1}}, {"o": None}])
    assert {o.id: o.failed for o in check(path, contract).broken} == {"o.a.required": 1}


def test_packed_files_with_a_bom_and_crlf_are_read(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b'\xef\xbb\xbf{"id": "a"}\r\n') + gzip.compress(b'{"id": "a"}'))
    result = outcome(check(path, written(tmp_path, PROPERTIES[:1])), "id.unique")
    assert result.examples[0].value == "row 2 repeats row 1"


def test_no_bytes_are_no_rows(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"")
    assert check(tmp_path / "a.jsonl", written(tmp_path, PROPERTIES)).rows == 0
