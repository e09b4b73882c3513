"""topics tells what a corpus is about, and by which words."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from making import recipe, write_lines

import tamis
from tamis.curate.semantic.terms import counted, named
from tamis.errors import UsageError

pytest.importorskip("tokenizers", reason="the extra semantic is not installed")
pytest.importorskip("sklearn", reason="the extra semantic is not installed")

from small_model import write_word_model

THEMES = {"sea": ["wave", "sail", "tide"], "farm": ["barn", "wheat", "horse"], "mind": ["thought", "dream", "memory"]}


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A model that knows the words of three themes, and a few of none."""
    vectors = {w: np.eye(3)[k].tolist() for k, words in enumerate(THEMES.values()) for w in words}
    return str(write_word_model(tmp_path / "m", {**vectors, "the": [0.1, 0.1, 0.1]}))


def about(count: int) -> list[dict[str, Any]]:
    """Rows of which most are about the sea."""
    rnd = random.Random(1)
    names = rnd.choices(list(THEMES), [5, 3, 2], k=count)
    return [{"id": f"{n}-{k}", "text": "the " + " the ".join(rnd.choices(THEMES[n], k=6))} for k, n in enumerate(names)]


def test_rows_of_one_theme_are_in_one_topic_and_the_largest_is_the_first(model: str, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "rows.jsonl", [*about(300), {"id": "none", "text": "?"}])
    run = tamis.run(recipe({"topics@1": {"model": model, "topics": 3, "terms": 3}}), path, tmp_path / "run")
    found = {(r["id"].partition("-")[0], r["topic"]) for r in run.data().to_pylist()}
    assert found == {("sea", 0), ("farm", 1), ("mind", 2), ("none", None)}
    topics = run.facts["steps"][1]["facts"]["topics"]
    assert [set(t["terms"]) for t in topics] == [set(words) for words in THEMES.values()]
    assert sum(t["records"] for t in topics) == 300


def test_there_are_no_more_topics_than_different_records(model: str) -> None:
    table = pa.table({"text": ["wave", "wave", "barn"]})
    kept, verdicts = tamis.make("topics@1", model=model, topics=9)(table)
    assert kept.column("topic").to_pylist() == [0, 0, 1] and not verdicts.num_rows


def test_a_sample_will_do(model: str) -> None:
    table = pa.Table.from_pylist(about(300))
    few, _ = tamis.make("topics@1", model=model, topics=3, sample=60)(table)
    assert len({(r["id"].partition("-")[0], r["topic"]) for r in few.to_pylist()}) == 3


def test_terms_are_words_that_others_have_not() -> None:
    texts = pa.array(["Île the Île the", "the île", "the barn", "the barn x"])
    table = counted(texts, np.array([0, 0, 1, 1]))
    assert named(table, np.array([2, 2]), 5) == [["île"], ["barn"]]


@pytest.mark.parametrize("params", [{"topics": 0}, {"terms": -1}, {"sample": 0}, {"seed": -1}])
def test_a_parameter_out_of_range_is_named(params: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=next(iter(params))):
        tamis.make("topics@1", **params)
