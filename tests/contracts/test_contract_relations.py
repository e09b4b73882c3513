"""What rows refer to must be there, in whatever file, type and width."""

from __future__ import annotations

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.contracts import check, load
from tamis.contracts.tree import ContractError


def contract(folder, properties, other, **table):
    document = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "test",
        "version": "1.0.0",
        "schema": [{"name": "t", "properties": properties, **table}, {"name": "other", **other}],
    }
    (folder / "c.yaml").write_text(yaml.safe_dump(document))
    return load(folder / "c.yaml")


REFERS = [
    {"name": "id", "logicalType": "string"},
    {"name": "to", "logicalType": "string", "relationships": [{"to": "other.key"}]},
]
OTHER = {"properties": [{"name": "key", "logicalType": "string"}]}


def outcome(result, kind="relationship"):
    return next(o for o in result.outcomes if o.kind == kind)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.sampled_from(["a", "b", "c", "é", None]), max_size=9), st.sets(st.sampled_from(["a", "b", "é", "z"]))
)
def test_references_are_looked_up_as_in_plain_python(tmp_path_factory, refers, keys):
    folder = tmp_path_factory.mktemp("fk")
    rows = pl.DataFrame({"id": [str(i) for i in range(len(refers))], "to": pl.Series(refers, dtype=pl.String)})
    other = pl.DataFrame({"key": pl.Series(sorted(keys), dtype=pl.String)})
    found = outcome(check(rows, contract(folder, REFERS, OTHER), "t", references={"other": other}))
    gone = [str(i) for i, to in enumerate(refers) if to is not None and to not in keys]
    assert found.failed == len(gone)
    assert [e.id for e in found.examples] == gone[:5]


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_a_table_says_where_its_rows_lie(tmp_path, suffix):
    keys = pl.DataFrame({"key": ["a"]})
    keys.write_parquet(tmp_path / "k.parquet") if suffix == "parquet" else keys.write_ndjson(tmp_path / "k.jsonl")
    place = [{"property": "tamis.path", "value": f"k.{suffix}"}]
    one = contract(tmp_path, REFERS, OTHER | {"customProperties": place})
    pl.DataFrame({"id": ["1", "2"], "to": ["a", "b"]}).write_ndjson(tmp_path / "t.jsonl")
    assert outcome(check(tmp_path / "t.jsonl", one, "t")).message.endswith("other.key; first: id 2")


def test_a_table_that_is_not_there_is_no_pass(tmp_path):
    found = outcome(check(pl.DataFrame({"id": ["1"], "to": ["a"]}), contract(tmp_path, REFERS, OTHER), "t"))
    assert found.status == "unchecked" and found.stops and "--reference other=PATH" in found.message


def test_a_key_may_be_of_several_columns_and_of_its_own_table(tmp_path):
    columns = [{"name": n, "logicalType": "integer"} for n in ("a", "b", "c", "d")]
    to = [{"from": ["t.a", "t.b"], "to": ["t.c", "t.d"]}]
    one = contract(tmp_path, columns, OTHER, relationships=to)
    frame = pl.DataFrame({"a": [1, 2, None], "b": [2, 1, 9], "c": [1, 5, 5], "d": [2, 5, 5]})
    assert outcome(check(frame, one, "t")).failed == 1  # (2, 1) is none of (1, 2), (5, 5)


def test_numbers_meet_at_any_width_and_as_fractions(tmp_path):
    columns = [{"name": "to", "logicalType": "number", "relationships": [{"to": "other.key"}]}]
    one = contract(tmp_path, columns, {"properties": [{"name": "key", "logicalType": "integer"}]})
    keys = pl.DataFrame({"key": pl.Series([1, 2], dtype=pl.Int8)})
    assert outcome(check(pl.DataFrame({"to": [1.0, 2.5]}), one, "t", references={"other": keys})).failed == 1


def test_columns_of_two_types_cannot_refer(tmp_path):
    with pytest.raises(ContractError, match="no value could be in both"):
        contract(tmp_path, REFERS, {"properties": [{"name": "key", "logicalType": "integer"}]})


def test_an_id_names_a_column_as_its_name_does(tmp_path):
    columns = [{"name": "to", "logicalType": "string", "relationships": [{"to": "schema/o/properties/k"}]}]
    one = contract(tmp_path, columns, {"id": "o", "properties": [{"id": "k", "name": "key", "logicalType": "string"}]})
    assert one.table("t").relations[0].to_columns == ("key",)
