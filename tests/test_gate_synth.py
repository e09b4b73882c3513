"""A question of a benchmark in the seeds, and one in what a model says, do not get past the gate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from growing import CHATS, answer
from making import recipe, write_lines
from serving import Served

from tamis.bench import Means
from tamis.recipes.run import run
from tamis.recipes.synth import synth_recipe

IN_SEED = (
    "How many apples does Mary have after she bought fourteen green ones from the old market in the north of town?"
)
IN_ANSWER = (
    "Which of the three brothers counted the eleven copper kettles that stood behind the mill on the second day?"
)


@pytest.fixture
def evaluation(tmp_path: Path) -> str:
    items = [{"question": text, "answer": "14"} for text in (IN_SEED, IN_ANSWER)]
    return str(write_lines(tmp_path / "eval.jsonl", items))


def test_a_planted_question_is_caught_in_seeds_and_in_answers(tmp_path: Path, evaluation: str) -> None:
    rows = [*CHATS, {"prompt": IN_SEED, "completion": "Fourteen.", "id": "planted"}]
    source = str(write_lines(tmp_path / "chats.jsonl", rows))

    def remembers(body: dict[str, Any]) -> str:
        told = answer(body)
        return IN_ANSWER if told.startswith("Said of") and "number 5" in body["messages"][-1]["content"] else told

    params = {"model": "m", "structured": "schema", "generations": 1}
    with Served(remembers) as server:
        plan = synth_recipe("evolve", {**params, "base_url": server.url}, against=[evaluation], gate="none")
        bought = run(plan, source, tmp_path / "bought", workers=1, means=Means(tmp_path / "r.sqlite"))
        assert not any("apples" in body["messages"][-1]["content"] for body in server.asked)
    # By replay alone: the server is gone.
    replayed = run(plan, source, tmp_path / "again", workers=1, means=Means(tmp_path / "r.sqlite", replay=True))
    for made in (bought, replayed):
        steps = made.facts["steps"]
        assert steps[1]["rows"]["dropped"] == 1 and steps[3]["rows"]["dropped"] == 1
        assert IN_ANSWER not in str(made.data()) and "apples" not in str(made.data())
        assert made.rows["kept"] == 11


def test_a_copy_of_another_seed_goes_at_the_gate(tmp_path: Path) -> None:
    source = str(write_lines(tmp_path / "chats.jsonl", CHATS))

    def copies(body: dict[str, Any]) -> str:
        prompt = body["messages"][-1]["content"]
        if "Are the two equal" in prompt:
            return answer(body)
        if "number 7 " in prompt:
            return "What is sieve number 8 for?"
        return "For part 8." if prompt == "What is sieve number 8 for?" else answer(body)

    with Served(copies) as server:
        how = {"model": "m", "structured": "schema", "generations": 1, "base_url": server.url}
        plan = synth_recipe("evolve", how, sources=[source])
        near = next(stage for stage in plan.stages if stage.name == "near")
        own = recipe({"synth.evolve@1": how}, {"near@1": {"against": list(near.earlier)}})  # type: ignore[attr-defined]
        made = run(own, source, tmp_path / "run", workers=1, means=Means(tmp_path / "r.sqlite"))
    assert made.facts["steps"][2]["rows"]["dropped"] == 1 and made.rows["kept"] == 11
