"""What a judge said: read strictly, the last verdict, never a tie for want of one; and how sure it was."""

from __future__ import annotations

import json
from math import log
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.judge.chances import chance_of_first, chances
from tamis.judge.rubric_file import read_rubric
from tamis.judge.shelf import find_rubric
from tamis.judge.verdict import read_verdict

PAIR, SCORE, ASPECTS = find_rubric("pairwise"), find_rubric("helpfulness"), find_rubric("aspects")


@pytest.mark.parametrize(
    "text, verdict",
    [
        ('{"reasons": "x", "verdict": "A"}', "A"),
        ('```json\n{"reasons": "x", "verdict": "B"}\n```', "B"),
        ('{"verdict": " Tie "}', "tie"),
        ('I think so: {"reasons": "x", "verdict": "B"} Good luck!', "B"),
        ('First {"verdict": "A"}, but no: {"verdict": "B"}', "B"),
        ('{"reasons": "It says [[A]] and {\\"verdict\\": \\"A\\"}", "verdict": "B"}', "B"),
        ("A is good, [[A]]. B is better: [[B]]", "B"),
        ("Both are the same. [[C]]", "tie"),
        ("Because …\n**Final verdict: A**", "A"),
        ("Verdict: B\nno wait\nVerdict: tie", "tie"),
        ('<think>B is longer: {"verdict": "B"}</think>\n{"verdict": "A"}', "A"),
    ],
)
def test_the_last_verdict_counts(text: str, verdict: str) -> None:
    said = read_verdict(text, "stop", PAIR)
    assert (said.verdict, said.failure) == (verdict, None)


@pytest.mark.parametrize(
    "text, finish, failure",
    [
        ("A is better.", "stop", "no_verdict"),
        ("Both have merits.", "stop", "no_verdict"),
        ('{"verdict": "C"}', "stop", "no_verdict"),
        ('{"verdict": "A or B"}', "stop", "no_verdict"),
        ('{"verdict": 1}', "stop", "no_verdict"),
        ('{"verdict": null}', "stop", "no_verdict"),
        ("[]", "stop", "no_verdict"),
        ("[[5]]", "stop", "no_verdict"),
        ("I'm sorry, but I can't judge this.", "stop", "refused"),
        ("…", "content_filter", "refused"),
        ('{"reasons": "it says [[A]] and then', "length", "cut"),
        ('{"reasons": "it says [[A]] and then', "stop", "no_verdict"),
        ("The answer says [[A]], which", "length", "cut"),
        ("<think>The answer says [[A]], which", "length", "cut"),
        ("<think>It would be [[A]], or not.", "stop", "no_verdict"),
    ],
)
def test_what_is_no_verdict_is_none_and_says_why(text: str, finish: str, failure: str) -> None:
    said = read_verdict(text, finish, PAIR)
    assert (said.verdict, dict(said.scores), said.failure) == (None, {}, failure)


@pytest.mark.parametrize(
    "text, points, failure",
    [
        ('{"reasons": "x", "score": 4}', 4, None),
        ('{"score": 4.0}', 4, None),
        ("Good. Rating: [[5]]", 5, None),
        ("Score: 3/5", 3, None),
        ('{"score": 0}', None, "off_scale"),
        ('{"score": 11}', None, "off_scale"),
        ('{"score": 3.5}', None, "off_scale"),
        ("[[9]]", None, "off_scale"),
        ('{"score": true}', None, "no_verdict"),
        ('{"score": "4"}', None, "no_verdict"),
        ('{"score": NaN}', None, "off_scale"),
        ("[[A]]", None, "no_verdict"),
    ],
)
def test_a_score_is_on_the_scale_or_none(text: str, points: float | None, failure: str | None) -> None:
    said = read_verdict(text, "stop", SCORE)
    assert (said.scores.get("score"), said.failure) == (points, failure)


def test_all_aspects_are_there_or_none_is() -> None:
    whole = {"instruction_following": 1, "truthfulness": 2, "honesty": 3, "helpfulness": 4}
    assert read_verdict(json.dumps(whole), "stop", ASPECTS).scores == whole
    assert read_verdict(json.dumps({**whole, "honesty": 6}), "stop", ASPECTS).failure == "off_scale"
    assert read_verdict(json.dumps({k: whole[k] for k in list(whole)[1:]}), "stop", ASPECTS).failure == "no_verdict"


def test_a_rubric_without_ties_takes_none() -> None:
    own = read_rubric(PAIR.text.replace(b"ties: true", b"ties: false"), "mine.yaml")
    assert read_verdict('{"verdict": "tie"}', "stop", own).failure == "off_scale"


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet='{}[]"AB:verdict scoretie 5,\n', max_size=60), st.sampled_from(["stop", "length", ""]))
def test_any_text_has_a_verdict_or_a_reason(text: str, finish: str) -> None:
    for own in (PAIR, SCORE, ASPECTS):
        said = read_verdict(text, finish, own)
        assert (said.failure is None) == (said.verdict is not None or set(said.scores) == set(own.names))


def test_many_braces_take_no_time() -> None:
    assert read_verdict("{" * 200_000 + "[" * 200_000, "stop", PAIR).failure == "no_verdict"


def tokens(*parts: str, last: dict[str, float]) -> list[dict[str, Any]]:
    """Tokens of a text; the likeliest in the place of the last but one are `last`, by probability."""
    found = [{"token": part, "logprob": 0.0, "top_logprobs": []} for part in parts]
    found[-2]["top_logprobs"] = [{"token": t, "logprob": log(p)} for t, p in last.items()]
    return found


@pytest.mark.parametrize(
    "before", ['{"verdict": "', '{"verdict":"', '{"reasons": "é", "verdict": "', '<think>B?</think>\n{"verdict": "']
)
def test_probabilities_are_those_of_the_verdicts_first_token(before: str) -> None:
    text = before + 'A"}'
    given = tokens(before, "A", '"}', last={"A": 0.6, "B": 0.2, "t": 0.1, "An": 0.05, " the": 0.05})
    found = chances(given, text, read_verdict(text, "stop", PAIR).place, PAIR.options)
    assert found == pytest.approx({"A": 0.6 / 0.9, "B": 0.2 / 0.9, "tie": 0.1 / 0.9})
    assert chance_of_first(found) == pytest.approx((0.6 + 0.05) / 0.9)


def test_bytes_of_tokens_are_taken_where_they_are_given() -> None:
    text = '{"reasons": "é", "verdict": "B"}'
    raw = [text[:13].encode() + b"\xc3", b"\xa9" + text[14:-3].encode(), b"B", b'"}']
    given: list[dict[str, Any]] = [{"token": "?", "bytes": list(part), "top_logprobs": []} for part in raw]
    given[2]["top_logprobs"] = [{"token": "B", "logprob": 0.0}]
    place = read_verdict(text, "stop", PAIR).place
    assert chance_of_first(chances(given, text, place, PAIR.options)) == 0


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        [],
        [{"token": "other text", "top_logprobs": [{"token": "A", "logprob": 0}]}],
        [{"token": '{"verdict": "A"}', "top_logprobs": [{"token": "x", "logprob": -1}]}],
        [{"token": '{"verdict": "A"}', "top_logprobs": None}],
        [{"token": '{"verdict": "A"}', "top_logprobs": [3, {"token": "A", "logprob": "high"}]}],
    ],
)
def test_tokens_that_do_not_say_say_nothing(logprobs: Any) -> None:
    text = '{"verdict": "A"}'
    assert chances(logprobs, text, read_verdict(text, "stop", PAIR).place, PAIR.options) is None
