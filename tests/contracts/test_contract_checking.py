"""A check counts every broken row, names the first, and never passes what it did not look at."""

import json
from decimal import Decimal
from xml.etree import ElementTree as ET

import naive_contracts
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from contract_text import action, written
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.contracts import check
from tamis.contracts.rules import broken, row_rules
from tamis.errors import InputError, UsageError

TEXT = {"name": "text", "logicalType": "string", "required": True, "logicalTypeOptions": {"minLength": 3}}
ID = {"name": "id", "logicalType": "string", "unique": True}


def outcome(result, id: str):
    return next(o for o in result.outcomes if o.id == id)


def test_the_message_says_how_many_and_who_first(tmp_path):
    frame = pl.DataFrame({"id": [f"doc-{i}" for i in range(2000)], "text": ["x" * (i != 7) * 5 for i in range(2000)]})
    found = outcome(check(frame, written(tmp_path, [ID, TEXT])), "text.minLength")
    assert found.message == "text: 1 of 2,000 rows is shorter than minLength 3; first: id doc-7 (0 characters)"
    assert (found.value, found.threshold, found.examples[0].row) == (1, 3, 8)


@pytest.mark.parametrize(
    ("columns", "who"),
    [
        ({"id": ["a"], "record_id": [b"\x01" * 16]}, "id a"),
        ({"id": [None], "record_id": [b"\x01" * 16]}, f"record {'01' * 16}"),
        ({}, "row 1"),
        ({"id": ["\x1b[2J\n"]}, "id \\x1b[2J\\n"),
    ],
)
def test_a_row_is_named_by_what_it_has(tmp_path, columns, who):
    frame = pl.DataFrame({**columns, "text": [""]})
    assert outcome(check(frame, written(tmp_path, [TEXT])), "text.minLength").examples[0].who == who


def test_rows_are_named_within_their_file(tmp_path):
    for name, text in (("a", ["good", "good"]), ("b", ["good", "", "good", ""])):
        pl.DataFrame({"text": text}).write_parquet(tmp_path / f"{name}.parquet")
    found = outcome(
        check([tmp_path / "b.parquet", tmp_path / "a.parquet"], written(tmp_path, [TEXT])), "text.minLength"
    )
    assert [(e.file, e.row) for e in found.examples] == [("b.parquet", 2), ("b.parquet", 4)]


KEYS = st.lists(st.none() | st.sampled_from(["a", "b", "c", "d", "é"]), max_size=12)


@settings(deadline=None, max_examples=40)
@given(keys=KEYS, cut=st.integers(0, 12))
def test_repeats_are_counted_as_in_plain_python(tmp_path_factory, keys, cut):
    folder = tmp_path_factory.mktemp("keys")
    for name, part in (("a", keys[:cut]), ("b", keys[cut:])):
        pl.DataFrame({"id": pl.Series(part, dtype=pl.String)}).write_parquet(folder / f"{name}.parquet")
    found = outcome(check(folder, written(folder, [ID])), "id.unique")
    assert found.failed == naive_contracts.repeats(keys)


@pytest.mark.parametrize("kind", [pl.Int8, pl.UInt64, pl.Float32, pl.Categorical, pl.Boolean, pl.Binary])
def test_keys_of_any_type_are_compared(tmp_path, kind):
    values = {pl.Categorical: ["x", "y", "x"], pl.Boolean: [True, False, True], pl.Binary: [b"x", b"y", b"x"]}
    column = pl.Series("id", values.get(kind, [1, 2, 1]), dtype=kind)
    found = outcome(check(column.to_frame(), written(tmp_path, [{"name": "id", "unique": True}])), "id.unique")
    assert (found.failed, found.examples[0].value) == (1, "row 3 repeats row 1")


def test_minus_zero_repeats_zero(tmp_path):
    contract = written(tmp_path, [{"name": "n", "logicalType": "number", "unique": True}])
    assert not check(pl.DataFrame({"n": [0.0, -0.0]}), contract).passed


def test_a_repeat_in_another_file_is_found_at_another_width(tmp_path):
    contract = written(tmp_path, [{"name": "n", "logicalType": "integer", "unique": True}])
    pl.DataFrame({"n": pl.Series([1, 2], dtype=pl.Int8)}).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"n": pl.Series([5, 2], dtype=pl.Int64)}).write_parquet(tmp_path / "b.parquet")
    found = outcome(check(tmp_path, contract), "n.unique")
    assert found.examples[0].value == "row 2 repeats row 2 of a.parquet"


def test_a_primary_key_is_whole_and_unique_together(tmp_path):
    parts = [
        {"name": n, "logicalType": "integer", "primaryKey": True, "primaryKeyPosition": p}
        for n, p in (("a", 2), ("b", 1))
    ]
    frame = pl.DataFrame({"a": [1, 1, 1, None], "b": [1, 2, 1, 1]})
    result = check(frame, written(tmp_path, parts))
    assert {o.id: o.failed for o in result.broken} == {"a.primaryKey.required": 1, "primaryKey": 1}
    assert outcome(result, "primaryKey").message.startswith("b, a: 1 of 4 rows repeats the key of an earlier row")


