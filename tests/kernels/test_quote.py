import json

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.quote import quote

TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('"\\\x00\x1f\x7f\n\t\r\b\f'))


@given(st.lists(TEXT), st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_json_reads_back_the_string(strings, start):
    array = pa.array(strings, pa.string())[start:]
    quoted = quote(array)
    quoted.validate(full=True)
    assert [json.loads(q) for q in quoted.to_pylist()] == strings[start:]


def test_large_strings_and_binary():
    assert quote(pa.array(["a\n"], pa.large_string())).to_pylist() == ['"a\\n"']
    assert quote(pa.array([b'"'], pa.binary())).to_pylist() == ['"\\""']


def test_no_line_feed_is_left():
    every = "".join(map(chr, range(128)))
    assert "\n" not in quote(pa.array([every]))[0].as_py()
