import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.hash import SECOND_SEED, key128, xxh64


def naive(texts: list[bytes], seed: int) -> list[int]:
    return [xxhash.xxh64_intdigest(text, seed) for text in texts]


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1])
def test_xxh64_is_the_reference_at_every_length(seed: int) -> None:
    noise = np.random.default_rng(7).bytes(70_000)
    texts = [noise[n : 2 * n] for n in range(201)] + [noise[:4096], noise[1:65_537], noise]
    assert xxh64(pa.array(texts, pa.binary()), seed).tolist() == naive(texts, seed)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text()), st.integers(0, 3), st.sampled_from([pa.string(), pa.large_string()]))
def test_xxh64_of_a_slice_is_that_of_its_strings(texts: list[str], skip: int, type: pa.DataType) -> None:
    got = xxh64(pa.array(texts, type).slice(skip))
    assert got.tolist() == naive([t.encode() for t in texts[skip:]], 0)


def test_a_null_hashes_as_the_empty_string() -> None:
    assert xxh64(pa.array(["a", None, ""])).tolist() == naive([b"a", b"", b""], 0)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.none() | st.text()), st.integers(0, 9))
def test_key128_is_two_hashes_and_null_stays_null(texts: list[str | None], skip: int) -> None:
    got = key128(pa.array(texts, pa.string()).slice(skip)).to_pylist()
    assert got == [
        t if t is None else b"".join(xxhash.xxh64_digest(t.encode(), seed) for seed in (0, SECOND_SEED))
        for t in texts[skip:]
    ]


@pytest.mark.parametrize("array", [pa.array([], pa.string()), pa.nulls(3, pa.string()), pa.array(["", ""])])
def test_arrays_without_a_byte_have_hashes(array: pa.Array) -> None:
    assert xxh64(array).tolist() == naive([b""] * len(array), 0)
    assert key128(array).null_count == array.null_count
