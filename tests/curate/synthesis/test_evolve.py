from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import chat, grew, inner, record

from tamis.curate.synthesis import Evolve
from tamis.curate.synthesis.eliminate import of_answer
from tamis.curate.synthesis.evolve import OPERATIONS, drawn
from tamis.prompts.leaks import leaks

SEEDS = [chat(f"How is bread number {k} baked?", "In an oven.") for k in range(6)]


def says(rewrite: Any = None, equal: Any = None, answer: Any = None) -> Any:
    """A script: what the three prompts are answered with; None: something that passes."""

    def script(prompt: str, request: Any) -> Any:
        if "Are the two equal" in prompt:
            return {"equal": False} if equal is None else equal
        if len(request.messages) == 1:
            return "Knead dough, wait an hour, bake bread." if answer is None else answer
        return f"{next(inner(prompt))} And why?" if rewrite is None else rewrite

    return script


def test_each_generation_is_the_child_of_the_one_before(script: Any, tmp_path: Path) -> None:
    script(says())
    made = grew(Evolve("m", generations=3), SEEDS, tmp_path, "chat")
    parent = {edge["child"]: edge["parent"] for edge in made.lineage}
    for k in range(6):
        first, second, third = made.rows[3 * k : 3 * k + 3]
        assert [parent[row["record_id"]] for row in (first, second, third)] == [
            record(k),
            first["record_id"],
            second["record_id"],
        ]
    assert made.rows[2]["messages"][0]["content"].endswith("baked? And why? And why? And why?")
    assert [row["synthesis"]["generation"] for row in made.rows] == [1, 2, 3] * 6
    assert {row["synthesis"]["template"].split("@")[0] for row in made.rows} <= {f"evolve.{o}" for o in OPERATIONS}


@pytest.mark.parametrize(
    ("script_of", "rule"),
    [
        ({"equal": {"equal": True}}, "no_gain"),
        ({"equal": "Equal."}, "no_gain"),
        ({"answer": "I'm sorry, I do not know."}, "sorry"),
        ({"answer": "The - of it, is."}, "no_answer"),
        ({"answer": "?!…"}, "no_answer"),
        ({"rewrite": "#Rewritten Prompt#: what is bread?"}, "leak"),
        ({"rewrite": "Say what the given prompt says of bread."}, "leak"),
        ({"rewrite": ("How is", "length")}, "max_unfinished"),
    ],
)
def test_each_elimination_rule_takes_what_it_is_for(script: Any, tmp_path: Path, script_of: Any, rule: str) -> None:
    script(says(**script_of))
    made = grew(Evolve("m", generations=1), SEEDS[:2], tmp_path, "chat")
    assert [row["broke"] for row in made.rows] == [rule] * 2


@pytest.mark.parametrize(
    "answer",
    ["I'm sorry. " + "Bread is baked in ovens. " * 20, "Sorrel soup.", "Brot wird gebacken.", "面包在烤箱里烤。"],
)
def test_an_answer_that_is_one_stays(script: Any, tmp_path: Path, answer: str) -> None:
    script(says(answer=answer))
    assert grew(Evolve("m"), SEEDS[:1], tmp_path, "chat").broken == {}


def test_what_is_taken_before_there_is_an_answer_costs_none(script: Any, tmp_path: Path) -> None:
    model = script(says(rewrite="How is bread number 0  baked?"))
    made = grew(Evolve("m", generations=1), SEEDS[:1], tmp_path, "chat")
    assert len(model.asked) == 1 and [one["role"] for one in made.rows[0]["messages"]] == ["user"]
    assert list(made.broken.values()) == ["no_gain"]


def test_a_rule_that_is_not_in_force_takes_nothing_and_asks_nothing(script: Any, tmp_path: Path) -> None:
    model = script(says(equal={"equal": True}))
    made = grew(Evolve("m", eliminate=("leak",), generations=1), SEEDS[:2], tmp_path, "chat")
    assert made.broken == {} and len(model.asked) == 4 and len(made.rows[0]["messages"]) == 2


def test_a_failed_generation_is_tried_again_from_the_last_that_passed(script: Any, tmp_path: Path) -> None:
    tries: list[str] = []

    def rewrite(prompt: str, request: Any) -> Any:
        tries.append(next(inner(prompt)))
        return "the given prompt" if len(tries) == 2 else f"{tries[-1]} And why?"

    usual = says()
    script(lambda p, r: rewrite(p, r) if len(r.messages) == 2 and "Are the two" not in p else usual(p, r))
    made = grew(Evolve("m", generations=3), SEEDS[:1], tmp_path, "chat")
    first, taken, third = made.rows
    parent = {edge["child"]: edge["parent"] for edge in made.lineage}
    assert tries[1] == tries[2] == first["messages"][0]["content"]
    assert taken["broke"] == "leak" and parent[third["record_id"]] == first["record_id"]


def test_operations_are_drawn_evenly_and_always_the_same(script: Any, tmp_path: Path) -> None:
    counts = [0] * 6
    for k in range(6000):
        counts[drawn(record(k), 0, 0, 1) % 6] += 1
    assert max(abs(count - 1000) for count in counts) < 120
    script(says())
    one, other = (grew(Evolve("m"), SEEDS, tmp_path, "chat", batch=c, concurrency=c) for c in (1, 8))
    assert one == other


def test_drift_is_told_by_generation(script: Any, tmp_path: Path) -> None:
    script(says())
    facts = grew(Evolve("m"), SEEDS, tmp_path, "chat").notes["generations"]
    assert [(one["generation"], one["rows"]) for one in facts] == [(0, 6), (1, 6), (2, 6)]
    assert facts[0]["instruction_chars"] < facts[1]["instruction_chars"] < facts[2]["instruction_chars"]
    assert facts[0]["distinct_2"] < 1 and 0 < facts[0]["self_rouge_l"] < 1 and facts[0]["looked_at"] == 6


@given(st.text())
def test_rules_take_any_text(text: str) -> None:
    found = of_answer(text)
    assert found["answer_words"] >= 0 and leaks(text) >= 0  # type: ignore[operator]
    assert (found["sorry_words"] is None) == ("sorry" not in text.lower().split() and "sorry" not in text.lower())
