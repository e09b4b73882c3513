"""Rows of JSON Lines against Python's parser, line by line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_json import clean, is_lone, members, parse, read, type_code

from tamis.data.jsonl import JsonRows, error_name, error_says

DATA = Path(__file__).parents[2] / "../shared/data"
WANTED = ("id", "text", "é", "m")

TEXTS = st.text(st.characters(codec=None, exclude_categories=()), max_size=12) | st.sampled_from(
    ["a" * 63, "é" * 40, '"' * 70, "x" * 200]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.lists(st.tuples(st.sampled_from(WANTED) | TEXTS, VALUES), max_size=6)
JUNK = st.binary(max_size=12) | st.sampled_from(
    [b"", b" \t\r", b"{}", b"[]", b"null", b'{"id":NaN}', b'{"id":1,"id":2}']
)


def spelt(pairs: list[tuple[str, object]], space: str, escape_keys: bool) -> bytes:
    """An object as JSON, in any of its spellings; keys may repeat."""
    body = f",{space}".join(f"{key(k, escape_keys)}{space}:{space}{value(v)}" for k, v in pairs)
    return f"{space}{{{space}{body}{space}}}{space}".encode()


def key(name: str, escape: bool) -> str:
    return '"' + "".join(f"\\u{ord(c):04x}" for c in name) + '"' if escape and name.isascii() else value(name)


def value(found: object) -> str:
    text = json.dumps(found, ensure_ascii=False)
    return text if not any("\ud800" <= c <= "\udfff" for c in text) else json.dumps(found)


LINES = st.lists(st.builds(spelt, OBJECTS, st.sampled_from(["", " ", "\t "]), st.booleans()) | JUNK, max_size=8)
# Only text with enough bytes behind it is read many bytes at a time.
BLOCKS = st.tuples(LINES, st.sampled_from([b"\n", b"\r\n"]), st.sampled_from([0, 1, 300])).map(
    lambda drawn: drawn[1].join(drawn[0]) + drawn[1] * drawn[2]
)


@settings(deadline=None, max_examples=150)
@given(BLOCKS)
def test_rows_equal_what_python_reads(block: bytes) -> None:
    rows, expected = JsonRows(block, WANTED), read(block, WANTED)
    assert rows.lines == len(expected)
    assert rows.number.tolist() == [line.number for line in expected]
    assert list(zip(rows.start, rows.end, strict=True)) == [(line.start, line.end) for line in expected]
    assert (rows.error > 0).tolist() == [line.members is None for line in expected]
    assert rows.newlines == block.count(b"\n") + (not block.endswith(b"\n") and block != b"")
    for name in WANTED:
        found = [dict(line.members or ()).get(name) for line in expected]
        there = [line.members is not None and name in dict(line.members) for line in expected]
        text, lone = rows.strings(name)
        text.validate(full=True)
        assert rows.type_of(name).tolist() == [type_code(v) if t else 0 for v, t in zip(found, there, strict=True)]
        assert text.to_pylist() == [clean(v) if type_code(v) == 5 else None for v in found]
        assert lone.tolist() == [is_lone(v) for v in found]
        for got, v in zip(rows.text(name).to_pylist(), found, strict=True):
            assert got == (None if v is None else clean(v) if type_code(v) == 5 else got)
            assert type_code(v) in (1, 5) or parse(got.encode()) == v


@settings(deadline=None, max_examples=120)
@given(BLOCKS, st.data())
def test_rest_holds_every_member_that_was_not_consumed(block: bytes, data: st.DataObject) -> None:
    rows, expected = JsonRows(block, WANTED), read(block, WANTED)
    row_masks = st.lists(st.booleans(), min_size=len(WANTED), max_size=len(WANTED))
    mask = np.array([data.draw(row_masks) for _ in expected], np.bool_).reshape(len(expected), len(WANTED))
    rest = rows.rest(mask)
    rest.validate(full=True)
    for line, taken, text in zip(expected, mask, rest.to_pylist(), strict=True):
        consumed = {name for name, t in zip(WANTED, taken, strict=True) if t}
        left = [(k, v) for k, v in line.members or () if k not in consumed]
        assert (parse(text.encode()) if text is not None else []) == left


@settings(deadline=None, max_examples=60)
@given(BLOCKS, st.data())
def test_a_block_cut_at_any_newline_gives_the_same_rows(block: bytes, data: st.DataObject) -> None:
    cuts = [i + 1 for i, byte in enumerate(block) if byte == 10]
    cut = data.draw(st.sampled_from([0, len(block), *cuts]))
    parts = [JsonRows(block[:cut], WANTED), JsonRows(block[cut:], WANTED)]
    whole = JsonRows(block, WANTED)
    assert np.concatenate([parts[0].number, parts[1].number + parts[0].newlines]).tolist() == whole.number.tolist()
    assert np.concatenate([p.error for p in parts]).tolist() == whole.error.tolist()
    for name in WANTED:
        assert pa.concat_arrays([p.text(name) for p in parts]) == whole.text(name)
    assert pa.concat_arrays([p.rest(["id"]) for p in parts]) == whole.rest(["id"])


@settings(deadline=None, max_examples=150)
@given(
    st.lists(VALUES | st.lists(TEXTS) | st.lists(st.dictionaries(st.sampled_from(["role", "x"]), VALUES)), max_size=6)
)
def test_arrays_are_read_element_by_element(values: list[object]) -> None:
    block = "\n".join(f'{{"m": {value(v)}}}' for v in values).encode()
    rows = JsonRows(block, ("m",))
    arrays = [v if isinstance(v, list) else [] for v in (parse(value(v).encode()) for v in values)]
    arrays = [[] if type_code(v) == 7 else v for v in arrays]
    offsets, inner = rows.objects("m", ("role",))
    flat = [element for array in arrays for element in array]
    assert np.diff(offsets).tolist() == [len(array) for array in arrays]
    assert (inner.error == 0).tolist() == [type_code(e) == 7 for e in flat]
    roles = [dict(e).get("role") if type_code(e) == 7 else None for e in flat]
    assert inner.strings("role")[0].to_pylist() == [clean(r) if type_code(r) == 5 else None for r in roles]
    good = [isinstance(v, list) and all(isinstance(e, str) and not is_lone(e) for e in v) for v in values]
    lists = rows.list_of_strings("m")
    lists.validate(full=True)
    assert lists.to_pylist() == [v if g else None for v, g in zip(values, good, strict=True)]


def test_numbers_keep_their_digits() -> None:
    numbers = ["1e400", "-0", "0.1000000000000000055511151231257827", "123456789012345678901234567890", "1E+2"]
    block = "\n".join(f'{{"id":{n}}}' for n in numbers).encode()
    assert JsonRows(block, ("id",)).text("id").to_pylist() == numbers


def test_rest_is_compact_and_verbatim() -> None:
    rows = JsonRows(b'{ "a" : 1.50 , "text":"x", "b":{ "c": "\\u00e9" }, "a":2 }\n{"text":"y"}', ("text",))
    assert rows.rest(["text"]).to_pylist() == ['{"a":1.50,"b":{ "c": "\\u00e9" },"a":2}', None]
    assert rows.rest([]).to_pylist()[1] == '{"text":"y"}'


def test_a_key_with_a_lone_surrogate_is_no_wanted_key_and_survives_in_the_rest() -> None:
    rows = JsonRows(b'{"\\ud800":1}', ("\ufffd",))
    assert rows.type_of("\ufffd").tolist() == [0]
    assert rows.rest(rows.wanted).to_pylist() == ['{"\\ud800":1}']


@pytest.mark.parametrize(("first", "errors"), [(True, [0, 1]), (False, [1, 1])])
def test_a_byte_order_mark_is_skipped_at_the_beginning_of_a_file_only(first: bool, errors: list[int]) -> None:
    rows = JsonRows(b'\xef\xbb\xbf{"id":1}\n\xef\xbb\xbf{"id":2}', ("id",), first=first)
    assert rows.error.tolist() == errors
    assert rows.start[0] == (3 if first else 0)


def test_an_error_says_what_and_where() -> None:
    rows = JsonRows(b'{"id":1}\n\n{"id":2,}\n', ("id",))
    assert (error_name(rows.error[1]), rows.error_at[1]) == ("not_json", 18)
    assert (rows.number[1], rows.raw(1)) == (2, b'{"id":2,}')
    assert "JSON" in error_says(rows.error[1])


def test_arrow_buffers_and_arrays_are_read_where_they_are() -> None:
    block = b'{"id":"a"}\n'
    for form in (pa.py_buffer(block), np.frombuffer(block, np.uint8), bytearray(block)):
        assert JsonRows(form, ("id",)).text("id").to_pylist() == ["a"]


@pytest.mark.parametrize("block", [b"", b"\n", b" \n\t\r\n"])
def test_no_lines_are_no_rows(block: bytes) -> None:
    rows = JsonRows(block, WANTED)
    assert (rows.lines, rows.newlines) == (0, block.count(b"\n"))
    assert len(rows.text("id")) == len(rows.rest([])) == len(rows.list_of_strings("m")) == 0


@pytest.mark.skipif(not DATA.exists(), reason="the real data is not here")
@pytest.mark.parametrize(
    "name", ["sft/glaive_toolcall_demo", "nasty/ftfy_mojibake_a", "nasty/blns", "nc/alpaca_gpt4_zh_demo"]
)
def test_real_files_equal_what_python_reads(name: str) -> None:
    block = gzip.decompress((DATA / f"{name}.jsonl.gz").read_bytes())
    wanted = ("id", "text", "messages", "conversations", "meta")
    rows = JsonRows(block, wanted)
    for row, line in enumerate(block.splitlines()[: rows.lines]):
        assert rows.raw(row) == line
        assert (rows.error[row] == 0) == (members(line, wanted) is not None)
    for column in wanted:
        for got, line in zip(rows.strings(column)[0].to_pylist(), block.split(b"\n"), strict=False):
            found = json.loads(line).get(column)
            assert got == (clean(found) if isinstance(found, str) else None)
