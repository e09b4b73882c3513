"""Lines and paragraphs are told apart as in the naive version, and cuts are measured and made as by str."""

from __future__ import annotations

import naive_spans as naive
import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.spans_blocks import block_keys
from tamis.kernels.spans_cut import sizes, solid_chars, without

KNOWN = st.characters(exclude_categories=["Cs", "Cn"], exclude_characters="\ua7cb\ua7cc\ua7da\ua7dc")
TEXT = st.text(KNOWN | st.sampled_from("abAB \n\n\r\t\u2028\u00a0"), max_size=60)
TYPES = st.sampled_from([pa.string(), pa.large_string()])


@settings(deadline=None, max_examples=200)
@given(st.lists(TEXT, max_size=4), st.booleans(), st.integers(0, 20), TYPES)
def test_blocks_have_a_key_each_in_any_slice(texts: list[str], whole: bool, least: int, type: pa.DataType) -> None:
    strings = pa.array(["pad\nx", *texts, "pad"], type).slice(1, len(texts))
    keys, ends = block_keys(strings, np.arange(len(texts) + 1), whole, least)
    wanted = [{unit.key for unit in naive.blocks(text, whole, least)} for text in texts]
    assert np.diff(ends).tolist() == [len(own) for own in wanted]
    assert len(np.unique(keys)) == len(set().union(*wanted))


def test_keys_of_a_row_are_those_of_its_strings() -> None:
    strings = pa.array(["a\nb", "B \n c", "", "a"])
    keys, ends = block_keys(strings, np.array([0, 2, 2, 4]), False, 1)
    assert ends.tolist() == [0, 3, 3, 4]
    assert keys[3] in keys[:3] and sorted(keys[:3]) == keys[:3].tolist()


@settings(deadline=None, max_examples=200)
@given(st.lists(st.lists(TEXT, min_size=3, max_size=3), min_size=1, max_size=3), TYPES)
def test_cuts_are_measured_and_made(parts: list[list[str]], type: pa.DataType) -> None:
    strings = pa.array(["pad", *("".join(three) for three in parts)], type).slice(1)
    ends = np.cumsum([0, 3, *(len("".join(three).encode()) for three in parts)])
    start = np.array([ends[i + 1] + len(a.encode()) for i, (a, _, _) in enumerate(parts)])
    stop = start + np.array([len(b.encode()) for _, b, _ in parts])
    cuts = np.arange(len(parts)), start, stop
    assert without(strings, *cuts).to_pylist() == [a + c for a, _, c in parts]
    assert sizes(strings, *cuts).tolist() == [[len(a), len(a + b), len("".join(b.split()))] for a, b, _ in parts]
    solid = solid_chars(strings, np.arange(len(parts) + 1), np.ones(len(parts), bool))
    assert solid.tolist() == [len("".join("".join(three).split())) for three in parts]
