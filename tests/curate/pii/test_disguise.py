"""What is written in other characters than plain ones is found all the same, and is the same value."""

from __future__ import annotations

import re
from itertools import pairwise
from urllib.parse import quote

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.curate.pii.disguise import REACH, SPOT, SPOT_APART, as_read, windows
from tamis.curate.pii.operators import Operators
from tamis.curate.pii.scrub import Span
from tamis.curate.pii.twice import disguised, find_twice

MAIL = "ann.bee@corp.org"
WIDE = str.maketrans({chr(c): chr(c + 0xFEE0) for c in range(0x21, 0x7F)})

DISGUISES = [
    MAIL.translate(WIDE),
    "ann.be\u00ade@co\u200brp.org",
    "ann.bee&#64;corp&#46;org",
    "ann.bee&commat;corp&#X2E;org",
    quote(MAIL, safe=""),
    "".join(chr(0x1D41A + ord(c) - 97) if c.isalpha() else c for c in MAIL),
    "ann.bee@corp.org",
]

PLAIN = re.compile(r"\b[a-z.]+@[a-z.]+[a-z]\b|\b\d\d\d-\d\d-\d\d\d\d\b")


def find(strings: pa.StringArray) -> tuple[list[tuple[int, Span]], list[tuple[int, str]]]:
    """A stand-in detector."""
    texts = enumerate(strings.to_pylist())
    return [(k, Span(m.start(), m.end(), "EMAIL_ADDRESS", 1.0)) for k, t in texts for m in PLAIN.finditer(t)], []


def found(*texts: str) -> list[str]:
    spans, _ = find_twice(find, pa.array(texts))
    return [texts[row][span.start : span.stop] for row, span in spans]


@pytest.mark.parametrize("written", DISGUISES)
def test_an_address_is_found_however_it_is_written(written: str) -> None:
    assert found(f"to {written}, 😀 or {written}", "nobody") == [written, written]
    assert Operators(key=b"k" * 16).digest("EMAIL_ADDRESS", written) == Operators(key=b"k" * 16).digest(
        "EMAIL_ADDRESS", MAIL
    )


@pytest.mark.parametrize(
    "text, says",
    [
        ("_ann@b.org_ and __ann@b.org__.", ["ann@b.org"] * 2),
        ("536\u201122\u20111234", ["536\u201122\u20111234"]),
        ("٥٣٦-22-١٢٣٤", ["٥٣٦-22-١٢٣٤"]),
        ("536&ndash;22&#8211;1234", ["536&ndash;22&#8211;1234"]),
        ("联系ann@b.org谢谢, 메일은 ann@b.org입니다", ["ann@b.org"] * 2),
        ("กann@b.orgค่ะ とann@b.orgと536-22-1234号", ["ann@b.org", "ann@b.org", "536-22-1234"]),
        ("番号は５３６-22-1234です", ["５３６-22-1234"]),
        ("5 % 40 of a_b, R&D; 1990–1995", []),
        ("a%zz &#x110000; &#0; _ __", []),
        ("", []),
    ],
)
def test_what_else_is_read_as_something_else(text: str, says: list[str]) -> None:
    assert found(text) == says


def test_a_text_without_disguise_is_searched_once() -> None:
    assert (
        disguised(pa.array(["plain ann@b.org a_b 100% é – ü", "x\u200c y", "AT&T;", "用Python语言 2024年 6.3.1节"]))
        == []
    )


def test_what_is_found_only_since_a_window_ends_is_none() -> None:
    assert found("9" * 3000 + "ann@b.org" + "&#46;") == []


@given(st.text("a@1é\u200b\u00ad１＠%40&#64;é ", max_size=40), st.data())
def test_a_place_leads_back_to_what_is_read_there(text: str, data: st.DataObject) -> None:
    read = as_read(text)
    if not read.text:
        return
    start = data.draw(st.integers(0, len(read.text) - 1))
    stop = data.draw(st.integers(start + 1, len(read.text)))
    low, high = read.back(start, stop)
    assert 0 <= low < high <= len(text) and as_read(text[low:high]).text == read.text[start:stop]


@given(st.text("a1的と+(&#64; ", max_size=40), st.data())
def test_what_is_read_apart_is_read_in_its_place(text: str, data: st.DataObject) -> None:
    read = as_read(text, apart=True)
    assert read.text.replace(" ", "") == as_read(text).text.replace(" ", "")
    places = [k for k, char in enumerate(read.text) if char not in " 的と"]
    if places:
        low, high = sorted((data.draw(st.sampled_from(places)), data.draw(st.sampled_from(places))))
        start, stop = read.back(low, high + 1)
        assert as_read(text[start:stop], apart=True).text == read.text[low : high + 1]


@given(
    st.lists(st.sampled_from(["a" * 90, " ", "&#64;", "\u200b", "1", "a", "x" * 3000, "的8.8.8.8"]), max_size=30),
    st.booleans(),
)
def test_windows_are_apart_and_hold_every_spot(parts: list[str], apart: bool) -> None:
    text = "".join(parts)
    cut = windows(text, apart)
    assert all(a[1] < b[0] for a, b in pairwise(cut))
    for spot in (SPOT_APART if apart else SPOT).finditer(text):
        assert any(a <= max(0, spot.start() - REACH) and min(len(text), spot.end() + REACH) <= b for a, b in cut)
