"""Texts that near has to bear with, and parameters that it refuses: what was found, what was wanted, what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from making import recipe, write_lines

import tamis
from tamis.curate.near.alike import BUCKET
from tamis.errors import TamisError

DRUM = "the sieve turns a rough purée into a fine one and keeps every receipt of what was left behind in the drum"


def left(texts: list[str], **params: Any) -> list[str]:
    kept, _ = tamis.make("near@1", **params)(pa.table({"text": texts}))
    return list(kept.column("text").to_pylist())


@pytest.mark.parametrize(
    ("texts", "stay"),
    [
        ([], 0),
        ([""] * 3, 3),
        (["", " \n", "!?", "\u00a0"], 4),
        (["a sieve", "A  sieve.", "a sieve is"], 2),
        (["sieve"] * 4, 1),
        (["a b c d e", "a b c d e a b c d e"], 2),
        (["a b a b a b a b a b a b", "a b a b a b a b a b"], 1),
    ],
    ids=["none", "empty", "no word", "shorter than n", "one word", "one n-gram of many", "all n-grams the same"],
)
def test_short_and_empty_texts(texts: list[str], stay: int) -> None:
    assert len(left(texts)) == stay


def test_the_same_record_20_000_times_leaves_one(tmp_path: Path) -> None:
    lines = write_lines(tmp_path / "in.jsonl", ({"text": DRUM} for _ in range(20_000)))
    run = tamis.run(recipe({"near@1": {}}), lines, tmp_path / "run", engine="inline")
    facts = run.steps[1]["facts"]
    assert run.rows["kept"] == 1
    assert (facts["records_with_the_same_words"], facts["pairs_verified"]) == (19_999, 0)


@pytest.mark.parametrize(("clusters", "most"), [("components", 1), ("star", 1)])
def test_records_alike_but_for_a_word_take_work_in_proportion(tmp_path: Path, clusters: str, most: int) -> None:
    """Not every pair is looked at: groups hold together all the same, of stars some are not seen to be one."""
    n = 2000
    lines = write_lines(tmp_path / "in.jsonl", ({"text": f"{DRUM} {k}"} for k in range(n)))
    run = tamis.run(recipe({"near@1": {"clusters": clusters}}), lines, tmp_path / "run", engine="inline")
    facts = run.steps[1]["facts"]
    assert run.rows["kept"] <= most
    assert facts["skewed_buckets"] > 0 and facts["pairs_left_out"] > 0
    assert facts["pairs_verified"] <= n * (BUCKET // 2 + 1) * facts["bands"] < n * n / 2


def test_a_record_of_20_mb_is_compared_like_any_other(tmp_path: Path) -> None:
    large = " ".join(map(str, range(2_700_000)))
    assert len(large) > 19 << 20
    lines = write_lines(tmp_path / "in.jsonl", [{"text": t} for t in (large, DRUM, large[:-100] + DRUM)])
    run = tamis.run(recipe({"near@1": {"threshold": 1 - 1e-4}}), lines, tmp_path / "run", engine="inline")
    assert run.data(["text"]).column("text").to_pylist() == [large, DRUM]
    assert json.loads(run.verdicts().to_pylist()[0]["evidence"])["total"] > 2_700_000 - 20


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "threshold 0": ({"threshold": 0}, r"threshold is 0\.0; a similarity over 0 and up to 1 was wanted"),
    "threshold 1.5": ({"threshold": 1.5}, r"threshold is 1\.5; a similarity over 0"),
    "recall 1": ({"recall": 1}, r"recall is 1\.0; a share over 0 and under 1 was wanted"),
    "out of reach": ({"threshold": 0.01}, r"recall of 0\.99 at a threshold of 0\.01 is out of reach: .*; ask for less"),
    "ngram 0": ({"ngram": 0}, "ngram is 0; from 1 to 64 was wanted, 5 is usual"),
    "a unit of no kind": ({"unit": "line"}, "unit is 'line'; it must be one of 'run', 'word', 'char'"),
    "a column that is not there": ({"on": "titel"}, "near@1 reads 'titel', which nothing before it writes; there are"),
    "a column of numbers": ({"on": "n"}, "on names 'n', which is int64; text or a list of texts was wanted"),
    "a list of numbers": ({"on": ["text", "l"]}, r"on names 'l', which is list<item: int64>; text or a list"),
    "no column": ({"on": []}, "on is .*; name a field or several, or leave it out for all texts"),
    "a survivor of no kind": ({"keep": "worst"}, "keep is 'worst'; it can be first, longest, newest, license, best:"),
    "the best of nothing": ({"keep": "best:score"}, "reads 'score', which nothing before it writes"),
    "the best of words": ({"keep": "best:text"}, "'text' is not a number everywhere"),
    "groups of no kind": ({"clusters": "ring"}, "clusters is 'ring'; it must be one of 'components', 'star'"),
    "an earlier corpus without a name": ({"against": ""}, "against is ''; name a file, folder or run"),
}


@pytest.mark.parametrize(("params", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused(params: dict[str, Any], said: str) -> None:
    with pytest.raises(TamisError, match=said):
        tamis.make("near@1", **params)(pa.table({"text": ["a", "b"], "n": [1, 2], "l": [[1], [2]]}))


@pytest.mark.parametrize(
    ("params", "said"),
    [("{on: record_id}", "on names 'record_id', which is"), ("{recall: 1}", "recall is 1"), ("{ngrams: 3}", "'ngram'")],
)
def test_a_run_says_it_in_a_sentence(
    tamis: Callable[..., tuple[int, str]], tmp_path: Path, params: str, said: str
) -> None:
    (tmp_path / "recipe.yaml").write_text(f"name: t\nstages: [near@1: {params}]\n")
    lines = write_lines(tmp_path / "in.jsonl", [{"text": "a"}])
    code, told = tamis("run", tmp_path / "recipe.yaml", "-i", lines, "-o", tmp_path / "run", "--quiet")
    assert code == 2 and said in told and "Traceback" not in told


def test_a_column_of_nulls_holds_nothing_to_compare() -> None:
    table = pa.table({"text": ["a", "a"], "title": pa.nulls(2)})
    assert tamis.make("near@1", on="title")(table)[0].num_rows == 2