def metric(**rule) -> list[dict]:
    return [{**TEXT, "required": False, "logicalTypeOptions": {}, "quality": [rule]}]


@pytest.mark.parametrize(
    ("rule", "value", "kept"),
    [
        ({"metric": "nullValues", "mustBe": 2}, 2, True),
        ({"metric": "nullValues", "mustBeLessThan": 20, "unit": "percent"}, 20.0, False),
        ({"metric": "nullValues", "mustBeLessOrEqualTo": 20, "unit": "percent"}, 20.0, True),
        ({"metric": "missingValues", "arguments": {"missingValues": [None, "", "N/A"]}, "mustBe": 4}, 4, True),
        ({"metric": "missingValues", "arguments": {"missingValues": [""]}, "mustBe": 1}, 1, True),
        ({"metric": "invalidValues", "arguments": {"validValues": ["a", "b"]}, "mustBeGreaterThan": 3}, 3, False),
        ({"metric": "invalidValues", "arguments": {"pattern": "^[a-z]*$"}, "mustBe": 2}, 2, True),
        ({"metric": "duplicateValues", "mustBeBetween": [4, 9]}, 4, True),
        ({"metric": "duplicateValues", "mustNotBeBetween": [1, 4]}, 4, False),
        ({"metric": "duplicateValues", "mustNotBe": 4}, 4, False),
    ],
)
def test_library_metrics(tmp_path, rule, value, kept):
    # 10 rows: 2 null, 1 empty, 1 N/A, 1 C; a and b three and two times
    frame = pl.DataFrame({"text": [None, None, "", "N/A", "C", "a", "a", "a", "b", "b"]})
    if rule["metric"] == "duplicateValues":
        frame = pl.DataFrame({"text": [None, None, "a", "a", "a", "b", "b", "b", "c", "d"]})
    found = outcome(check(frame, written(tmp_path, metric(**rule))), f"text.{rule['metric']}")
    assert (found.value, found.status) == (value, "passed" if kept else "broken")


def test_bounds_that_are_dates_and_infinities_are_written_as_json(tmp_path):
    parts = [
        {"name": "d", "logicalType": "date", "logicalTypeOptions": {"minimum": "2026-01-01"}},
        {"name": "x", "logicalType": "number", "logicalTypeOptions": {"maximum": float("inf")}},
    ]
    plain = json.loads(check(pl.DataFrame({"d": [None], "x": [1.0]}), written(tmp_path, parts)).to_json())
    assert [c["diagnostics"]["threshold"] for c in plain["checks"]] == ["date", "2026-01-01", "number", "inf"]


def test_no_rows_keep_every_rule_but_the_count(tmp_path):
    rules = [
        {"metric": "rowCount", "mustBeGreaterThan": 0},
        {"metric": "duplicateValues", "arguments": {"properties": ["id"]}, "mustBe": 0},
    ]
    frame = pl.DataFrame(schema={"id": pl.String, "text": pl.String})
    result = check(frame, written(tmp_path, [ID, TEXT], quality=rules))
    assert [o.message for o in result.broken] == ["t: 0 rows; mustBeGreaterThan 0"]


@pytest.mark.parametrize(("word", "passes"), [("fail", False), ("quarantine", False), ("warn", True)])
def test_only_a_warning_lets_a_broken_rule_pass(tmp_path, word, passes):
    result = check(pl.DataFrame({"text": [""]}), written(tmp_path, [{**TEXT, "customProperties": action(word)}]))
    assert result.passed is passes
    assert [o.action for o in result.broken] == [word]


def test_a_missing_column_is_broken_and_its_rules_unchecked(tmp_path):
    result = check(pl.DataFrame({"other": [1]}), written(tmp_path, [ID, TEXT]))
    assert {o.id: o.status for o in result.broken} == {
        "id.type": "broken",
        "id.unique": "unchecked",
        "text.type": "broken",
        "text.required": "unchecked",
        "text.minLength": "unchecked",
    }
    assert result.undeclared == ("other",)


def test_a_column_wrong_in_one_file_of_several_is_found(tmp_path):
    pl.DataFrame({"text": ["good"]}).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"text": [1]}).write_parquet(tmp_path / "b.parquet")
    result = check(tmp_path, written(tmp_path, [TEXT]))
    assert "found Int64, wanted logicalType string in b.parquet" in outcome(result, "text.type").message
    assert not result.passed


def test_values_of_classified_columns_stay_out_of_messages(tmp_path):
    secret = {
        "name": "text",
        "logicalType": "string",
        "classification": "restricted",
        "logicalTypeOptions": {"pattern": "^a"},
    }
    result = check(pl.DataFrame({"text": ["hunter2"]}), written(tmp_path, [secret]))
    assert not result.passed
    assert "hunter2" not in result.to_json() + result.to_junit()


def test_more_rules_than_bits(tmp_path):
    many = [{"name": f"c{i}", "logicalType": "integer", "logicalTypeOptions": {"minimum": i}} for i in range(150)]
    result = check(pl.DataFrame({f"c{i}": [100, None] for i in range(150)}), written(tmp_path, many))
    assert [o.id for o in result.broken] == [f"c{i}.minimum" for i in range(101, 150)]


