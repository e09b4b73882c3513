"""A budget of money without a price is refused before a run has begun."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tamis.bench import Means
from tamis.errors import UsageError
from tamis.recipes.run import run

ENDPOINT = "base_url: 'http://127.0.0.1:1/v1'"


@pytest.mark.parametrize(
    "stage", [f"synth.rephrase@1: {{model: m, {ENDPOINT}}}", f"judge.score@1: {{judge: m, {ENDPOINT}}}"]
)
def test_a_budget_without_a_price_leaves_nothing_behind(stage: str, tmp_path: Path) -> None:
    recipe, data, out = tmp_path / "r.yaml", tmp_path / "a.jsonl", tmp_path / "out"
    recipe.write_text(f"name: r\nstages:\n  - {stage}\n")
    data.write_text('{"text": "some words"}\n')
    with pytest.raises(UsageError, match="a budget of money wants a price"):
        run(recipe, str(data), out, means=Means(budget=Decimal(1)))
    assert not out.exists()
