"""Leaves and roots: equal to their definition, and unlike one another where records differ."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import naive_canonical
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.kernels import digests
from tamis.snapshot.canonical import canonical
from tamis.snapshot.leaves import LEAD, by_id, leaves_of, places, root


@given(st.lists(st.binary(max_size=200), max_size=20), st.booleans())
def test_digests_are_sha256(messages: list[bytes], own: bool) -> None:
    offsets = np.zeros(len(messages) + 1, np.int64)
    np.cumsum([len(m) for m in messages], out=offsets[1:])
    data = np.frombuffer(b"".join(messages), np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        if not own:
            patch.setattr(digests, "has_sha", lambda: False)
        found = digests.sha256_all(data, offsets)
    assert [row.tobytes() for row in found] == [hashlib.sha256(m).digest() for m in messages]


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 8, 13])
def test_a_root_is_that_of_rfc_6962(count: int, own: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not own:
        monkeypatch.setattr(digests, "has_sha", lambda: False)
    leaves = np.random.default_rng(count).integers(0, 256, (count, 32), np.uint8)
    assert root(leaves) == naive_canonical.root([leaf.tobytes() for leaf in leaves])


@given(st.lists(st.text(max_size=100), min_size=1, max_size=8))
def test_leaves_are_their_definition(texts: list[str]) -> None:
    records = canonical(pa.record_batch({"text": texts}), LEAD)
    data = [records.data[a + LEAD : b].tobytes() for a, b in pairwise(records.offsets.tolist())]
    salts = np.random.default_rng(0).integers(0, 256, (len(texts), 16), np.uint8)
    found = leaves_of(records, salts)
    expected = [naive_canonical.leaf(salt.tobytes(), text) for salt, text in zip(salts, data, strict=True)]
    assert [leaf.tobytes() for leaf in found] == expected


@given(
    st.lists(
        st.tuples(st.sampled_from([b"a" * 8, b"b" * 8, b"\xff" * 8]), st.binary(min_size=8, max_size=8)), max_size=9
    )
)
def test_ids_are_in_the_order_of_their_bytes(halves: list[tuple[bytes, bytes]]) -> None:
    ids = [first + second for first, second in halves]
    order = by_id(np.frombuffer(b"".join(ids), np.uint8).reshape(-1, 16))
    assert [ids[k] for k in order] == sorted(ids)


KEYS = st.lists(st.tuples(st.integers(0, 2), st.sampled_from([0, 1, 2**64 - 1])), max_size=12)


@given(KEYS, KEYS)
def test_places_are_the_first_of_each_key(known: list[tuple[int, int]], sought: list[tuple[int, int]]) -> None:
    known = sorted(known)
    as_keys = [np.array(keys, np.uint64).reshape(-1, 2) for keys in (known, sought)]
    assert places(*as_keys).tolist() == [known.index(key) if key in known else -1 for key in sought]
