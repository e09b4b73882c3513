"""A report for a pull request: whoever names a file, a metric or a model there tells nobody and links nothing."""

from __future__ import annotations

import re
from typing import Any

import evaluated as made
import pytest
from markdown_it import MarkdownIt

from tamis.evaluate import report
from tamis.evaluate.markdown import comparison, markdown
from tamis.evaluate.report import Beside

HOSTILE = (
    "@octocat/team #12 org/repo#3 GH-7 https://evil.example/x www.evil.example [a](https://b) ![i](//t/x.png) "
    "<img src=x onerror=alert(1)> &#64;octocat é@all `code` | cell <!-- **bold** ~~no~~ \u202eback \x1b[31m"
)

TOLD = re.compile(r"(?<![A-Za-z0-9_])@\w|#\d|GH-\d|://|www\.|[\u202e\x1b]", re.ASCII)
"""What a host of repositories makes references of, after Markdown is read."""


def words(text: str) -> list[Any]:
    found = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    return [child for token in found for child in (token.children or [token])]


def facts(name: str = HOSTILE, metric: str = "exact_match") -> dict[str, Any]:
    own = report.report(made.results([1, 0] * 20, name=name, metrics=(metric,)), Beside(training={"snapshot": HOSTILE}))
    return {**own, "warnings": [HOSTILE]}


@pytest.mark.parametrize("own", [facts(), facts("model", HOSTILE)], ids=["model", "metric"])
def test_no_name_is_a_reference_or_markup(own: dict[str, Any]) -> None:
    for token in words(markdown(own)):
        assert token.type not in ("link_open", "image", "html_inline", "html_block", "strong_open", "s_open")
        assert token.type != "text" or not TOLD.search(token.content), token.content


def test_a_hostile_name_moves_no_cell() -> None:
    lines = [line for line in markdown(facts("model", HOSTILE)).splitlines() if line.startswith("| sums")]
    assert [len(re.findall(r"(?<!\\)\|", line)) for line in lines] == [5]


def test_models_compared_are_named_without_markup() -> None:
    sides = {"first": {"name": HOSTILE}, "second": {"name": HOSTILE}, "suite": HOSTILE, "tasks": []}
    assert not [t for t in words(comparison(sides)) if t.type in ("link_open", "image", "html_inline")]


def test_names_as_people_give_them_stay_as_they_are() -> None:
    own = facts("docs-lora.v2", "pass@1")
    said = markdown({**own, "warnings": [], "training": {"snapshot": "sha256:0", "ref": "docs@1.0.0"}})
    assert "docs-lora.v2 on suite 1" in said and "| pass@1 |" in said and "trained on `docs@1.0.0`." in said
    assert "\u2060" not in said
