import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.sha256 import sha256_prefixes


def digests(messages, size=32, type=np.int32):
    offsets = np.cumsum([0, *map(len, messages)]).astype(type)
    return [bytes(d) for d in sha256_prefixes(offsets, np.frombuffer(b"".join(messages), np.uint8), size)]


@given(st.lists(st.binary(max_size=300), max_size=5))
@settings(max_examples=100, deadline=None)
def test_equals_hashlib(messages):
    assert digests(messages) == [hashlib.sha256(m).digest() for m in messages]


@pytest.mark.parametrize("type", [np.int32, np.int64])
def test_every_length_around_a_block_border(type):
    messages = [bytes(range(n)) for n in range(200)]
    assert digests(messages, 16, type) == [hashlib.sha256(m).digest()[:16] for m in messages]


def test_a_slice_of_a_longer_buffer():
    out = sha256_prefixes(np.array([2, 5], np.int32), np.frombuffer(b"xxabcxx", np.uint8))
    assert bytes(out[0]) == hashlib.sha256(b"abc").digest()
