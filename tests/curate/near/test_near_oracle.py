"""Near's verdicts are those of all pairs in plain Python: who goes, to whom it lost, how alike they are, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_clusters import Corpus, Gone

import tamis
from tamis.curate.near.alike import BUCKET

NEARDUP = Path(__file__).parents[3] / "../shared/data/neardup"

SURE = 1 - 1e-9
"""Recall: at this one a pair is missed once in a billion, so that all pairs are what is found."""

TEXTS = st.lists(
    st.lists(st.sampled_from(["a", "b", "C", "c", "d_1", "É"]), max_size=12).map(" ".join), min_size=1, max_size=14
)


def said(rows: list[dict[str, Any]], **params: Any) -> dict[int, Gone]:
    """What `near` says of rows in memory, by their place."""
    table = pa.Table.from_pylist(rows)
    kept, verdicts = tamis.make("near@1", recall=SURE, **params)(table)
    found = {}
    for verdict in verdicts.to_pylist():
        evidence = json.loads(verdict["evidence"])
        if "via" in evidence:
            evidence["via"] = int(evidence["via"], 16)
        place = int.from_bytes(verdict["record_id"], "big")
        found[place] = Gone(int.from_bytes(verdict["peer_id"], "big"), verdict["value"], evidence)
    assert kept.num_rows == len(rows) - len(found)
    return found


@settings(max_examples=70)
@given(
    TEXTS,
    st.sampled_from([0.5, 0.7, 0.8, 0.9, 1.0]),
    st.sampled_from(["components", "star"]),
    st.sampled_from(["run", "word", "char"]),
    st.integers(1, 3),
)
def test_verdicts_equal_all_pairs(texts: list[str], threshold: float, clusters: str, unit: str, ngram: int) -> None:
    found = said([{"text": text} for text in texts], threshold=threshold, clusters=clusters, unit=unit, ngram=ngram)
    assert found == Corpus(texts, ngram, unit).gone(threshold, clusters)


@settings(max_examples=40)
@given(TEXTS, st.data(), st.sampled_from(["components", "star"]))
def test_the_best_of_each_group_stays(texts: list[str], data: st.DataObject, clusters: str) -> None:
    scores = data.draw(st.lists(st.none() | st.integers(0, 3), min_size=len(texts), max_size=len(texts)))
    rows = [{"text": text, "score": score} for text, score in zip(texts, scores, strict=True)]
    rows.append({"text": "", "score": 0})
    found = said(rows, threshold=0.5, ngram=1, keep="best:score", clusters=clusters)
    rank = [-np.inf if score is None else score for score in [*scores, 0]]
    assert found == Corpus([*texts, ""], 1, "run").gone(0.5, clusters, rank)


@settings(max_examples=20)
@given(TEXTS)
def test_the_longest_of_each_group_stays(texts: list[str]) -> None:
    found = said([{"text": text} for text in texts], threshold=0.5, ngram=1, keep="longest")
    assert found == Corpus(texts, 1, "run").gone(0.5, "components", [len(text) for text in texts])


@settings(max_examples=30)
@given(TEXTS)
def test_in_a_star_what_goes_is_itself_like_what_stays(texts: list[str]) -> None:
    found = said([{"text": text} for text in texts], threshold=0.6, ngram=1, clusters="star")
    assert all(gone.jaccard >= np.float32(0.6) and "via" not in gone.evidence for gone in found.values())
    assert not {gone.peer for gone in found.values()} & set(found)


@settings(max_examples=30)
@given(TEXTS, st.sampled_from(["components", "star"]))
def test_what_is_left_holds_no_two_alike(texts: list[str], clusters: str) -> None:
    found = said([{"text": text} for text in texts], threshold=0.6, ngram=1, clusters=clusters)
    left = [{"text": text} for k, text in enumerate(texts) if k not in found]
    assert said(left, threshold=0.6, ngram=1, clusters=clusters) == {}


@settings(max_examples=40)
@given(TEXTS, st.randoms())
def test_order_changes_who_is_first_and_no_group(texts: list[str], random: Any) -> None:
    def groups(order: list[int]) -> set[frozenset[int]]:
        found = said([{"text": texts[k]} for k in order], threshold=0.5, ngram=1)
        members: dict[int, set[int]] = {}
        for gone, verdict in found.items():
            members.setdefault(verdict.peer, {order[verdict.peer]}).add(order[gone])
        return set(map(frozenset, members.values()))

    order = list(range(len(texts)))
    shuffled = random.sample(order, len(order))
    assert groups(order) == groups(shuffled)


def message(role: str, content: str | None) -> dict[str, Any]:
    return {"role": role, "content": content, "name": None}


ASKED, OTHER = "how do I sieve a purée of peas", "which mesh is for flour of rye"
TOLD = "through a drum with a fine mesh and a scraper"
KINDS: dict[str, tuple[list[dict[str, Any]], dict[str, Any], dict[int, int]]] = {
    "prompts of preferences": (
        [
            {"prompt": [message("user", p)], "chosen": [message("assistant", c)], "rejected": [message("assistant", r)]}
            for p, c, r in [(ASKED, "a", "b"), (OTHER, "a", "b"), (ASKED.upper() + "!", TOLD, "x")]
        ],
        {"on": "prompt"},
        {2: 0},
    ),
    "chats, whoever says it": (
        [
            {"messages": [message("user", ASKED), message("assistant", TOLD)]},
            {"messages": [message("tool", ASKED), message("assistant", TOLD)]},
            {"messages": [message("user", ASKED), message("assistant", None)]},
            {"messages": []},
            {"messages": []},
        ],
        {},
        {1: 0},
    ),
    "several fields as one text": (
        [{"text": ASKED, "title": t} for t in (TOLD, OTHER, TOLD)],
        {"on": ["title", "text"]},
        {2: 0},
    ),
    "questions with their choices": (
        [
            {"question": ASKED, "context": None, "choices": c, "answer_index": None, "answer": None}
            for c in ([TOLD, OTHER], [OTHER, TOLD], [TOLD, OTHER + "!"])
        ],
        {},
        {2: 0},
    ),
}


@pytest.mark.parametrize(("rows", "params", "lost"), KINDS.values(), ids=KINDS)
def test_rows_of_every_kind_are_compared(
    rows: list[dict[str, Any]], params: dict[str, Any], lost: dict[int, int]
) -> None:
    assert {k: gone.peer for k, gone in said(rows, threshold=0.9, **params).items()} == lost


@pytest.mark.parametrize(
    ("unit", "lost"), [("run", {}), ("word", {1: 0}), ("char", {1: 0})], ids=["one long word", "words", "characters"]
)
def test_scripts_without_spaces_want_words_or_characters(unit: str, lost: dict[int, int]) -> None:
    same = "马的品种很多每一种都有自己的特点和用途也有自己的历史和"
    texts = [same + "传说", same + "故事"]
    found = said([{"text": text} for text in texts], unit=unit, threshold=0.7, ngram=3)
    assert {k: gone.peer for k, gone in found.items()} == lost


@pytest.fixture(scope="module")
def licences() -> list[str]:
    """Licence texts in families of near-duplicates, so many that no bucket is too large to look at all of it."""
    if not NEARDUP.exists():
        pytest.skip("the labelled near-duplicates are not here")
    with zstandard.open(NEARDUP / "license_texts_public.jsonl.zst", "rt", encoding="utf-8", newline="\n") as lines:
        rows = [json.loads(line) for line in lines]
    return [row["text"] for row in rows if row["cluster"][0] in "bcz"][:BUCKET]


@pytest.fixture(scope="module")
def all_pairs(licences: list[str]) -> Corpus:
    return Corpus(licences, 5, "run")


@pytest.mark.parametrize("clusters", ["components", "star"])
@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.9])
def test_verdicts_on_licence_texts_equal_all_pairs(
    licences: list[str], all_pairs: Corpus, threshold: float, clusters: str
) -> None:
    found = said([{"text": text} for text in licences], threshold=threshold, clusters=clusters)
    assert len(found) > 20
    assert found == all_pairs.gone(threshold, clusters)
