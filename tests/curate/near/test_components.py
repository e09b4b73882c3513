"""Components: stars over ranges of ordinals find what union-find finds, however many ranges there are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import digests, recipe, sentences, write_lines

import tamis
from tamis.curate.near import components
from tamis.curate.near.alike import EDGES
from tamis.curate.near.clusters import grouped
from tamis.engine.desk import MemoryDesk
from tamis.recipes.budget import Budget

N = 40

PAIRS = st.lists(st.tuples(st.integers(0, N - 1), st.integers(0, N - 1)).filter(lambda p: p[0] != p[1]), max_size=60)


def desk(pairs: list[tuple[int, int]], share: int) -> MemoryDesk:
    """A desk on which the pairs were found, half of them as of the same words."""
    left, right = (np.array([f(p) for p in pairs], np.int64) for f in (min, max))
    half = len(pairs) // 2
    one = np.ones(half, np.uint32)
    found = pa.table([left[:half], right[:half], one, one], schema=EDGES)
    same = pa.table({"leader": left[half:], "follower": right[half:]})
    rounds = {"verify": [{"verify": found}], "same": [{"same": same}]}
    return MemoryDesk(tamis.make("near@1"), [{}], [pa.nulls(N, pa.binary(16))], [], share=share, rounds=rounds)  # type: ignore[arg-type]


@given(PAIRS, st.sampled_from([300, 2000, 1 << 20]))
def test_stars_join_what_union_find_joins(pairs: list[tuple[int, int]], share: int) -> None:
    truth = grouped(N, *(np.array([p[k] for p in pairs], np.int64) for k in (0, 1)))
    for limit in (0, N):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(components, "DENSE", limit)
            here = desk(pairs, share)
            found = components.find(here)
        assert (components.roots_of(here, np.arange(N)[::-1].copy())[::-1] == truth).all()
        assert found == (np.unique(pairs).size, len(pairs))


@given(PAIRS, st.sampled_from([300, 2000, 1 << 20]))
def test_a_range_has_whole_components(pairs: list[tuple[int, int]], share: int) -> None:
    here = desk(pairs, share)
    components.find(here)
    seen = [components.in_range(here, keys) for keys in components.place(here)]
    roots = [set(components.roots_of(here, table.column("left").to_numpy()).tolist()) for table in seen]
    assert sum(map(len, seen)) == len(pairs) and sum(map(len, roots)) == len(set().union(*roots))


@pytest.mark.parametrize("clusters", ["components", "star"])
def test_a_run_with_stars_has_the_same_bytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clusters: str) -> None:
    rows = [row | {"text": f"{row['text']} {'so on ' * (k % 3)}"} for k, row in enumerate(sentences(60) * 2)]
    lines = write_lines(tmp_path / "in.jsonl", [{"text": row["text"]} for row in rows])
    stages = recipe({"near@1": {"clusters": clusters, "threshold": 0.5, "ngram": 2}}, {"split@1": {"threshold": 0.4}})
    plain = tamis.run(stages, lines, tmp_path / "plain", engine="inline")
    monkeypatch.setattr(components, "DENSE", 0)
    monkeypatch.setattr(Budget, "of", lambda *_: Budget(1500, 20_000))
    run = tamis.run(stages, lines, tmp_path / "run", engine="inline")
    assert plain.rows["dropped"] and digests(run.path) == digests(plain.path)
