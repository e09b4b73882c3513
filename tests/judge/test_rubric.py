"""Rubrics: read strictly, with the place of what is wrong."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.errors import UsageError
from tamis.judge.case import Case, messages
from tamis.judge.rubric_file import read_rubric
from tamis.judge.shelf import find_rubric, shipped_rubrics
from tamis.judge.strict import RubricError
from tamis.judge.verdict import read_verdict

GOOD = """\
name: mine
version: 2
form: score
says: how good it is
criteria:
  - {name: taste, says: whether it is good}
scale: {low: 1, high: 5}
anchors:
  1: bad
  5: good
"""

PAIR = GOOD.partition("scale")[0].replace("score", "pairwise")


def test_shipped_rubrics_are_read_and_cover_every_form() -> None:
    found = [find_rubric(name) for name in shipped_rubrics()]
    assert {(r.form, r.reference) for r in found} >= {
        ("pairwise", "none"),
        ("pairwise", "required"),
        ("score", "none"),
        ("score", "required"),
    }
    assert all(r.name == name for r, name in zip(found, shipped_rubrics(), strict=True))


def test_a_rubric_has_the_digest_of_its_file() -> None:
    found = read_rubric(GOOD.encode(), "mine.yaml")
    assert (found.label, found.sha256, found.text) == ("mine@2", sha256(GOOD.encode()).hexdigest(), GOOD.encode())
    assert read_rubric(GOOD.encode() + b"#", "mine.yaml").sha256 != found.sha256


@pytest.mark.parametrize(
    "was, becomes, place, message",
    [
        ("form: score", "form: points", "3:1", "form is 'points'; one of pairwise, score was wanted"),
        ("form: score\n", "", "1:1", "it has no form"),
        ("version: 2", "version: two", "2:1", "version is 'two'; a whole number was wanted"),
        ("version: 2", "version: yes", "2:1", "version is True; a whole number was wanted"),
        ("name: mine", "name: My Rubric", "1:1", "small letters"),
        ("says: how good it is", "say: how good it is", "4:1", "did you mean 'says'?"),
        ("scale: {low: 1, high: 5}", "scale: {low: 5, high: 1}", "7:1", "low below high"),
        ("scale: {low: 1, high: 5}", f"scale: {{low: 1, high: {9**400}}}", "7:1", "low below high"),
        ("scale: {low: 1, high: 5}", "scale: {low: 1, high: 2.5}", "7:1", "whole: false takes others"),
        ("scale: {low: 1, high: 5}\n", "", "1:1", "its form is score; write scale"),
        ("  5: good", "  9: good", "10:3", "not on the scale from 1 to 5"),
        ("  5: good", "  5: 2020-01-01", "10:6", "read as timestamp; put quotes around it"),
        ("{name: taste, says: whether it is good}", "{name: taste}", "6:5", "it has no says"),
        (
            "{name: taste, says: whether it is good}",
            "{name: verdict, says: x}",
            "5:1",
            "stands for the verdict; rename",
        ),
        ("anchors:", "ties: true\nanchors:", "8:1", "ties is of rubrics of the form pairwise"),
        ("name: mine", "name: mine\nname: mine", "2:1", "'name' is there twice; the first is in line 1"),
        ("  1: bad", "  1: [", "11:1", "it is not YAML"),
        ("name: mine", "name: &a mine\nx: *a", "1:7", "used again by an alias; write it out"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(was: str, becomes: str, place: str, message: str) -> None:
    assert was in GOOD
    with pytest.raises(RubricError) as wrong:
        read_rubric(GOOD.replace(was, becomes).encode(), "mine.yaml")
    assert message in str(wrong.value)
    assert str(wrong.value).startswith(f"mine.yaml:{place}: ")


def test_a_rubric_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(UsageError, match="name a file, or one of aspects"):
        find_rubric("pairwize")
    with pytest.raises(UsageError, match="this tamis has pairwise@1"):
        find_rubric("pairwise@9")


def test_examples_stand_before_the_question_and_read_as_verdicts() -> None:
    example = "examples:\n  - {prompt: 'P?', first: F, second: S, reasons: why, verdict: B}\n"
    own = read_rubric((PAIR + example).encode(), "mine.yaml")
    said = messages(Case("i", "x", "y", ("Q?",), ("a",), ("b",), order="ab"), own)
    assert [m["role"] for m in said] == ["system", "user", "assistant", "user"]
    assert read_verdict(said[2]["content"], "stop", own).verdict == "B"
    assert "P?" in said[1]["content"] and "Q?" in said[3]["content"]


@pytest.mark.parametrize(
    "example, message",
    [
        ("{prompt: P, first: F, second: S, reasons: r, verdict: C}", "one of A, B, tie was wanted"),
        ("{prompt: P, first: F, second: S, verdict: A}", "no reasons, and the rubric asks for them"),
        ("{prompt: P, answer: F, reasons: r, verdict: A}", "nothing is called 'answer'"),
    ],
)
def test_an_example_is_held_to_its_rubric(example: str, message: str) -> None:
    with pytest.raises(RubricError, match=message):
        read_rubric(f"{PAIR}examples:\n  - {example}\n".encode(), "mine.yaml")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from([*yaml.safe_load(GOOD), "examples", "aspects", "reference", "of"]), values)
def test_no_rubric_ends_in_a_traceback(key: str, value: object) -> None:
    tree = {**yaml.safe_load(GOOD), key: value}
    try:
        found = read_rubric(yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "surrogatepass"), "mine.yaml")
    except RubricError:
        return
    assert json.dumps(found.schema)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=60))
def test_no_bytes_end_in_a_traceback(text: bytes) -> None:
    with pytest.raises(RubricError):
        read_rubric(text, "mine.yaml")
