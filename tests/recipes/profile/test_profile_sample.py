"""What is drawn, and what a draw says of the whole."""

from __future__ import annotations

import gzip
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import WORDS, sentences, write_lines

from tamis.data import find
from tamis.recipes.profile import profile
from tamis.recipes.profile.clusters import GAP, clusters, laid_out
from tamis.recipes.profile.intervals import density, lost, share
from tamis.recipes.profile.look import Look, Together
from tamis.recipes.profile.size import records_in

COUNTS = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(COUNTS)
def test_a_share_lies_in_its_interval(counts: tuple[int, int]) -> None:
    rows, n = counts
    told = share(rows, n, 10_000)
    assert told.low is not None and told.high is not None
    assert 0 <= told.low <= told.value <= told.high <= 1


@pytest.mark.parametrize(("n", "p"), [(50, 0.1), (200, 0.02), (200, 0.5), (1000, 0.003), (1000, 0.95)])
def test_an_interval_holds_the_true_share_about_95_times_in_100(n: int, p: float) -> None:
    held = 0.0
    for rows in range(n + 1):
        told = share(rows, n, 10**9)
        if told.low is not None and told.high is not None and told.low <= p <= told.high:
            held += math.exp(
                math.lgamma(n + 1) - math.lgamma(rows + 1) - math.lgamma(n - rows + 1)
                + rows * math.log(p) + (n - rows) * math.log1p(-p)
            )  # fmt: skip
    assert held > 0.925


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 500)), min_size=1, max_size=50))
def test_a_density_is_that_of_all_and_lies_in_its_interval(records: list[tuple[int, int]]) -> None:
    found, size = np.array(records, float).T
    told = density(found, size, 1e6, 10_000)
    assert told.low is not None and told.high is not None
    assert told.value == pytest.approx(1e6 * found.sum() / size.sum())
    assert told.low <= told.value <= told.high
    assert density(found, size, 1e6, len(records)).low is None


def test_findings_in_bunches_are_known_less_well() -> None:
    size = np.full(1000, 100.0)
    even, bunched = np.zeros(1000), np.zeros(1000)
    even[::10], bunched[:5] = 1, 20
    one, other = density(even, size, 1e6, 10**6), density(bunched, size, 1e6, 10**6)
    assert one.value == other.value
    assert (one.high or 0) < (other.high or 0)


def test_what_was_parted_by_chance_is_allowed_for() -> None:
    sizes = np.full(100, 2)
    whole, part = lost(sizes, 800, 0.9, True), lost(sizes, 800, 0.9, False)
    assert (whole.value, whole.low) == (0.1, None)
    assert (part.low or 0) < 0.1 < part.value < 0.1 / 0.9 < (part.high or 0)


@settings(max_examples=20)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=40), st.integers(1, 39))
def test_a_draw_does_not_depend_on_what_stands_beside_a_record(texts: list[str], at: int) -> None:
    stage, batch = Look(0.3), rows_of(texts)
    whole = stage._drawn(batch)
    parts = [stage._drawn(batch.slice(0, at)), stage._drawn(batch.slice(at))]
    for k, column in enumerate(whole):
        assert column.to_pylist() == parts[0][k].to_pylist() + parts[1][k].to_pylist()


def rows_of(texts: list[str]) -> pa.RecordBatch:
    ids = pa.array([k.to_bytes(16, "big") for k in range(len(texts))], pa.binary(16))
    return pa.record_batch({"record_id": ids, "id": texts, "source": texts, "text": texts})


def test_a_sample_has_as_many_as_were_asked_for(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "in.jsonl", sentences(3000))
    one, two = (profile(path, sample=n).sample for n in (500, 400))
    assert (one.n, one.of, two.n) == (500, 3000, 400)


@pytest.mark.parametrize("how", ["plain", "gzip", "parquet"])
def test_how_many_records_there_are_is_about_known(how: str, tmp_path: Path) -> None:
    rows = sentences(20_000)
    path = tmp_path / "in"
    if how == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        write_lines(path, rows)
        if how == "gzip":
            path.write_bytes(gzip.compress(path.read_bytes()))
    assert records_in(find([path])) == pytest.approx(20_000, rel=0.05)


def test_what_is_alike_is_drawn_together() -> None:
    rnd = random.Random(1)
    texts = [" ".join(rnd.choices([w + str(n) for w in WORDS for n in range(40)], k=60)) for _ in range(1000)]
    near = [text + " one" for text in texts]
    stage = Together(0.3)
    one, two = (stage.measure(rows_of(t)).column(0).to_numpy() <= 0.3 for t in (texts, near))
    assert one.mean() == pytest.approx(0.3, abs=0.05)
    # 56 of 57 n-grams are the same.
    assert (one & two).sum() > 0.95 * one.sum()


def test_near_duplicates_of_a_sample_are_those_of_the_whole(tmp_path: Path) -> None:
    rnd = random.Random(2)
    vocabulary = [w + str(n) for w in WORDS for n in range(99)]
    texts: list[Any] = [" ".join(rnd.choices(vocabulary, k=80)) for _ in range(4000)]
    texts += [text + " and one more" for text in texts[:1000]]
    path = write_lines(tmp_path / "in.jsonl", [{"text": text} for text in texts])
    told = profile(path, sample=1, near_bytes=path.stat().st_size // 3).near
    assert told.share.low is not None and told.share.high is not None
    assert told.share.low < 0.2 < told.share.high
    assert told.share.high - told.share.low < 0.1
    assert told.rate == pytest.approx(1 / 3, abs=0.03)
    assert profile(path, sample=1).near.rows == 1000


def test_clusters_are_found_and_the_largest_is_first() -> None:
    rnd = np.random.default_rng(0)
    middle = np.eye(3, 10)
    which = np.repeat([2, 0, 1], [50, 100, 30])
    vectors = middle[which] + 0.1 * rnd.standard_normal((180, 10))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    label = clusters(vectors, 3)
    assert [len(set(label[which == k])) for k in range(3)] == [1, 1, 1]
    assert np.bincount(label).tolist() == [100, 50, 30]


def test_records_that_are_all_the_same_are_one_cluster() -> None:
    assert set(clusters(np.ones((50, 4), np.float32) / 2, 5).tolist()) == {0}


@settings(max_examples=15)
@given(st.integers(1, 16), st.integers(0, 9))
def test_no_disc_lies_on_another_or_beyond_the_map(k: int, seed: int) -> None:
    rnd = np.random.default_rng(seed)
    middle = rnd.standard_normal((k, 20))
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    share = rnd.dirichlet(np.ones(k))
    radius = np.maximum(9.0, np.sqrt(share * 0.3 * 720 * 420 / np.pi))
    place = laid_out(middle, radius, 720, 420)
    assert (place >= radius[:, None]).all() and (place <= np.array([720, 420]) - radius[:, None]).all()
    distance = np.linalg.norm(place[:, None] - place[None], axis=2) + 1e3 * np.eye(k)
    assert (distance - radius[:, None] - radius[None]).min() > -GAP / 2
