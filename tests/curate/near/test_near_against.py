"""`against`: what an earlier corpus has goes, and nothing of that corpus."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import digests, recipe, write_lines
from naive_clusters import Corpus

import tamis
from tamis.errors import InputError, UsageError

HAD = ["a drum and a fine mesh make it a sieve", "press the soup through it with a scraper", "", "short"]
NEW = [
    "which mesh is for flour",
    "A drum and a fine mesh make it THE sieve!",
    "press soup through it with a scraper",
    "",
]
LOST = {1: "had 0", 2: "had 1"}
NEAR = {"threshold": 0.5, "ngram": 2}


def rows(texts: list[str], name: str) -> list[dict[str, Any]]:
    return [{"id": f"{name} {k}", "text": text} for k, text in enumerate(texts)]


def folder(place: Path) -> Path:
    (place / "had/deeper").mkdir(parents=True)
    write_lines(place / "had/a.jsonl", rows(HAD, "had")[:1])
    write_lines(place / "had/deeper/b.jsonl", rows(HAD, "had")[1:])
    return place / "had"


def parquet(place: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(rows(HAD, "had")), place / "had.parquet")
    return place / "had.parquet"


def packed(place: Path) -> Path:
    lines = b"".join(json.dumps(row).encode() + b"\n" for row in rows(HAD, "had"))
    (place / "had.jsonl.gz").write_bytes(gzip.compress(lines))
    return place / "had.jsonl.gz"


def a_run(place: Path) -> Path:
    lines = write_lines(place / "first.jsonl", rows(HAD, "had"))
    return tamis.run(recipe(), lines, place / "first", engine="inline").path


def damaged_lines(place: Path) -> Path:
    good = rows(HAD, "had")
    return write_lines(place / "had.jsonl", [good[0], b"{not json", *good[1:]])


@pytest.mark.parametrize("make", [folder, parquet, packed, a_run, damaged_lines])
def test_what_an_earlier_corpus_has_goes(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    stages = recipe({"near@1": {**NEAR, "against": [str(make(tmp_path))]}})
    lines = write_lines(tmp_path / "new.jsonl", rows(NEW, "new"))
    run = tamis.run(stages, lines, tmp_path / "run", engine="inline", partition_size=60)
    assert run.data(["id"]).column("id").to_pylist() == ["new 0", "new 3"]
    assert {v["rule"] for v in run.verdicts().to_pylist()} == {"near_duplicate"}
    assert digests(tamis.run(stages, lines, tmp_path / "again", workers=2).path) == digests(run.path)


def test_a_peer_is_the_record_of_the_earlier_corpus(tmp_path: Path) -> None:
    first = a_run(tmp_path)
    ids = dict(zip(["had 0", "had 1"], tamis.open_run(first).fates()["record_id"].to_pylist(), strict=False))
    stages = recipe({"near@1": {**NEAR, "against": [str(first)]}})
    run = tamis.run(stages, write_lines(tmp_path / "new.jsonl", rows(NEW, "new")), tmp_path / "run")
    told = {v["record_id"]: v["peer_id"] for v in run.verdicts().to_pylist()}
    own = run.fates()["record_id"].to_pylist()
    assert told == {own[k]: ids[peer] for k, peer in LOST.items()}


def test_an_own_corpus_and_an_earlier_one_are_one_search(tmp_path: Path) -> None:
    """`keep` chooses among new records alone; beside an earlier one, none of them stays."""
    new = rows([HAD[0] + " and more", HAD[0], "flour of rye is fine", "flour of rye is fine and brown"], "new")
    stages = recipe({"near@1": {**NEAR, "keep": "longest", "against": [str(folder(tmp_path))]}})
    run = tamis.run(stages, write_lines(tmp_path / "new.jsonl", new), tmp_path / "run")
    assert run.data(["id"]).column("id").to_pylist() == ["new 3"]


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(st.sampled_from("abcd"), max_size=8).map(" ".join), min_size=1, max_size=10),
    st.lists(st.lists(st.sampled_from("abcd"), max_size=8).map(" ".join), min_size=1, max_size=10),
    st.sampled_from(["components", "star"]),
)
def test_verdicts_equal_all_pairs(
    tmp_path_factory: pytest.TempPathFactory, had: list[str], new: list[str], clusters: str
) -> None:
    lines = write_lines(tmp_path_factory.mktemp("had") / "had.jsonl", rows(had, "had"))
    params = {"threshold": 0.6, "ngram": 1, "recall": 1 - 1e-9, "clusters": clusters, "against": [str(lines)]}
    _, verdicts = tamis.make("near@1", **params)(pa.table({"text": new}))
    ids = tamis.run(recipe(input={"kind": "document"}), lines, lines.parent / "run").fates()["record_id"].to_pylist()
    ids += [k.to_bytes(16) for k in range(len(new))]
    found = {ids.index(v["record_id"], len(had)): (ids.index(v["peer_id"]), v["value"]) for v in verdicts.to_pylist()}
    expected = Corpus([*had, *new], 1, "run", len(had)).gone(0.6, clusters)
    assert found == {k: (gone.peer, gone.jaccard) for k, gone in expected.items()}


@pytest.mark.parametrize("lines", [[], [b""]], ids=["nothing", "a blank line"])
def test_an_earlier_corpus_may_be_empty(tmp_path: Path, lines: list[bytes]) -> None:
    had = write_lines(tmp_path / "had.jsonl", lines)
    stages = recipe({"near@1": {**NEAR, "against": [str(had)]}})
    run = tamis.run(stages, write_lines(tmp_path / "new.jsonl", rows([*NEW, NEW[1]], "new")), tmp_path / "run")
    assert run.rows["dropped"] == 1


def test_an_earlier_corpus_that_cannot_be_read_is_refused_and_a_bad_line_of_one_is_told(tmp_path: Path) -> None:
    stages = recipe({"near@1": {**NEAR, "against": [str(tmp_path / "had.jsonl")]}})
    new = write_lines(tmp_path / "new.jsonl", rows(NEW, "new"))
    write_lines(tmp_path / "had.jsonl", [b"{not json"])
    with pytest.raises(InputError, match=r"no record of the earlier corpora \(had\.jsonl\)"):
        tamis.run(stages, new, tmp_path / "none")
    write_lines(tmp_path / "had.jsonl", [b"{not json", {"text": NEW[0]}])
    run = tamis.run(stages, new, tmp_path / "some")
    assert run.steps[1]["facts"]["earlier_unread"] == 1
    assert "1 record of the earlier corpora could not be read" in run.facts["warnings"][0]


def test_paths_start_at_the_folder_of_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder(tmp_path)
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe({"near@1": {**NEAR, "against": "had"}})))
    (tmp_path / "elsewhere").mkdir()
    lines = write_lines(tmp_path / "new.jsonl", rows(NEW, "new"))
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert tamis.run(tmp_path / "recipe.yaml", lines, tmp_path / "run").rows["dropped"] == 2


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    folder(tmp_path)
    stages = recipe({"near@1": {"against": [str(tmp_path / "hat")]}})
    lines = write_lines(tmp_path / "new.jsonl", rows(NEW, "new"))
    with pytest.raises(InputError, match=r"hat.*had"):
        tamis.run(stages, lines, tmp_path / "run")


def test_a_run_does_not_go_on_beside_a_changed_earlier_corpus(tmp_path: Path) -> None:
    had = folder(tmp_path)
    stages = recipe({"near@1": {**NEAR, "against": [str(had)]}})
    lines = write_lines(tmp_path / "new.jsonl", rows(NEW, "new"))

    def enough(progress: object) -> None:
        if "buckets" in str(progress):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tamis.run(stages, lines, tmp_path / "run", on_progress=enough)
    write_lines(had / "a.jsonl", rows(["something else"], "had"))
    with pytest.raises(UsageError, match="changed since"):
        tamis.run(stages, lines, tmp_path / "run", resume=True)


def test_the_digest_of_an_earlier_corpus_is_in_the_resolved_recipe(tmp_path: Path) -> None:
    had = folder(tmp_path)
    stages = recipe({"near@1": {**NEAR, "against": [str(had)]}})
    lines = write_lines(tmp_path / "new.jsonl", rows(NEW, "new"))
    told = [json.loads((tamis.run(stages, lines, tmp_path / "a").path / "recipe.resolved.json").read_bytes())]
    write_lines(had / "a.jsonl", rows(["something else"], "had"))
    told.append(json.loads((tamis.run(stages, lines, tmp_path / "b").path / "recipe.resolved.json").read_bytes()))
    one, other = (list(found["stages"][0]["files"].values()) for found in told)
    assert len(one[0]) == 64 and one != other
