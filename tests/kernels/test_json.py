"""The JSON kernel against Python's parser, made strict."""

from __future__ import annotations

import base64
import gzip
import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_json import clean, members, parse

from tamis.data.jsonl import JsonRows
from tamis.kernels.grammar import ERRORS, MAX_DEPTH
from tamis.kernels.json import Keys, scan

SUITE = Path(__file__).parents[2] / "../shared/data/nasty/json_test_suite_a.jsonl.gz"
KEYS = Keys.of(("text", "id"))


def outcome(text: bytes, padding: bytes = b"") -> tuple[str, int]:
    """Name and place of the error of a text with `padding` behind it: 64 bytes and more take the vector path."""
    data = np.frombuffer(text + padding, np.uint8)
    found = scan(data, np.array([0]), np.array([len(text)]), KEYS)
    return ERRORS[found.error[0]][0], int(found.error_at[0])


def is_json(text: bytes) -> bool:
    try:
        parse(text)
    except (ValueError, RecursionError):
        return False
    return True


@pytest.mark.parametrize(
    ("text", "error", "at"),
    [
        (b"{}", "fine", 0),
        (b'{"a":[1,-0.5e+3,true,false,null,{"b":[]}]}', "fine", 0),
        (b' {"a" : 1 , "b":\r\n2}', "not_json", 0),
        (b"hello", "not_json", 0),
        (b'{"a":1,}', "not_json", 7),
        (b'{"a":[1,]}', "not_json", 8),
        (b"{'a':1}", "not_json", 1),
        (b'{"a":tru3}', "not_json", 5),
        (b"\xef\xbb\xbf{}", "not_json", 0),
        (b'{"a":"x', "truncated", 7),
        (b'{"a":1', "truncated", 6),
        (b'{"a":"\xc3', "truncated", 7),
        (b'{"a":"\\u12', "truncated", 10),
        (b"[1]", "not_an_object", 0),
        (b'"x"', "not_an_object", 0),
        (b'{"a":"\xff"}', "invalid_utf8", 6),
        (b'{"a":"\xed\xa0\x80"}', "invalid_utf8", 6),
        (b'{"a":"\xc0\x80"}', "invalid_utf8", 6),
        (b'{"a":"\xf4\x90\x80\x80"}', "invalid_utf8", 6),
        (b"\xff\xfe{", "invalid_utf8", 0),
        (b'{"a":"\t"}', "control_character", 6),
        (b'{"a":"\\x"}', "bad_escape", 6),
        (b'{"a":"\\u12g4"}', "bad_escape", 6),
        (b'{"a":01}', "bad_number", 5),
        (b'{"a":-}', "bad_number", 5),
        (b'{"a":1.}', "bad_number", 5),
        (b'{"a":NaN}', "not_finite", 5),
        (b'{"a":-Infinity}', "not_finite", 5),
        (b'{"id":1,"id":2}', "duplicate_key", 8),
        (b'{"id":1,"\\u0069d":2}', "duplicate_key", 8),
        (b'{"x":1,"x":2}', "fine", 0),
        (b'{"a":1} x', "trailing_data", 8),
        (b"[1] 2", "trailing_data", 4),
        (b'{"a":1}{"a":2}', "trailing_data", 7),
        (b"\0\0\0\0", "nul", 0),
        (b'{"a":"x\0"}', "nul", 7),
        (b'{"a":1}\0\0', "nul", 7),
        (b'{"a":' + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1) + b"}", "fine", 0),
        (b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}", "too_deep", 4 + MAX_DEPTH),
    ],
)
@pytest.mark.parametrize("padding", [b"", b"\n" + b"x" * 100])
def test_scan_names_the_first_error_and_its_byte(text: bytes, error: str, at: int, padding: bytes) -> None:
    if text.startswith(b" "):
        text, error = text.lstrip(), "fine"
    assert outcome(text, padding) == (error, at)


