"""Splits: groups of near-duplicates lie in one, shares hold, and more data moves nothing."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st
from making import WORDS, digests, recipe, sentences, write_lines
from naive_clusters import Corpus, components

import tamis
from tamis.errors import TamisError
from tamis.recipes.budget import Budget

ALIKE = {"threshold": 0.6, "ngram": 1, "recall": 1 - 1e-9}
HALVES = {"train": 0.5, "test": 0.5}
TEXTS = st.lists(st.lists(st.sampled_from("abcde"), max_size=9).map(" ".join), min_size=1, max_size=14, unique=True)


def identity(text: str) -> bytes:
    return hashlib.md5(text.encode()).digest()


def splits(texts: list[str], **params: Any) -> list[str]:
    """The split of each text; its record id is made of it."""
    table = pa.table({"text": texts, "record_id": pa.array(map(identity, texts), pa.binary(16))})
    kept, _ = tamis.make("split@1", **{**ALIKE, **params})(table)
    assert kept.column("text").to_pylist() == texts
    return list(kept.column("split").to_pylist())


def groups(texts: list[str]) -> list[int]:
    """For each text the first of those it is linked to."""
    taken = components(list(range(len(texts))), Corpus(texts, 1, "run").links(0.6))
    return [taken.get(k, k) for k in range(len(texts))]


def drawn(key: bytes, shares: dict[str, float], seed: int) -> str:
    """The split that a group of this smallest record id falls to."""
    place = xxhash.xxh64_intdigest(key, xxhash.xxh64_intdigest(b"split %d" % seed)) / 2**64
    ends = np.cumsum(list(shares.values()))
    return next(name for name, end in zip(shares, ends, strict=True) if place < end)


@settings(max_examples=25)
@given(TEXTS, st.integers(-1, 3))
def test_a_group_goes_where_its_smallest_id_falls(texts: list[str], seed: int) -> None:
    shares = {"a": 0.25, "b": 0.25, "c": 0.5}
    smallest: dict[int, bytes] = {}
    for text, group in zip(texts, groups(texts), strict=True):
        smallest[group] = min(smallest.get(group, b"\xff" * 16), identity(text))
    expected = [drawn(smallest[group], shares, seed) for group in groups(texts)]
    assert splits(texts, shares=shares, seed=seed) == expected


@settings(max_examples=25)
@given(TEXTS, TEXTS)
def test_more_data_moves_no_group_that_it_does_not_join(had: list[str], new: list[str]) -> None:
    texts = list(dict.fromkeys([*had, *new]))
    grown = {text: group for text, group in zip(texts, groups(texts), strict=True)}
    joined = {grown[text] for text in texts[len(had) :]}
    before, after = splits(had, **HALVES), splits(texts, **HALVES)
    assert all(before[k] == after[k] for k, text in enumerate(had) if grown[text] not in joined)


@settings(max_examples=12)
@given(TEXTS, st.randoms())
def test_order_moves_nothing(texts: list[str], random: Any) -> None:
    order = random.sample(texts, len(texts))
    assert dict(zip(order, splits(order, **HALVES), strict=True)) == dict(
        zip(texts, splits(texts, **HALVES), strict=True)
    )


@settings(max_examples=25)
@given(st.lists(st.integers(0, 2), min_size=1, max_size=60), st.integers(0, 2))
def test_every_stratum_is_cut_by_the_shares(strata: list[int], seed: int) -> None:
    """No two texts are alike here: each share is reached but for half a record at each border."""
    rows = [{"text": f"{k}", "kind": kind} for k, kind in enumerate(strata)]
    shares = {"train": 0.6, "validation": 0.1, "test": 0.3}
    kept, _ = tamis.make("split@1", **ALIKE, **shares, stratify="kind", seed=seed)(pa.Table.from_pylist(rows))
    found = Counter(zip(kept.column("kind").to_pylist(), kept.column("split").to_pylist(), strict=True))
    for kind, total in Counter(strata).items():
        assert all(abs(found[kind, name] - share * total) <= 1 for name, share in shares.items())


@settings(max_examples=12)
@given(TEXTS, st.data())
def test_strata_tear_no_group_apart(texts: list[str], data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from(["x", "y", None]), min_size=len(texts), max_size=len(texts)))
    table = pa.table({"text": texts, "kind": pa.array(kinds, pa.string())})
    kept, _ = tamis.make("split@1", **ALIKE, **HALVES, stratify="kind")(table)
    assert len(set(zip(groups(texts), kept.column("split").to_pylist(), strict=True))) == len(set(groups(texts)))


def test_shares_hold_on_average() -> None:
    found = Counter(splits([f"{k}" for k in range(4000)]))
    assert found.keys() == {"train", "validation"} and abs(found["validation"] - 200) < 50


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({}, {"train", "validation"}),
        ({"train": 1.0}, {"train"}),
        ({"train": 0.4, "validation": 0.3, "test": 0.3}, {"train", "validation", "test"}),
        ({"train": 0.5, "shares": {"held out": 0.5}}, {"train", "held out"}),
        ({"shares": {"fold 1": 0.5, "fold 2": 0.5}}, {"fold 1", "fold 2"}),
        ({"shares": {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}}, {"a", "b", "c"}),
    ],
)
def test_splits_are_named_as_wanted(params: dict[str, Any], names: set[str]) -> None:
    assert set(splits([f"{k}" for k in range(300)], **params)) == names


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"train": 0.5}, r"the shares add up to 0\.5, not to 1; change one of them"),
        ({"train": 0.7, "test": 0.4}, r"the shares add up to 1\.1, not to 1"),
        ({"train": -0.1, "test": 1.1}, r"the share of 'train' is -0\.1; it must be over 0 and at most 1"),
        ({"shares": {"a": "half", "b": 0.5}}, "the share of 'a' is 'half'"),
        ({"shares": {1: 1.0}}, "shares has 1 for the name of a split; text was wanted"),
        ({"train": 0.5, "shares": {"train": 0.5}}, "'train' has two shares"),
        ({"stratify": ""}, "stratify is ''; name a column"),
        ({"stratify": "kind"}, "split@1 reads 'kind', which nothing before it writes"),
        ({"stratify": "list"}, r"stratify is 'list', which is list<item: int64>; text or a number was wanted"),
        ({"shares": {f"{k}": 1 / 256 for k in range(256)}}, "there are 256 splits; 255 at most"),
    ],
)
def test_splits_that_cannot_be_are_refused(params: dict[str, Any], said: str) -> None:
    with pytest.raises(TamisError, match=said):
        tamis.make("split@1", **params)(pa.table({"text": ["a"], "list": [[1]]}))


def varied(count: int) -> list[dict[str, Any]]:
    return [{**row, "source": row["lang"]} for row in sentences(count)]


@pytest.mark.parametrize("stratify", [None, "source"])
@pytest.mark.parametrize(
    ("engine", "workers", "size", "share"), [("inline", 1, 5000, 1 << 20), ("local", 2, 9000, 300_000)]
)
def test_bytes_are_the_same_however_the_work_is_cut(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    stratify: str | None,
    engine: Any,
    workers: int,
    size: int,
    share: int,
) -> None:
    stages = recipe({"own:Length": {"low": 30}}, {"split@1": {**ALIKE, **HALVES, "stratify": stratify}})
    lines = write_lines(tmp_path / "in.jsonl", varied(300))
    plain = tamis.run(stages, lines, tmp_path / "plain", engine="inline")
    monkeypatch.setattr(Budget, "of", lambda *_: Budget(size, share))
    cut = tamis.run(stages, lines, tmp_path / "cut", engine=engine, workers=workers)
    assert digests(cut.path) == digests(plain.path)
    assert plain.steps[2]["facts"] == cut.steps[2]["facts"]


def test_stages_before_and_behind_it_see_what_they_should(tmp_path: Path) -> None:
    rows = [{"id": f"{k}", "text": " ".join([*WORDS[k : k + 6], "sieve"])} for k in range(12)]
    lines = write_lines(tmp_path / "in.jsonl", rows)
    params = {**ALIKE, "ngram": 5, **HALVES}
    last = tamis.run(recipe("own:Shout", {"split@1": params}), lines, tmp_path / "last", engine="inline")
    middle = tamis.run(
        recipe({"split@1": params}, "own:Shout", {"own:Length": {"low": 32}}),
        lines,
        tmp_path / "middle",
        engine="inline",
    )
    found = {row["id"]: row["split"] for row in last.data().to_pylist()}
    assert len(found) == 12 and set(found.values()) == {"train", "test"}
    kept = middle.data().to_pylist()
    assert 0 < len(kept) < 12 and all(row["split"] == found[row["id"]] and "SIEVE" in row["text"] for row in kept)


def test_a_record_that_is_gone_links_nothing(tmp_path: Path) -> None:
    texts = ["a b c d e longest", "a b c d x y", "a b u x y longest"]
    lines = write_lines(tmp_path / "in.jsonl", [{"id": f"{k}", "text": text} for k, text in enumerate(texts)])
    split = {"split@1": {"threshold": 0.5, "ngram": 1, "shares": {f"s{k}": 1 / 50 for k in range(50)}}}
    linked = tamis.run(recipe(split), lines, tmp_path / "linked", engine="inline")
    apart = tamis.run(recipe({"own:Length": {"low": 15}}, split), lines, tmp_path / "apart", engine="inline")
    assert len(set(linked.data()["split"].to_pylist())) == 1
    assert len(set(apart.data()["split"].to_pylist())) == 2 == apart.rows["kept"]


def test_run_json_counts_splits_and_groups(tmp_path: Path) -> None:
    lines = write_lines(tmp_path / "in.jsonl", varied(200))
    run = tamis.run(recipe({"split@1": {**ALIKE, **HALVES}}), lines, tmp_path / "run", engine="inline")
    facts, found = run.steps[1]["facts"], groups([row["text"] for row in varied(200)])
    assert facts["records"] == Counter(run.data(["split"])["split"].to_pylist())
    sizes = [count for count in Counter(found).values() if count > 1]
    assert (facts["groups"], facts["largest_group"]) == (len(sizes), max(sizes))