def test_a_physical_name_is_the_column(tmp_path):
    contract = written(tmp_path, [{**TEXT, "physicalName": "content"}])
    assert outcome(check(pl.DataFrame({"content": [""]}), contract), "text.minLength").failed == 1


def test_json_and_junit_tell_the_same(tmp_path):
    result = check(pl.DataFrame({"id": ["\x00<&"], "text": [""]}), written(tmp_path, [ID, TEXT]))
    plain, junit = json.loads(result.to_json()), ET.fromstring(result.to_junit())
    assert plain["passed"] is False
    assert [c["id"] for c in plain["checks"]] == [case.get("name") for case in junit.iter("testcase")]
    assert [f.get("type") for f in junit.iter("failure")] == ["minLength"]
    assert plain["checks"][-1]["diagnostics"]["failed_rows"] == 1


def test_a_run_is_checked_by_its_rows(tmp_path):
    (tmp_path / "run" / "data").mkdir(parents=True)
    (tmp_path / "run" / "run.json").write_text("{}")
    pl.DataFrame({"text": ["good"]}).write_parquet(tmp_path / "run" / "data" / "part.parquet")
    pl.DataFrame({"fate": ["kept"]}).write_parquet(tmp_path / "run" / "fates.parquet")
    assert check(tmp_path / "run", written(tmp_path, [TEXT])).files == ("part.parquet",)


@pytest.mark.parametrize(
    ("name", "bytes_", "words"),
    [
        ("none.parquet", None, "no such file or folder"),
        ("a.parquet", b"PAR1 and nothing else", "damaged or not Parquet"),
        ("a.parquet", b"", "not Parquet"),
        ("a.jsonl", b'{"text": "good"}\n{"text": \n', "a.jsonl:2: not JSON"),
        ("a.jsonl", b'{"text": "good"}\n[1]\n', "a.jsonl:2: not a row: found an array"),
        ("a.jsonl", b'{"text": "\xff"}\n', "a.jsonl:1: not UTF-8"),
        ("a.jsonl", b'{"text": NaN}\n', "a.jsonl:1: not a row: NaN"),
        ("a.jsonl", b"[" * 100_000, "a.jsonl:1: not a row"),
        ("a.jsonl.gz", b"\x1f\x8b\x08\x00broken", "cannot be read beyond line 0"),
        ("empty", "folder", "nothing there to check"),
    ],
)
def test_data_that_cannot_be_read_is_said(tmp_path, name, bytes_, words):
    path = tmp_path / name
    if bytes_ == "folder":
        path.mkdir()
    elif bytes_ is not None:
        path.write_bytes(bytes_)
    with pytest.raises(InputError, match=name) as refused:
        check(path, written(tmp_path, [TEXT]))
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "table",
    [
        pa.Table.from_arrays([pa.array(["x"]), pa.array(["y"])], names=["text", "text"]),
        pa.table({"text": pa.array([Decimal("1" * 50)], pa.decimal256(60, 2))}),
    ],
    ids=["a name twice", "too many digits"],
)
def test_columns_that_polars_cannot_hold_are_said(tmp_path, table):
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet"):
        check(tmp_path / "a.parquet", written(tmp_path, [TEXT]))


def test_damaged_specimens_are_refused_in_a_sentence(tmp_path):
    """Each specimen is read or refused; none ends in anything else."""
    import tarfile
    from pathlib import Path

    packed = Path(__file__).parents[2] / "../shared/data/nasty/parquet_bad_a.tar.gz"
    if not packed.exists():
        pytest.skip("the specimens are not here")
    with tarfile.open(packed) as tar:
        tar.extractall(tmp_path, filter="data")
    contract = written(tmp_path, [ID])
    for path in sorted(tmp_path.rglob("*.parquet")):
        try:
            assert not check(path, contract).passed
        except InputError as refused:
            assert path.name in str(refused)


def test_what_is_no_data_is_refused(tmp_path):
    with pytest.raises(UsageError, match="cannot check int"):
        check(5, written(tmp_path, [TEXT]))


@pytest.mark.parametrize("name", ["*", "^i.*$"])
def test_a_column_whose_name_is_a_pattern_is_checked_alone(tmp_path, name):
    frame = pl.DataFrame({"id": ["a", "b", "c"], name: ["long", "x", "long"]})
    frame.write_parquet(tmp_path / "t.parquet")
    promised = {**TEXT, "name": name, "unique": True}
    result = check(tmp_path / "t.parquet", written(tmp_path, [promised]))
    assert outcome(result, f"{name}.minLength").message.endswith("first: id b (1 characters)")
    assert outcome(result, f"{name}.unique").failed == 1
    promised = {**TEXT, "name": name, "logicalTypeOptions": {"pattern": "^l"}}
    assert outcome(check(frame, written(tmp_path, [promised])), f"{name}.pattern").examples[0].value == "'x'"
    batch = frame.to_arrow().to_batches()[0]
    rows = broken(batch, row_rules(written(tmp_path, [promised]), batch.schema))
    assert rows.astype(bool).tolist() == [False, True, False]
