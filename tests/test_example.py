"""The bundled corpus holds what its page says, so that the demo has something to find."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

HOME = Path(__file__).parents[1] / "examples/docs-sft"


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (HOME / "corpus.jsonl").read_text("utf-8").split("\n") if line]


def test_it_is_large_enough_and_small_enough(rows: list[dict[str, Any]]) -> None:
    assert len(rows) >= 2_000 and (HOME / "corpus.jsonl").stat().st_size < 2_000_000


def test_every_row_has_id_text_source_and_licence(rows: list[dict[str, Any]]) -> None:
    assert all(row["id"] and row["text"] and row["source"] and "license" in row for row in rows)
    assert len({row["id"] for row in rows}) == len(rows)


def test_the_page_counts_its_sources(rows: list[dict[str, Any]]) -> None:
    page = (HOME / "README.md").read_text("utf-8")
    shown = {source: int(n) for source, n in re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", page, re.M)}
    assert shown == Counter(row["source"] for row in rows)


@pytest.mark.parametrize(
    "what, pattern, least",
    [
        ("e-mail address", r"[\w.+-]+@[\w-]+\.\w+", 30),
        ("HTML entity", r"&(amp|nbsp|lt|gt|#\d+);", 5),
        ("control character", r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", 5),
        ("zero-width character", "[\u200b\ufeff\u2060\u00ad]", 3),
        ("mojibake", r"â€|Ã[\x80-\xbf¡-¿]|Ð[\x80-\xbf¡-¿]", 5),
        ("Han", r"[\u4e00-\u9fff]{4}", 30),
        ("Japanese kana", r"[\u3040-\u30ff]{4}", 20),
        ("Cyrillic", r"[\u0400-\u04ff]{4}", 30),
        ("Greek", r"[\u0370-\u03ff]{4}", 5),
        ("Arabic", r"[\u0600-\u06ff]{3}", 2),
    ],
)
def test_it_really_holds(what: str, pattern: str, least: int, rows: list[dict[str, Any]]) -> None:
    assert sum(re.search(pattern, row["text"]) is not None for row in rows) >= least, what


def test_it_holds_exact_duplicates_and_licences_of_many_spellings(rows: list[dict[str, Any]]) -> None:
    assert len(rows) - len({row["text"] for row in rows}) >= 50
    assert len({row["license"] for row in rows}) >= 25
    assert sum(row["license"] is None for row in rows) >= 50
