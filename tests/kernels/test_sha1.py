import naive_grams as naive
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.sha1 import SLACK, hash_slices


def hashes(messages: list[bytes]) -> list[int]:
    data = np.frombuffer(b"".join(messages) + b"\xff" * SLACK, np.uint8)
    sizes = np.array([len(m) for m in messages], np.int64)
    out = np.empty(len(messages), np.uint64)
    hash_slices(data, np.cumsum(sizes) - sizes, sizes, out)
    return out.tolist()


@given(st.lists(st.binary(max_size=300), max_size=20))
@settings(max_examples=100, deadline=None)
def test_equals_hashlib(messages: list[bytes]) -> None:
    assert hashes(messages) == [naive.sha1(m) for m in messages]


def test_every_length_around_a_block_border() -> None:
    messages = [bytes(range(n)) for n in range(200)]
    assert hashes(messages) == [naive.sha1(m) for m in messages]


def test_a_long_message_beside_short_ones() -> None:
    messages = [b"a", b"b" * 100_000, b"", b"c" * 64]
    assert hashes(messages) == [naive.sha1(m) for m in messages]
