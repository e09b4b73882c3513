"""Strings are scrubbed until nothing is found, and the ledger's places are those of the string as it was."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tamis.curate.pii.operators import MARK
from tamis.curate.pii.scrub import Finds, Scrubbed, Span, scrub, splice, union


def finds(pattern: str) -> Finds:
    """A stand-in detector: one regex, one entity."""

    def find(strings: pa.StringArray) -> tuple[list[tuple[int, Span]], list[tuple[int, str]]]:
        texts = enumerate(strings.to_pylist())
        return [(k, Span(m.start(), m.end(), "N", 1.0)) for k, t in texts for m in re.finditer(pattern, t)], []

    return find


def scrubbed(texts: list[str], pattern: str, replace: Callable[[str, str], str]) -> Scrubbed:
    return scrub(pa.array(texts, pa.string()), finds(pattern), replace)


def test_findings_are_replaced_and_the_rest_stays() -> None:
    done = scrubbed(["é 12 b 34", "none", ""], r"\d\d", lambda entity, found: f"<{entity}>")
    assert done.strings.to_pylist() == ["é <N> b <N>", "none", ""]
    assert done.spans == {0: [Span(2, 4, "N", 1.0), Span(7, 9, "N", 1.0)]}


def test_strings_without_findings_come_back_as_they_are() -> None:
    strings = pa.array(["a", "b"])
    assert scrub(strings, finds("x"), lambda *_: "").strings is strings


def test_what_a_removal_uncovers_goes_too() -> None:
    done = scrubbed(["1(22)1"], r"\(22\)|11", lambda *_: "")
    assert (done.strings.to_pylist(), done.spans[0]) == ([""], [Span(0, 6, "N", 1.0)])


def test_a_replacement_that_would_be_found_is_our_own() -> None:
    done = scrubbed(["call 17"], r"\d\d", lambda *_: "55")
    assert (done.strings.to_pylist(), done.spans[0]) == (["call 55"], [Span(5, 7, "N", 1.0)])


def test_a_find_that_reaches_out_of_a_replacement_takes_all_of_it() -> None:
    done = scrubbed(["ab9c"], r"9|b\*", lambda *_: "*")
    assert (done.strings.to_pylist(), done.spans[0]) == (["a*c"], [Span(1, 3, "N", 1.0)])


@given(st.text("ab1 ", max_size=30), st.sampled_from(["", "<N>"]), st.sampled_from(["a1", "1+", "ab|b1", "a.b|1 1"]))
def test_a_second_look_finds_nothing(text: str, put: str, pattern: str) -> None:
    done = scrubbed([text], pattern, lambda *_: put)
    again = [f for f in re.finditer(pattern, done.strings[0].as_py()) if not MARK.search(f[0])]
    # Four looks are enough unless a text was built against it: a removal that uncovers the next, over and over.
    assert not again or put == ""
    spans = done.spans.get(0, [])
    assert splice(text, spans, lambda *_: put).text == done.strings[0].as_py()
    assert all(a.stop <= b.start for a, b in pairwise(spans))


def test_a_text_that_never_comes_to_rest_is_told() -> None:
    done = scrubbed(["(" * 9 + "1" + ")" * 9], r"1|\(\)", lambda *_: "")
    assert done.failures == [(0, "scrub: each of 4 looks found something more")]


def test_a_mark_shows_what_hides_between_two_surrogates() -> None:
    find = finds(r"(?<!\d )\d(?! \d)|(?<=> )\d(?= <)|^\d|\d$")
    plain, marked = (scrub(pa.array(["1 2 3"]), find, lambda *_: "5", mark) for mark in (None, lambda *_: "<N>"))
    assert (plain.strings.to_pylist(), marked.strings.to_pylist()) == (["5 2 5"], ["5 5 5"])


def test_overlapping_spans_become_one_of_the_surest() -> None:
    found = [Span(0, 5, "A", 0.5), Span(3, 8, "B", 0.9), Span(8, 9, "C", 0.4)]
    assert union(found) == [Span(0, 8, "B", 0.9), Span(8, 9, "C", 0.4)]
