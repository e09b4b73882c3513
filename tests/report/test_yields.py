"""What a report says of deriving stages: yields that add up, cost that is never guessed, a chain that ends at a source."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from growing import TEXTS, answer
from making import recipe, write_lines
from serving import Served

from tamis.bench import Means
from tamis.cli.pace import Pace
from tamis.engine.drive import Progress
from tamis.recipes.run import run
from tamis.report.plain import markdown
from tamis.report.wording import cost
from tamis.report.yields import yields
from tamis.runs import Run

OWN = f"{Path(__file__).parents[1] / 'deriving_stages.py'}:"


def halves(tmp_path: Path, stage: str = "Halves", **params: object) -> Run:
    """A run that halves texts of up to twelve words, then drops what is there twice."""
    rows = [{"text": " ".join(["word"] * k + ["end"] * (k % 3)), "id": f"r{k}"} for k in range(1, 12)]
    source = write_lines(tmp_path / "docs.jsonl", rows)
    return run(recipe({f"{OWN}{stage}": params}, "exact@1"), source, tmp_path / "run", engine="inline")


@pytest.mark.parametrize("keep_seeds", [False, True])
def test_what_each_step_took_adds_up(tmp_path: Path, keep_seeds: bool) -> None:
    made = yields(halves(tmp_path, least=3, keep_seeds=keep_seeds))[0]
    own = sum(n for _, n in made.own)
    assert made.made == own + sum(step.gone for step in made.gate) + made.kept == own + made.passed
    assert [step.left for step in made.gate][-1] == made.kept > 0 and own > 0
    assert sum(n for _, n in made.outcomes) == made.seeds == 11


def test_a_row_that_a_rule_flags_passes(tmp_path: Path) -> None:
    made = yields(halves(tmp_path, "Flagged"))[0]
    assert made.passed == made.made and made.own[0][1] > 0


def test_a_row_is_followed_to_the_line_it_came_from(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "docs.jsonl", TEXTS)
    with Served(answer) as server:
        how = {"model": "m", "base_url": server.url, "structured": "schema", "passes": 1, "min_score": 1}
        made = run(recipe({"synth.backtranslate@1": how}), source, tmp_path / "run", means=Means(tmp_path / "r.sqlite"))
    found = yields(made)[0]
    row, seed = found.chain
    assert row.where == "synth.backtranslate@1, step 1" and dict(row.told)["model"] == "m"
    assert seed.where == "docs.jsonl, record 1"
    assert [(a.purpose, a.requests, a.cost) for a in found.asked] == [
        ("instruction", 12, "unknown"),
        ("score", 12, "unknown"),
    ]
    assert "One source was read; it lost 100" in markdown(made)
    assert (
        "## Made by synth.backtranslate@1" in markdown(made) and 'id="made"' in (made.path / "report.html").read_text()
    )


@pytest.mark.parametrize(
    ("money", "unknown", "says"),
    [
        ("1.500", 0, "1.5"),
        ("1.5", 2, "1.5 and that of 2 requests, which is unknown"),
        ("0", 3, "unknown"),
        ("0", 0, "0"),
    ],
)
def test_a_cost_that_is_not_known_is_not_told_as_nothing(money: str, unknown: int, says: str) -> None:
    assert cost(Decimal(money), unknown) == says


def test_progress_says_what_is_asked_and_paid() -> None:
    more = {"requests": 4, "cached": 3, "tokens_in": 1200, "tokens_out": 34, "money": Decimal("0.5"), "failures": 1}
    said = Pace().words(Progress("deriving", 2, 8, 0, more))
    assert said == "4 requests (3 more from the cache), 1,200 tokens in, 34 out, cost 0.5, 1 failed"
