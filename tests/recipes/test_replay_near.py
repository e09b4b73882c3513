"""A replay of a recipe with near-duplicates, beside the run it foretells."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from making import recipe, sentences, write_lines

import tamis
from tamis.errors import UsageError

NEAR = {"threshold": 0.6, "ngram": 2, "recall": 1 - 1e-9, "keep": "longest"}


def rows(count: int = 400) -> list[dict[str, Any]]:
    """Rows of which every third is an earlier one with a word or two changed, or only its case."""
    rnd, made = random.Random(5), sentences(count, 5)
    for k in range(2, count, 3):
        words = rnd.choice(made[:k])["text"].split()
        if k % 2:
            words.insert(rnd.randrange(len(words) + 1), "then")
            del words[rnd.randrange(len(words))]
        made[k]["text"] = " ".join(words).upper() if k % 5 else " ".join(words)
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows, half of them as an earlier corpus, and a run over the others."""
    folder = tmp_path_factory.mktemp("near")
    made = rows()
    write_lines(folder / "earlier.jsonl", made[:100])
    write_lines(folder / "in.jsonl", made[100:])
    return folder


@pytest.mark.parametrize(
    "change", ["near.threshold=0.75", "near.clusters=star", "own.length.low=60", "own.length.low=5"]
)
@pytest.mark.parametrize("against", [(), ("earlier.jsonl",)])
def test_a_replay_lets_go_what_a_run_lets_go(folder: Path, tmp_path: Path, change: str, against: Any) -> None:
    paths = [str(folder / path) for path in against]
    spec = recipe({"own:Length": {"low": 20}}, {"near@1": {**NEAR, "against": paths}})
    run = tamis.run(spec, folder / "in.jsonl", tmp_path / "before")
    told = tamis.replay(run, [change])
    other = tamis.run(spec, folder / "in.jsonl", tmp_path / "after", set=[change])
    if change.endswith("low=5"):
        assert len(told.unknown)
    else:
        assert told.rows["after"] == {name: other.rows[name] for name in told.rows["after"]}
        was, now = ({*r.data(["record_id"])["record_id"].to_pylist()} for r in (run, other))
        assert {*told.back["record_id"].to_pylist()} == now - was
        assert {*told.gone["record_id"].to_pylist()} == was - now


def test_records_that_come_back_to_a_step_that_never_saw_them_are_unknown(folder: Path, tmp_path: Path) -> None:
    spec = recipe({"near@1": NEAR}, {"own:Length": {"low": 40}})
    run = tamis.run(spec, folder / "in.jsonl", tmp_path / "before")
    told = tamis.replay(run, ["near.threshold=0.9"])
    assert len(told.unknown) == told.steps[1]["before"] - told.steps[1]["after"] > 0
    assert not len(told.back)


@pytest.mark.parametrize("change", ["near.threshold=0.5", "near.ngram=3", "near.keep=first"])
def test_what_the_edges_do_not_tell_is_refused(folder: Path, tmp_path: Path, change: str) -> None:
    run = tamis.run(recipe({"near@1": NEAR}), folder / "in.jsonl", tmp_path / "run")
    with pytest.raises(UsageError, match="needs the text"):
        tamis.replay(run, [change])
