"""A run with `near`: the same bytes however it is cut, whoever works and wherever it was killed."""

from __future__ import annotations

import json
import random
import signal
from pathlib import Path
from typing import Any

import pytest
from attempting import process
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import digests, recipe, sentences, write_lines
from naive_clusters import Corpus, Gone

import tamis
from tamis.recipes.budget import Budget

PARAMS = {"threshold": 0.6, "ngram": 2, "recall": 1 - 1e-9}


def revised(count: int = 300, seed: int = 3) -> list[dict[str, Any]]:
    """Rows of which every third is an earlier one with a word or two taken out or put in."""
    rnd = random.Random(seed)
    rows = sentences(count, seed)
    for k in range(2, count, 3):
        words = rnd.choice(rows[:k])["text"].split()
        words.insert(rnd.randrange(len(words) + 1), "then")
        del words[rnd.randrange(len(words))]
        rows[k]["text"] = " ".join(words)
    return rows


def verdicts(run: tamis.Run, rows: list[dict[str, Any]]) -> dict[int, Gone]:
    """What a run said of the records that near let go, by their place."""
    place = {k: n for n, k in enumerate(run.fates().column("record_id").to_pylist())}
    assert len(place) == len(rows)
    found = {}
    for verdict in run.verdicts().to_pylist():
        evidence = json.loads(verdict["evidence"])
        if "via" in evidence:
            evidence["via"] = place[bytes.fromhex(evidence["via"])]
        found[place[verdict["record_id"]]] = Gone(place[verdict["peer_id"]], verdict["value"], evidence)
    return found


@pytest.fixture(scope="module")
def revisions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lines(tmp_path_factory.mktemp("revisions") / "in.jsonl", revised())


@pytest.fixture(scope="module")
def plain(revisions: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Digests of a run in one piece."""
    run = tamis.run(recipe({"near@1": PARAMS}), revisions, tmp_path_factory.mktemp("plain") / "run", engine="inline")
    assert verdicts(run, revised()) == Corpus([row["text"] for row in revised()], 2, "run").gone(0.6, "components")
    return digests(run.path)


@pytest.mark.parametrize(
    ("engine", "workers", "size", "share"),
    [("inline", 1, 1 << 20, 100_000), ("inline", 1, 1500, 1 << 20), ("local", 2, 4000, 200_000)],
)
def test_bytes_are_the_same_however_the_work_is_cut(
    monkeypatch: pytest.MonkeyPatch,
    revisions: Path,
    plain: dict[str, str],
    tmp_path: Path,
    engine: Any,
    workers: int,
    size: int,
    share: int,
) -> None:
    monkeypatch.setattr(Budget, "of", lambda *_: Budget(size, share))
    run = tamis.run(recipe({"near@1": PARAMS}), revisions, tmp_path / "run", engine=engine, workers=workers)
    assert digests(run.path) == plain


def test_a_budget_changes_no_byte(revisions: Path, plain: dict[str, str], tmp_path: Path) -> None:
    run = tamis.run(recipe({"near@1": PARAMS}), revisions, tmp_path / "run", workers=2, memory=300 << 20)
    assert digests(run.path) == plain


def test_a_run_killed_in_any_round_resumes_to_the_same_bytes(
    revisions: Path, plain: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe({"near@1": PARAMS})))
    call = ["run", tmp_path / "recipe.yaml", "-i", revisions, "-o", tmp_path / "run", "--partition-size", 2000]
    for phase in ("near: buckets", "near: verify", "near: resolved"):
        with process(*call, "--resume") as running:
            assert running.stdout is not None
            for line in running.stdout:
                if line.startswith(phase):
                    running.send_signal(signal.SIGKILL)
                    break
        assert running.returncode == -9, phase
    run = tamis.run(tmp_path / "recipe.yaml", revisions, tmp_path / "run", resume=True, partition_size=2000)
    assert digests(run.path) == plain


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(st.sampled_from("abcd"), max_size=9).map(" ".join), max_size=30),
    st.integers(20, 2000),
    st.sampled_from(["components", "star"]),
)
def test_any_texts_in_any_cut_have_the_verdicts_of_all_pairs(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], size: int, clusters: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    rows = [{"id": str(k), "text": text} for k, text in enumerate(texts)]
    stages = recipe({"near@1": {**PARAMS, "clusters": clusters}}, input={"kind": "document"})
    run = tamis.run(
        stages, write_lines(folder / "in.jsonl", rows), folder / "run", engine="inline", partition_size=size
    )
    assert verdicts(run, rows) == Corpus(texts, 2, "run").gone(0.6, clusters)


@pytest.mark.parametrize("clusters", ["components", "star"])
def test_near_again_lets_nothing_go(revisions: Path, tmp_path: Path, clusters: str) -> None:
    stages = recipe({"near@1": {**PARAMS, "clusters": clusters}})
    once = tamis.run(stages, revisions, tmp_path / "once", engine="inline")
    again = tamis.run(stages, once.path, tmp_path / "again", engine="inline")
    assert once.rows["dropped"] and again.rows["dropped"] == 0


def test_records_that_are_gone_take_no_part(tmp_path: Path) -> None:
    texts = ["a sieve is a drum", "a drum and a fine mesh make it a sieve", "a drum and a fine mesh make it the sieve"]
    lines = write_lines(tmp_path / "in.jsonl", [{"text": text} for text in [texts[0], *texts, texts[1]]])
    run = tamis.run(recipe({"own:Length": {"low": 20}}, "exact@1", {"near@1": PARAMS}), lines, tmp_path / "run")
    assert [(v["step"], v["rule"]) for v in run.verdicts().to_pylist()].count((3, "near_duplicate")) == 1
    assert run.data(["text"]).column("text").to_pylist() == [texts[1]]


def test_what_an_edit_made_alike_is_found_after_it(tmp_path: Path) -> None:
    texts = ["one two three four sieve", "one two three four SIEVED", "one two three four SIEVE"]
    lines = write_lines(tmp_path / "in.jsonl", [{"text": text} for text in texts])
    run = tamis.run(recipe("own:Shout", {"near@1": {"ngram": 5, "threshold": 1}}), lines, tmp_path / "run")
    assert run.data(["text"]).column("text").to_pylist() == ["one two three four SIEVE", texts[1]]


def test_run_json_says_how_it_went(revisions: Path, tmp_path: Path) -> None:
    run = tamis.run(recipe({"near@1": PARAMS}), revisions, tmp_path / "run", engine="inline")
    said, oracle = run.steps[1]["facts"], Corpus([row["text"] for row in revised()], 2, "run")
    distinct = {pair for pair in oracle.shared if all(oracle.leader[k] == k for k in pair)}
    sizes = [oracle.sizes(*pair) for pair in distinct]
    peers = [gone.peer for gone in oracle.gone(0.6, "components").values()]
    assert said["pairs_alike"] == sum(shared / total >= 0.6 for shared, total in sizes)
    assert said["records_with_the_same_words"] == sum(leader != k for k, leader in enumerate(oracle.leader))
    assert said["groups"] == len(set(peers))
    assert said["largest_group"] == 1 + max(map(peers.count, peers))
