"""Scores by length: what is put together, what it says, and that what fails does not fall out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import evaluated as made
import numpy as np
import pytest
from suites import write_rows, write_suite

from tamis.errors import InputError
from tamis.evaluate import report
from tamis.evaluate.freeze import freeze
from tamis.evaluate.markdown import markdown
from tamis.report.evaluation.page import html

TASK = {"name": "t", "type": "generation", "items": 80, "metrics": ["f1"], "primary": "f1"}


def told(rows: list[dict[str, Any]], values: list[float]) -> dict[str, Any]:
    """The report of one task whose samples have `rows` beside what they have anyway."""
    samples = [made.sample("t", f"q{k:03}", row.pop("came", True)) | row for k, row in enumerate(rows)]
    scores = [
        {"task": "t", "item_id": s["item_id"], "repeat": 0, "metric": "f1", "value": v}
        for s, v in zip(samples, values, strict=True)
    ]
    return report.report(made.build([TASK], samples, scores))


def curve(rows: list[dict[str, Any]], values: list[float]) -> Any:
    return told(rows, values)["tasks"][0]["lengths"]


def test_a_length_that_the_data_tells_stands_for_itself() -> None:
    found = curve([{"length": n} for n in (1000, 8000, 32000) for _ in range(20)], [1.0] * 20 + [0.5] * 20 + [0.0] * 20)
    assert [(b["from"], b["to"], b["rows"], b["value"]) for b in found["bins"]] == [
        (1000, 1000, 20, 1.0),
        (8000, 8000, 20, 0.5),
        (32000, 32000, 20, 0.0),
    ]
    assert found["change"]["value"] == -1.0 and found["unit"] == "told"


def test_tokens_of_prompts_are_put_together_by_powers_of_two() -> None:
    found = curve([{"tokens_in": n} for n in (600, 1023, 1024, 2047, 2048)], [1, 1, 0, 0, 1])
    assert [(b["from"], b["to"], b["rows"]) for b in found["bins"]] == [
        (512, 1023, 2),
        (1024, 2047, 2),
        (2048, 4095, 1),
    ]


@pytest.mark.parametrize("tokens", [[100] * 8, [100, 900] * 4, [3000] * 8])
def test_short_prompts_and_prompts_of_one_length_have_no_curve(tokens: list[int]) -> None:
    assert curve([{"tokens_in": n} for n in tokens], [1.0] * 8) is None


def test_a_prompt_that_failed_for_its_length_stays_in_the_curve() -> None:
    rows: list[dict[str, Any]] = [{"tokens_in": 100, "prompt": "a" * 400} for _ in range(9)]
    rows.append({"tokens_in": None, "prompt": "a" * 40_000, "came": False})
    rows.append({"tokens_in": 2048, "prompt": "a" * 40_000, "truncated": True})
    found = curve(rows, [1.0] * 9 + [0.0, 0.0])
    assert [(b["from"], b["rows"], b["value"]) for b in found["bins"]] == [(64, 9, 1.0), (8192, 2, 0.0)]


def test_choices_count_with_one_prompt() -> None:
    rows = [{"tokens_in": 4 * n, "loglikelihoods": [-1.0] * 4} for n in (500, 5000)]
    assert [b["from"] for b in curve(rows, [1, 0])["bins"]] == [256, 4096]


def test_an_item_asked_at_both_lengths_is_a_pair() -> None:
    draw = np.random.default_rng(1)
    easy = draw.integers(0, 2, 200).astype(float)
    rows = [{"length": n, "cluster": f"c{k}"} for n in (10, 20) for k in range(200)]
    paired = curve([dict(r) for r in rows], [*easy, *np.where(draw.random(200) < 0.1, 0.0, easy)])["change"]
    alone = curve(
        [r | {"cluster": None} for r in rows], [*easy, *np.where(np.random.default_rng(1).random(200) < 0.1, 0.0, easy)]
    )
    assert paired["high"] - paired["low"] < 0.6 * (alone["change"]["high"] - alone["change"]["low"])


def test_the_interval_of_a_change_is_that_of_two_samples() -> None:
    a, b = np.repeat([1.0, 0.0], [30, 10]), np.repeat([1.0, 0.0], [10, 30])
    found = curve([{"length": n} for n in (1, 2) for _ in range(40)], [*a, *b])["change"]
    error = np.sqrt((a.var() / 40 + b.var() / 40) * 80 / 79)
    assert found["value"] == -0.5 and found["high"] - found["low"] == pytest.approx(2 * 1.99045 * error, rel=1e-4)


def test_the_curve_is_on_the_page_and_in_the_comment() -> None:
    facts = told([{"length": n} for n in (1024, 4096) for _ in range(20)], [1.0, 0.0] * 20)
    assert "| 4,096 | 20 | 0.500 (" in markdown(facts) and "longest less shortest" in markdown(facts)
    page = html(facts, {})
    assert 'id="lengths"' in page and ">4k</text>" in page and page.count('class="dot"') == 2


def test_a_length_that_is_none_is_refused_where_it_was_named(tmp_path: Path) -> None:
    task = {"name": "t", "type": "generation", "data": "t.jsonl", "fields": {"length": "size"}}
    path = write_suite(tmp_path / "in", [task])
    write_rows(tmp_path / "in/t.jsonl", [{"question": "a", "answer": "b", "size": "long"}])
    with pytest.raises(InputError, match="the length is 'long'"):
        freeze(path, tmp_path / "snap")
