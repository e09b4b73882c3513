"""The page of a profile: nothing can break it, nothing private is on it, and what is missing is told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from making import sentences, write_lines

from tamis.curate.language import Language
from tamis.curate.pii import Pii
from tamis.errors import ExtraMissing
from tamis.recipes.profile import Profile, profile
from tamis.report.profile import html
from tamis.report.profile.facts import Count, Estimate
from tamis.report.profile.words import interval, top


def test_a_long_text_is_shown_by_its_beginning(profiled: Profile, profile_page: Path) -> None:
    assert any(one.chars > 1_000_000 for one in profiled.oddest)
    assert profile_page.stat().st_size < 1 << 20
    assert max(len(one.text or "") for one in profiled.oddest + profiled.to_read) <= 601


def test_bad_lines_are_shown_with_their_place(profiled: Profile) -> None:
    assert {a.rule: a.first[0].where for a in profiled.aside} == {
        "control_character": "<b>in.jsonl, line 61, byte " + re.findall("byte ([0-9,]+)", str(profiled.aside))[0],
        "invalid_utf8": profiled.aside[-1].first[0].where,
    }


def test_equal_profiles_give_equal_pages(profiled: Profile, profile_page: Path) -> None:
    assert html(profiled) == profile_page.read_text("utf-8")


def test_every_figure_of_a_sample_has_its_interval(profiled: Profile) -> None:
    assert not profiled.sample.is_all
    assert profiled.topics is not None
    assert all(t.share.low is not None and t.share.n == 150 for t in profiled.topics.topics)
    assert interval(profiled.topics.topics[0].share) in html(profiled)


ADDRESS, SECRET = "wren.qkzmpb@tamis-sieves.org", "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"

PRIVATE: list[Any] = [
    {
        "id": f"{ADDRESS} {k}",
        "source": f"mail of {ADDRESS}",
        "text": row["text"] + f" write to {ADDRESS} now, the token is {SECRET} and that is it",
    }
    if k < 50
    else row
    for k, row in enumerate(sentences(100))
]


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lines(tmp_path_factory.mktemp("private") / "in.jsonl", [*PRIVATE, f'{{"text": "{ADDRESS}'.encode()])


def test_what_is_private_is_counted_and_never_shown(private: Path) -> None:
    Pii().stands_on  # noqa: B018  skips the test where the extra is not installed
    found = profile(private)
    assert found.private is not None
    entities = {e.name: e for e in found.private.entities}
    assert (entities["EMAIL_ADDRESS"].findings, entities["SECRET"].findings) == (50, 50)
    assert entities["EMAIL_ADDRESS"].records == Estimate(0.5, None, None, 100)
    told = html(found) + json.dumps(found.as_dict())
    assert ADDRESS not in told and SECRET not in told
    assert "&lt;EMAIL_ADDRESS&gt;" in told


def test_texts_are_shown_as_they_are_on_request(private: Path) -> None:
    assert ADDRESS in html(profile(private, raw=True))


def absent(name: str) -> Callable[[Any], NoReturn]:
    """What an extra that is not installed says."""

    def raises(_: Any) -> NoReturn:
        raise ExtraMissing(f"'that' is not installed; run: pip install 'tamis[{name}]'")

    return raises


def test_a_missing_extra_costs_its_section_alone(private: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pii, "stands_on", property(absent("pii")))
    monkeypatch.setattr(Language, "stands_on", property(absent("language")))
    found = profile(private)
    assert [(m.section, "pip install" in m.why) for m in found.missing] == [("languages", True), ("private data", True)]
    assert (found.languages, found.private, found.scrubbed) == (None, None, False)
    assert found.rows["readable"] == 100
    page = html(found)
    assert "pip install &#39;tamis[pii]&#39;" in page and "pip install &#39;tamis[language]&#39;" in page


def test_a_dataset_without_records_has_a_page(tmp_path: Path) -> None:
    page = html(profile(write_lines(tmp_path / "in.jsonl", [b"{never", b"[]"])))
    assert "none of them is a record" in page
    assert page.endswith("</html>\n")


def test_the_rest_of_a_list_is_one_row() -> None:
    counts = tuple(Count(str(k), 10 - k, (10 - k) / 55) for k in range(10))
    shown = top(counts, 4)
    assert [c.name for c in shown] == ["0", "1", "2", "3", "6 others"]
    assert sum(c.rows for c in shown) == 55
    assert top(counts[:5], 4) == counts[:5]


@pytest.mark.parametrize(
    ("low", "high", "words"), [(0.012, 0.0345, "1.2–3.5%"), (0.0, 0.0004, "0.0–0.04%"), (None, None, "")]
)
def test_intervals_are_short(low: float | None, high: float | None, words: str) -> None:
    assert interval(Estimate(0.02, low, high, 10)) == words
