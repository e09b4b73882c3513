"""Passages of two texts: whole, in order, shared where they say so, and in time that does not square."""

from __future__ import annotations

import random
from itertools import pairwise

import naive_quality as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.runs import passages as module
from tamis.runs.passages import Match, Passage, matches, passages

WORD = st.sampled_from(["a", "B", "b", "sieve", "Maß", "日", "e\u0301", "x2"])
TEXT = st.lists(st.tuples(WORD, st.sampled_from([" ", ", ", "\n\n", "-", "  “"])), max_size=40).map(
    lambda parts: "".join(word + gap for word, gap in parts)
)
NUMBERS = st.lists(st.integers(0, 4), max_size=30).map(lambda found: np.array(found, np.uint64))


def told(found: list[Passage]) -> list[tuple[str, str, str]]:
    return [(p.kind, p.here, p.there) for p in found]


def test_passages_of_the_docstring() -> None:
    assert told(passages("A drum sieve keeps every receipt.", "A fine sieve keeps every receipt!")) == [
        ("shared", "A ", "A "),
        ("only_here", "drum ", ""),
        ("only_there", "", "fine "),
        ("shared", "sieve keeps every receipt.", "sieve keeps every receipt!"),
    ]


@settings(max_examples=300)
@given(st.one_of(TEXT, st.text(max_size=20)), st.one_of(TEXT, st.text(max_size=20)))
def test_passages_are_both_texts_whole_with_their_offsets(here: str, there: str) -> None:
    found = passages(here, there)
    assert "".join(p.here for p in found) == here
    assert "".join(p.there for p in found) == there
    for p in found:
        assert here[p.start_here :].startswith(p.here) and there[p.start_there :].startswith(p.there)


@settings(max_examples=300)
@given(TEXT, TEXT)
def test_what_is_shared_has_the_same_words(here: str, there: str) -> None:
    for p in passages(here, there):
        if p.kind == "shared":
            words = [[naive.lower(w) for w in naive.words(text)] for text in (p.here, p.there)]
            assert words[0] == words[1]
            assert len(words[0]) == p.words
        else:
            assert (p.here == "") == (p.kind == "only_there") and (p.there == "") == (p.kind == "only_here")


@given(TEXT)
def test_case_space_and_punctuation_make_no_difference(text: str) -> None:
    assert {p.kind for p in passages(text + "end", text.replace("sieve", "SIEVE").replace(" ", "! ") + "END")} == {
        "shared"
    }


@settings(max_examples=300)
@given(NUMBERS, NUMBERS)
def test_small_texts_share_a_longest_common_sequence(here: np.ndarray, there: np.ndarray) -> None:
    found = matches(here, there)
    assert sum(run.size for run in found) == longest(here.tolist(), there.tolist())
    assert is_common(found, here, there)


@settings(max_examples=200)
@given(NUMBERS, NUMBERS)
def test_anchors_and_pieces_give_what_is_common_too(here: np.ndarray, there: np.ndarray) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SMALL", 16)
        assert is_common(matches(here, there), here, there)


def is_common(found: list[Match], here: np.ndarray, there: np.ndarray) -> bool:
    """Are `found` equal in both, ascending and apart?"""
    apart = all(a.here + a.size <= b.here and a.there + a.size <= b.there for a, b in pairwise(found))
    return apart and all(
        (here[r.here : r.here + r.size] == there[r.there : r.there + r.size]).all() and r.size for r in found
    )


def longest(here: list[int], there: list[int]) -> int:
    """Length of the longest common sequence: the definition."""
    before = [0] * (len(there) + 1)
    for x in here:
        now = [0]
        for k, y in enumerate(there):
            now.append(before[k] + 1 if x == y else max(before[k + 1], now[k]))
        before = now
    return before[-1]


def test_a_long_text_with_a_few_edits_shares_all_but_them() -> None:
    rnd = random.Random(3)
    here = rnd.choices([f"w{k}" for k in range(2000)], k=60_000)
    there = list(here)
    for at in rnd.sample(range(60_000), 50):
        there[at] = "EDITED"
    found = passages(" ".join(here), " ".join(there))
    assert sum(p.words for p in found if p.kind == "shared") >= 60_000 - 50 * 3


@pytest.mark.parametrize("turn", [0, 1])
def test_a_long_text_of_few_words_is_compared_piece_by_piece(turn: int) -> None:
    here, there = "yes no " * 20_000, "no yes " * 20_000 + "no " * turn
    assert sum(p.words for p in passages(here, there) if p.kind == "shared") > 30_000


def test_words_by_chance_do_not_part_what_differs() -> None:
    here, there = "one two three of four five six the end", "seven eight nine of ten eleven twelve the end"
    assert [p.kind for p in passages(here, there)] == ["only_here", "only_there", "shared"]


def test_what_follows_the_most_words_counts_as_differing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WORDS", 3)
    assert [(p.kind, p.words) for p in passages("a b c d e", "a b c d")] == [
        ("shared", 3),
        ("only_here", 2),
        ("only_there", 1),
    ]
