"""Recognisers are asked about parts of a text: runs between white space, words near a finding. The answers are the same."""

from __future__ import annotations

import random
import sys
import threading

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_pii import fuzzed

pytest.importorskip("presidio_analyzer", reason="needs tamis[pii]")

import regex

from tamis.curate.pii.gates import gate, matches
from tamis.curate.pii.passing import TOGETHER, Passing
from tamis.curate.pii.presidio import Words
from tamis.curate.pii.unbroken import holding, runs
from tamis.curate.pii.unseen import unseen

FLAGS = regex.I | regex.S | regex.M
SOLID = [r"\b[0-9]{2,}(?=\.)", r"(?<![\w:])[a-f0-9]+:\S*", r"(a|b)\1?@\w", r"[^\s()]+/", r"x(?:-|,){1,3}y|<[a-z]>"]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SOLID), st.text(alphabet="ab1.:@/-,xy<>() \t\n\x1c\u00a0\u0661", max_size=40))
def test_a_regex_matches_in_runs_what_it_matches_in_the_text(pattern: str, text: str) -> None:
    held, own = holding([pattern], FLAGS), gate([pattern])
    assert held and own
    (some,) = runs([text], held, own)
    spans = [m.span() for m in regex.finditer(pattern, text, FLAGS) if m[0]]
    found = [m.span() for m in regex.finditer(pattern, some.joined, FLAGS) if m[0]] if some else []
    assert [some.there(a, b) for a, b in found if some] == spans


@pytest.mark.parametrize(
    "pattern", [r"a b@", r"^1a", r"\d$", r"1.", r"[^a]1", r"\D1", r"(?<= )1", r"(?!\s)1", "abc", r"1?", r"(?:1|a)"]
)
def test_a_regex_that_may_look_at_white_space_or_needs_no_mark_gets_the_whole_text(pattern: str) -> None:
    assert holding([pattern], FLAGS) is None


@pytest.mark.parametrize("flags", [regex.V1, regex.FULLCASE, regex.ASCII])
def test_flags_that_change_what_a_pattern_says_leave_it_ungated(flags: int) -> None:
    assert gate(["ss1"], int(flags)) is None
    assert gate(["s s1 # x"], int(regex.X)) == gate(["ss1"], 0)


def test_words_are_those_of_the_tokenizer() -> None:
    words = Words().words
    draw = random.Random(1)
    parts = [*":().-8D'o", ":)", "a.m.", "U.S", "don't", "mail", "\n", "", "\u00a0", "\x1c"]
    texts = fuzzed(300, seed=5) + [" ".join(draw.choices(parts, k=12)) for _ in range(1_000)]
    assert [words(text) for text in texts] == [words.whole(text) for text in texts]


def test_recognisers_whose_gates_go_together_are_asked_about_the_same_rows() -> None:
    gates = {"Phones": (r"\d{7}",), "Cards": (r"\d{12}", "x1"), "Mine": ("a",), "Always": None}
    texts = pl.Series(["a 1234567", None, "123456789012", "x1", "", "a"])
    found = dict(zip(gates, Passing(list(gates.items())).rows(texts), strict=True))
    assert {"Phones", "Cards"} <= TOGETHER[0]
    assert {name: rows.tolist() for name, rows in found.items()} == {
        name: mask.nonzero()[0].tolist() for name, mask in zip(gates, matches(texts, [*gates.values()]), strict=True)
    }


def test_a_package_is_unseen_inside_and_by_this_thread_alone() -> None:
    sys.modules.pop("this", None)
    seen: list[str] = []
    with unseen("this"):
        with pytest.raises(ModuleNotFoundError):
            __import__("this")
        other = threading.Thread(target=lambda: seen.append(__import__("colorsys").__name__))
        other.start()
        other.join()
    assert seen == ["colorsys"] and sys.meta_path[0].__class__.__name__ != "_Unseen"
