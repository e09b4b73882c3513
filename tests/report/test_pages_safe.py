"""Nothing that stands in the data can break the pages of a run, a profile, judges and an evaluation, and they ask for nothing."""

from __future__ import annotations

import re

import pytest
from paging import Tags


@pytest.fixture(params=["page", "profile_page", "judged_page", "evaluated_page"])
def text(request: pytest.FixtureRequest) -> str:
    """Each of the pages, made of data that tries to break out of them."""
    found: str = request.getfixturevalue(request.param).read_text("utf-8")
    return found


def test_nothing_in_the_data_becomes_an_element(text: str) -> None:
    tags = Tags(text)
    assert not {"script", "img", "iframe", "object", "form", "b>in.jsonl"} & set(tags.names)
    assert tags.names.count("style") == 1
    assert not [a for a in tags.attributes if a[0].startswith("on") or a[0] == "style" or "javascript:" in a[1]]


def test_a_page_asks_for_nothing(text: str) -> None:
    attributes = Tags(text).attributes
    assert {value for name, value in attributes if name in ("src", "href") and not value.startswith("#")} == {"data:,"}


def test_every_link_has_its_place(text: str) -> None:
    attributes = Tags(text).attributes
    places = {value for name, value in attributes if name == "id"}
    assert {value[1:] for name, value in attributes if name == "href" and value.startswith("#")} <= places


def test_hidden_characters_are_named(text: str) -> None:
    assert "‹U+202E›evil‹U+0007›" in text
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08]", text)
