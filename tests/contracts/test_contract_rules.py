"""Row rules compiled to Polars say what the rules mean in plain Python."""

import math
import re

import naive_contracts
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tamis.contracts import RowRule, broken, load, row_rules
from tamis.contracts.bounds import beyond, not_multiple
from tamis.contracts.formats import STRING_FORMATS
from tamis.contracts.patterns import to_rust
from tamis.errors import ColumnMissing, GateError, UsageError

BIG = 2**53
INTEGERS = {"i8": pl.Int8(), "i64": pl.Int64(), "u8": pl.UInt8(), "u64": pl.UInt64()}
NUMBERS = st.one_of(
    st.integers(-300, 300),
    st.sampled_from([BIG - 1, BIG + 1, -BIG - 1, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 0.5, -0.5, 1e300, math.inf]),
    st.floats(allow_nan=False),
)
BOUNDS = st.sampled_from(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"])


@settings(deadline=None, max_examples=150)
@given(name=BOUNDS, bound=NUMBERS, value=NUMBERS, width=st.sampled_from(sorted(INTEGERS)))
def test_bounds_on_whole_numbers_are_exact(name, bound, value, width):
    dtype = INTEGERS[width]
    low, high = pl.select(dtype.min(), dtype.max().alias("m")).row(0)
    if math.isinf(value) or not low <= int(value) <= high:
        value = low
    found = pl.DataFrame({"a": pl.Series([int(value), None], dtype=dtype)}).select(
        beyond(pl.col("a"), dtype, name, bound)
    )
    assert found.to_series().fill_null(False).to_list() == [naive_contracts.is_broken(name, bound, int(value)), False]


@settings(deadline=None, max_examples=150)
@given(name=BOUNDS, bound=NUMBERS, value=st.floats())
@example(name="maximum", bound=1, value=1.0004)
@example(name="maximum", bound=BIG + 1, value=float(BIG + 2))
@example(name="minimum", bound=BIG + 1, value=float(BIG))
@example(name="minimum", bound=0, value=math.nan)
def test_bounds_on_floats_are_exact(name, bound, value):
    found = pl.DataFrame({"a": [value]}).select(beyond(pl.col("a"), pl.Float64(), name, bound)).item()
    assert found == naive_contracts.is_broken(name, bound, value)


@given(st.integers(-1000, 1000), st.integers(1, 50))
@settings(deadline=None, max_examples=50)
def test_multiples_of_whole_numbers_are_exact(value, step):
    found = pl.DataFrame({"a": [value]}).select(not_multiple(pl.col("a"), pl.Int64(), step)).item()
    assert found == naive_contracts.is_broken("multipleOf", step, value)


def test_a_multiple_of_a_tenth_may_be_off_by_rounding():
    found = pl.DataFrame({"a": [0.3, 0.7, 0.35, math.inf]}).select(not_multiple(pl.col("a"), pl.Float64(), 0.1))
    assert found.to_series().to_list() == [False, False, True, True]


RULES = """
apiVersion: v3.2.0
kind: DataContract
id: x
version: "1"
schema:
- name: t
  properties:
  - {name: s, logicalType: string, required: true, logicalTypeOptions: {minLength: 2, maxLength: 4, pattern: '^\\w+$'}}
  - {name: n, logicalType: integer, enum: [{value: 1}, {value: 2}, {value: -7}]}
  - name: l
    logicalType: array
    logicalTypeOptions: {minItems: 1, maxItems: 3, uniqueItems: true}
    items: {logicalType: integer}
"""
EXPECTED = [
    *(
        ("s", kind, bound)
        for kind, bound in [("required", True), ("minLength", 2), ("maxLength", 4), ("pattern", r"^\w+$")]
    ),
    ("n", "enum", [1, 2, -7]),
    *(("l", kind, bound) for kind, bound in [("minItems", 1), ("maxItems", 3), ("uniqueItems", True)]),
]
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "s": st.none() | st.text(st.sampled_from("ab_é٣ \n𝒳"), max_size=6),
            "n": st.none() | st.sampled_from([1, 2, 3, -7]),
            "l": st.none() | st.lists(st.integers(0, 3), max_size=5),
        }
    ),
    min_size=1,
    max_size=8,
)
SCHEMA = pa.schema([("s", pa.string()), ("n", pa.int16()), ("l", pa.list_(pa.int32()))])


@pytest.fixture(scope="module")
def rules(tmp_path_factory) -> list[RowRule]:
    path = tmp_path_factory.mktemp("rules") / "c.yaml"
    path.write_text(RULES)
    return row_rules(load(path), SCHEMA)


