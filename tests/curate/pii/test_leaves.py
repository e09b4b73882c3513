"""JSON is taken apart into strings and numbers, and put back with others."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tamis.curate.pii.leaves import leaves, with_leaves

META = '{"a":{"who":"Ann \\u0040 \\"home\\"","n":[12, -3.50e2,true]},"a@b":null}'


def test_json_is_taken_apart_and_put_back() -> None:
    texts = pa.array([None, META, "{}"])
    found = leaves(texts)
    assert found.strings.to_pylist() == ["a", "who", 'Ann @ "home"', "n", "12", "-3.50e2", "a@b"]
    assert found.offsets.tolist() == [0, 0, 7, 7]
    new = pa.array(["a", "who", 'é"', "n", "<N>", "-3.50e2", "<E>"])
    put = with_leaves(texts, new, found, pa.array([2, 4, 6]).to_numpy())
    assert put.to_pylist() == [None, '{"a":{"who":"é\\"","n":["<N>", -3.50e2,true]},"<E>":null}', "{}"]


def test_keys_that_become_one_are_numbered() -> None:
    texts = pa.array(['{"a":{"x":1.50},"b":[2],"c":{"x":3}}', '{"a": 1,"b":2}'])
    new = pa.array(["E", "x", "1.50", "E", "2", "E", "x", "3", "E", "1", "b", "2"])
    found = leaves(texts)
    put = with_leaves(texts, new, found, np.array([0, 3, 5, 8])).to_pylist()
    assert put == ['{"E":{"x":1.5},"E (2)":[2],"E (3)":{"x":3}}', '{"E": 1,"b":2}']
