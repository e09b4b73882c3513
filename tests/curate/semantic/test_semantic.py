"""semantic finds the most similar better record, exactly, however a run is cut; replay knows it, too."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import naive_semantic as naive
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import WORDS, digests, recipe, write_lines

import tamis
from tamis.curate.semantic import nearest
from tamis.errors import ExtraMissing, UsageError

pytest.importorskip("tokenizers", reason="the extra semantic is not installed")
pytest.importorskip("safetensors", reason="the extra semantic is not installed")

from small_model import small_model

from tamis.curate.semantic.encoder import encoder_of
from tamis.curate.semantic.place import place_of
from tamis.kernels.vectors import rounded


def vectors(texts: list[str]) -> list[list[int]]:
    """The vectors of texts, on the grid, one at a time."""
    encoder = encoder_of(place_of(small_model(), Path(), "semantic"))
    return [rounded(encoder.encode([text]))[0].tolist() for text in texts]


def made(count: int, seed: int = 3) -> list[dict[str, Any]]:
    """Rows of made-up text, some of them alike, some empty."""
    rnd = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for k in range(count):
        text = " ".join(rnd.choices([*WORDS, "42"], k=rnd.randrange(0, 9)))
        if rows and rnd.random() < 0.3:
            text = rnd.choice(rows)["text"] + rnd.choice(["", ".", " of"])
        rows.append({"id": f"r{k}", "text": text, "score": rnd.random()})
    return rows


def expected(rows: list[dict[str, Any]], rank: list[float]) -> list[tuple[int | None, float | None]]:
    found = naive.likes(vectors([row["text"] for row in rows]), rank)
    return [(k.like, k.cosine) for k in found]


def told(table: pa.Table) -> list[tuple[int | None, float | None]]:
    """What a stage that was called on a table says of every row."""
    like = [i and int.from_bytes(i) for i in table.column("semantic_like").to_pylist()]
    return list(zip(like, table.column("semantic_similarity").to_pylist(), strict=True))


def same(found: list[tuple[int | None, float | None]], wanted: list[tuple[int | None, float | None]]) -> bool:
    close = [a == b or (a and b and abs(a - b) < 1e-6) for (_, a), (_, b) in zip(found, wanted, strict=True)]
    likes = [a or None for a, _ in found] == [b or None for b, _ in wanted]
    return all(close) and likes


TEXTS = st.lists(st.text("abc .", max_size=6), min_size=1, max_size=14)


@given(TEXTS)
@settings(max_examples=40)
def test_every_record_is_told_the_most_similar_one_before_it(texts: list[str]) -> None:
    rows = [{"text": text} for text in texts]
    kept, _ = tamis.make("semantic@1", model=small_model())(pa.Table.from_pylist(rows))
    assert same(told(kept), expected(rows, [0.0] * len(rows)))


def test_the_better_one_is_as_keep_says() -> None:
    rows = made(60)
    kept, _ = tamis.make("semantic@1", model=small_model(), keep="best:score")(pa.Table.from_pylist(rows))
    assert same(told(kept), expected(rows, [row["score"] for row in rows]))


def test_several_tiles_say_what_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.Table.from_pylist(made(300))
    one, _ = tamis.make("semantic@1", model=small_model())(table)
    for module in ("nearest", "stage"):
        monkeypatch.setattr(f"tamis.curate.semantic.{module}.TILE", 32)
    assert tamis.make("semantic@1", model=small_model())(table)[0].equals(one)


def test_an_index_finds_nearly_all(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("usearch", reason="the extra semantic is not installed")
    for module in ("nearest", "stage"):
        monkeypatch.setattr(f"tamis.curate.semantic.{module}.TILE", 128)
    rows = pa.Table.from_pylist(made(2000))
    exact, _ = tamis.make("semantic@1", model=small_model(), exact_up_to=10_000)(rows)
    asked, _ = tamis.make("semantic@1", model=small_model(), exact_up_to=10)(rows)
    again, _ = tamis.make("semantic@1", model=small_model(), exact_up_to=10)(rows)
    a, b = (t.column("semantic_similarity").to_numpy(zero_copy_only=False) for t in (exact, asked))
    known = ~np.isnan(a)
    assert (a == b)[known].mean() > 0.98 and (b <= a)[known].all()
    assert again.equals(asked)


def test_what_is_dropped_has_a_better_one_that_is_like_it(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "rows.jsonl", made(200))
    flagged = tamis.run(recipe({"semantic@1": {"model": small_model()}}), path, tmp_path / "flag")
    dropped = tamis.run(recipe({"semantic@1": {"model": small_model(), "action": "drop"}}), path, tmp_path / "drop")
    said = {v["record_id"]: v for v in flagged.verdicts().to_pylist()}
    assert flagged.facts["rows"]["kept"] == 200 and {v["action"] for v in said.values()} == {"review"}
    assert set(dropped.data().column("record_id").to_pylist()).isdisjoint(said)
    assert dropped.facts["rows"]["dropped"] == len(said) > 20
    assert min(v["value"] for v in said.values()) >= 0.95


@pytest.mark.parametrize("exact_up_to", [100_000, 0])
def test_bytes_do_not_depend_on_workers_or_partitions(tmp_path: Path, exact_up_to: int) -> None:
    pytest.importorskip("usearch", reason="the extra semantic is not installed")
    pytest.importorskip("sklearn", reason="the extra semantic is not installed")
    path = write_lines(tmp_path / "rows.jsonl", made(400))
    stages = (
        {"semantic@1": {"model": small_model(), "exact_up_to": exact_up_to}},
        {"topics@1": {"model": small_model(), "topics": 4}},
    )
    one = tamis.run(recipe(*stages), path, tmp_path / "one", workers=1)
    two = tamis.run(recipe(*stages), path, tmp_path / "two", workers=2, partition_size=3000)
    assert digests(one.path) == digests(two.path)
    assert [s.get("facts") for s in one.facts["steps"]] == [s.get("facts") for s in two.facts["steps"]]


@pytest.mark.parametrize("threshold", [0.8, 0.99, 1.0])
def test_replay_at_another_threshold_equals_a_run(tmp_path: Path, threshold: float) -> None:
    path = write_lines(tmp_path / "rows.jsonl", made(200))
    stage = {"model": small_model(), "action": "drop"}
    run = tamis.run(recipe({"semantic@1": stage}), path, tmp_path / "run")
    other = tamis.run(recipe({"semantic@1": {**stage, "threshold": threshold}}), path, tmp_path / "other")
    asked = tamis.replay(run, [f"semantic.threshold={threshold}"])
    assert (asked.rows["after"]["kept"], len(asked.unknown)) == (other.facts["rows"]["kept"], 0)


def test_a_record_that_is_gone_is_like_nobody(tmp_path: Path) -> None:
    rows = [{"text": "fine purée", "license": "GPL-3.0-only"}, {"text": "fine purée", "license": "mit"}]
    path = write_lines(tmp_path / "rows.jsonl", rows)
    stages = {"license@1": {"deny": ["GPL-3.0-only"]}}, {"semantic@1": {"model": small_model(), "action": "drop"}}
    run = tamis.run(recipe(*stages), path, tmp_path / "run")
    assert run.data().column("semantic_like").to_pylist() == [None]


@pytest.mark.parametrize(
    "params", [{"threshold": 1.1}, {"action": "keep"}, {"keep": "worst"}, {"exact_up_to": -1}, {"on": []}]
)
def test_a_parameter_out_of_range_is_named(params: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(params))):
        tamis.make("semantic@1", model="x", **params)


def test_without_an_index_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "usearch.index", None)
    with pytest.raises(ExtraMissing, match=r"tamis\[semantic\]"):
        nearest.nearest_by_index(lambda _: np.ones((2, 3), np.int16), 2, 0.9)