@settings(deadline=None, max_examples=100)
@given(rows=ROWS)
def test_the_bitmask_says_what_plain_python_says(rules, rows):
    bits = broken(pa.RecordBatch.from_pylist(rows, SCHEMA), rules)
    assert [f"{c}.{k}" for c, k, _ in EXPECTED] == [rule.id for rule in rules]
    for row, found in zip(rows, bits.tolist(), strict=True):
        wanted = [naive_contracts.is_broken(kind, bound, row[column]) for column, kind, bound in EXPECTED]
        assert [bool(found >> i & 1) for i in range(len(wanted))] == wanted


def test_no_rows_and_no_rules_give_no_bits(rules):
    batch = pa.RecordBatch.from_pylist([{"s": "ab"}], SCHEMA)
    assert broken(batch, []).tolist() == [0]
    assert broken(batch[:0], rules).dtype == np.uint64


def test_a_missing_column_is_named(rules):
    with pytest.raises(ColumnMissing, match="the contract reads 'l', 'n'"):
        broken(pa.record_batch({"s": ["ab"]}), rules)


def test_dictionary_columns_are_text(rules):
    batch = pa.record_batch({"s": pa.array(["a", "abc"]).dictionary_encode(), "n": [1, 1], "l": [[1], [1]]})
    assert [b != 0 for b in broken(batch, rules)] == [True, False]


def test_sixty_four_rules_fit_and_more_are_refused(rules):
    batch = pa.RecordBatch.from_pylist([{"s": None}], SCHEMA)
    assert broken(batch, [rules[0]] * 64).tolist() == [2**64 - 1]
    with pytest.raises(UsageError, match="65 rules"):
        broken(batch, [rules[0]] * 65)


def test_a_schema_that_does_not_fit_stops_before_a_row_moves(tmp_path):
    (tmp_path / "c.yaml").write_text(RULES)
    with pytest.raises(GateError, match="n: found String, wanted logicalType integer; l: there is no column 'l'"):
        row_rules(load(tmp_path / "c.yaml"), pa.schema([("s", pa.string()), ("n", pa.string())]))


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        (r"^\d+$", "123", True),
        (r"^\d+$", "١٢٣", False),  # digits of another script are none in ECMA-262
        (r"^\w$", "é", False),
        (r"^[\w-]+$", "a-b", True),
        (r"^[^\d]$", "5", False),
        (r"^[[]$", "[", True),
        (r"^[a&&b]$", "&", True),
        (r"^[a\-z]$", "-", True),
        (r"^[^]x]", "", None),
        (r"^.$", "\r", False),
        (r"^a\/b$", "a/b", True),
        (r"\bé", "é", False),
        (r"^[\]]$", "]", True),
        (r"a\\d", r"a\d", True),
    ],
)
def test_patterns_mean_what_ecma_says(pattern, text, matches):
    if matches is None:
        with pytest.raises(ValueError, match="empty class"):
            to_rust(pattern)
    else:
        assert pl.select(pl.lit(text).str.contains(to_rust(pattern))).item() == matches


@given(st.text(max_size=8), st.sampled_from([r"^\d\w*$", r"[\d.]+", r"^[^a-c]$", r"\W", r"^(ab|c)?\s"]))
@settings(deadline=None, max_examples=100)
def test_patterns_agree_with_ascii_python(text, pattern):
    if any(c in "\x1c\x1d\x1e\x1f\ufeff" or (c.isspace() and not c.isascii()) for c in text):
        return  # what is white space differs: Python's ASCII has no Unicode spaces, ECMA-262 and Rust have
    assert pl.select(pl.lit(text).str.contains(to_rust(pattern))).item() == bool(
        re.search(pattern.replace("$", r"\Z"), text, re.ASCII)
    )


@pytest.mark.parametrize(
    ("form", "right", "wrong"),
    [
        ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567e89b12d3a456426614174000"),
        ("email", "a.b+c@d-e.example.org", "a@b"),
        ("uri", "https://example.org/a?b#c", "example.org/a"),
        ("hostname", "a-b.example", "-a.example"),
        ("ipv4", "192.168.0.255", "256.1.1.1"),
        ("ipv6", "2001:db8::1", "2001:db8:::1"),
        ("ipv6", "::", "1:2:3:4:5:6:7"),
        ("byte", "YWI=", "YWI"),
    ],
)
def test_formats_of_text(form, right, wrong):
    found = pl.Series([right, wrong]).str.contains(STRING_FORMATS[form])
    assert found.to_list() == [True, False]
