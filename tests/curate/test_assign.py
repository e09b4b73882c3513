import hashlib

import numpy as np
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.curate import assign as to
from tamis.curate.draw import draws
from tamis.errors import UsageError
from tamis.schemas.ids import halves

SHARES = {"train": 0.7, "validation": 0.2, "test": 0.1}
KEYS = st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)), unique=True, max_size=30)


def numbers(n: int, first: int = 0) -> np.ndarray:
    """Keys (n, 2) of n made-up records."""
    data = b"".join(hashlib.md5(b"%d" % k).digest() for k in range(first, first + n))
    return np.frombuffer(data, ">u8").astype(np.uint64).reshape(-1, 2)


def naive(key: tuple[int, int], shares: dict[str, float], seed: int) -> int:
    data = b"".join(half.to_bytes(8, "big") for half in key)
    drawn = xxhash.xxh64_intdigest(data, xxhash.xxh64_intdigest(b"split %d" % seed)) / 2**64
    ends = np.cumsum(list(shares.values()))
    return next(k for k, end in enumerate(ends) if drawn < end or k == len(ends) - 1)


@settings(max_examples=50)
@given(KEYS, st.integers(-2, 2))
def test_a_cluster_goes_where_its_draw_falls(keys: list[tuple[int, int]], seed: int) -> None:
    got = to.assign(np.array(keys, np.uint64).reshape(-1, 2), SHARES, seed)
    assert got.tolist() == [naive(key, SHARES, seed) for key in keys]


def test_more_data_moves_no_cluster() -> None:
    few, many = numbers(1000), numbers(5000)
    assert np.array_equal(to.assign(few, SHARES, 0), to.assign(many, SHARES, 0)[:1000])


def test_any_stratum_has_its_shares_give_or_take() -> None:
    where = to.assign(numbers(20_000), SHARES, 0)
    for stratum in np.array_split(where, 4):
        for k, share in enumerate(SHARES.values()):
            assert abs((stratum == k).sum() - share * 5000) < 3.5 * np.sqrt(share * (1 - share) * 5000)


def test_a_new_split_taken_from_its_neighbour_moves_nothing_else() -> None:
    keys = numbers(2000)
    before = to.assign(keys, {"train": 0.9, "test": 0.1}, 0)
    after = to.assign(keys, {"train": 0.8, "validation": 0.1, "test": 0.1}, 0)
    assert np.array_equal(before == 1, after == 2)


def test_what_falls_to_a_split_has_nothing_to_do_with_what_a_sample_took() -> None:
    keys = numbers(20_000)
    sampled = keys[draws(keys, "sample", 0) < np.uint64(2**64 // 10)]
    assert abs((to.assign(sampled, SHARES, 0) == 0).mean() - 0.7) < 0.04


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 6)), max_size=60), st.integers(0, 3))
def test_balanced_reaches_every_share_but_for_half_a_cluster_at_each_border(
    clusters: list[tuple[int, int]], seed: int
) -> None:
    strata, sizes = np.array(clusters, np.int64).reshape(-1, 2).T
    got = to.balanced(numbers(len(clusters)), strata, sizes, SHARES, seed)
    for stratum in set(strata.tolist()):
        own = strata == stratum
        below = np.cumsum([sizes[own & (got == k)].sum() for k in range(3)])
        wanted = np.cumsum(list(SHARES.values())) * sizes[own].sum()
        assert np.all(np.abs(below - wanted) <= sizes[own].max() / 2 + 1e-6)


def test_balanced_moves_as_few_as_it_says_when_data_comes_in() -> None:
    n = 20_000
    keys, ones = numbers(2 * n), np.ones(2 * n, np.int64)
    moved = []
    for seed in range(20):
        before = to.balanced(keys[:n], ones[:n], ones[:n], {"train": 0.95, "test": 0.05}, seed)
        after = to.balanced(keys, ones, ones, {"train": 0.95, "test": 0.05}, seed)[:n]
        moved.append((before != after).sum())
    assert np.mean(moved) == pytest.approx(0.8 * np.sqrt(0.95 * 0.05 * n / 2), rel=0.5)


def test_a_cluster_is_known_by_its_smallest_id() -> None:
    ids = numbers(300)
    clusters = np.arange(300) % 70 - 5
    got = to.identity(ids, clusters)
    wanted = [min(ids[clusters == c].tolist()) for c in clusters]
    assert got.tolist() == wanted
    assert to.identity(ids[:0], clusters[:0]).shape == (0, 2)


def test_a_record_that_joins_moves_a_cluster_as_often_as_it_says() -> None:
    n, shares = 40_000, {"train": 0.8, "test": 0.2}
    ids, joins = numbers(n), numbers(n, n)
    clusters = np.tile(np.arange(n), 2)
    after = to.identity(np.concatenate([ids, joins]), clusters)[:n]
    moved = to.assign(after, shares, 0) != to.assign(ids, shares, 0)
    assert moved.mean() == pytest.approx((1 - 0.8**2 - 0.2**2) / 2, rel=0.05)


@pytest.mark.parametrize(
    ("shares", "says"),
    [
        ({}, "there are no splits"),
        ({"train": 0.9, "test": 0.2}, "add up to 1.1, not to 1"),
        ({"train": 1.0, "test": 0.0}, "the share of 'test' is 0.0; it must be over 0"),
        ({"train": "most"}, "the share of 'train' is 'most'"),
        ({"train": float("nan")}, "the share of 'train' is nan"),
    ],
)
def test_shares_that_are_none_are_refused(shares: dict[str, float], says: str) -> None:
    with pytest.raises(UsageError, match=f"^split: .*{says}"):
        to.check(shares)


@pytest.mark.parametrize("shares", [{"all": 1}, {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}, {"a": 1.0, "b": 1e-10}, SHARES])
def test_shares_that_add_up_are_taken(shares: dict[str, float]) -> None:
    to.check(shares)
    assert set(to.assign(numbers(500), shares, 0).tolist()) <= set(range(len(shares)))


def test_ids_are_drawn_as_they_stand_in_files() -> None:
    import pyarrow as pa

    one = hashlib.md5(b"one").digest()
    salt = xxhash.xxh64_intdigest(b"split 7")
    assert draws(halves(pa.array([one], pa.binary(16))), "split", 7).tolist() == [xxhash.xxh64_intdigest(one, salt)]