@pytest.mark.skipif(not SUITE.exists(), reason="the JSON test suite is not here")
def test_scan_agrees_with_the_json_test_suite() -> None:
    cases = [json.loads(line) for line in gzip.decompress(SUITE.read_bytes()).splitlines()]
    assert len(cases) == 170
    for case in cases:
        text = base64.b64decode(case["bytes_b64"])
        for wrapped in (b'{"v":' + text + b"}", b'{"v":[' + text + b"]}"):
            good = outcome(wrapped, b" " * 80)[0] == "fine"
            if case["expect"] == "either":
                assert good == is_json(wrapped), case["id"]
            elif text.strip(b" \t\r\n"):  # nothing inside [] is an array again
                assert good == (case["expect"] == "accept"), case["id"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=8), VALUES, max_size=5)


@settings(deadline=None, max_examples=80)
@given(OBJECTS, st.booleans())
def test_every_prefix_of_an_object_is_truncated(value: dict[str, object], ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert outcome(text) == outcome(text, b"\n" * 64) == ("fine", 0)
    for end in range(1, len(text)):
        assert outcome(text[:end], b"\n" * 64) == ("truncated", end)


@settings(deadline=None, max_examples=250)
@given(OBJECTS, st.booleans(), st.data())
def test_scan_takes_what_python_takes_after_any_change(
    value: dict[str, object], ascii_only: bool, data: st.DataObject
) -> None:
    text = bytearray(json.dumps(value, ensure_ascii=ascii_only).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        byte = data.draw(
            st.sampled_from(b'"\\{}[],:0123-+.eEtu \t\n\r\0\x1f\x7f\x80\xbf\xc3\xe2\xed\xf0\xff') | st.integers(0, 255)
        )
        text[at : at + data.draw(st.integers(0, 1))] = bytes([byte])
    good = is_json(bytes(text)) and bytes(text).lstrip(b" \t\r\n").startswith(b"{")
    name, _ = outcome(bytes(text).strip(b" \t\r\n"), b"\n" * 64)
    assert (name in ("fine", "duplicate_key")) == good, text


PIECES = (
    *("x", "é", "漢", "😀", "\t", "\\", '\\"', "\\n", "\\\\", "\\u00e9", "\\ud83d\\ude00", "\\ud83d", "\\u12", "\\x"),
    *(b"\xc3", b"\xbc", b"\xe6\xbc", b"\xf0\xbc\xa2", b"\xff", b"\xc1\xbf", b"\xed\xa0\x80", b"\xe0\x9f\xbf"),
    *(b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xed\x9f\xbf", b"\xf4\x8f\xbf\xbf"),
)


@pytest.mark.parametrize("before", [0, *range(58, 65), 122])
def test_any_two_pieces_of_a_string_wherever_a_block_is_cut(before: int) -> None:
    raw = [piece.encode() if isinstance(piece, str) else piece for piece in PIECES]
    lines = [b'{"text":"' + b"x" * before + one + two + b'ab"}' for one, two in product(raw, raw)]
    rows = JsonRows(b"\n".join(lines) + b"\n" * 300, ("text",))
    expected = [members(line, ("text",)) for line in lines]
    assert (rows.error == 0).tolist() == [pairs is not None for pairs in expected]
    assert rows.strings("text")[0].to_pylist() == [pairs and clean(pairs[0][1]) for pairs in expected]
    # And where too few bytes follow to read a block at a time.
    assert [outcome(line)[0] == "fine" for line in lines] == [pairs is not None for pairs in expected]


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=8), st.sampled_from([0, 1, 60, 63, 64, 130]))
def test_strings_take_utf8_and_nothing_else(tail: bytes, before: int) -> None:
    text = b'{"text":"' + b"x" * before + tail + b'"}'
    assert (outcome(text, b"\n" * 64)[0] == "fine") == is_json(text)
    assert outcome(text) == outcome(text, b"\n" * 64)
