from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scripted import chat, grew, inner

from tamis.curate.synthesis import Preference
from tamis.curate.synthesis.preference import ASPECTS
from tamis.errors import UsageError

SEEDS = [chat("How is bread baked?", "In an oven, for an hour.")]
GOOD, BAD = "Good: knead flour and water, wait, bake.", "Bad idea, no answer here at all."


def says(judge: Any) -> Any:
    """Two answers by the sample; `judge` is shown the texts between the fences."""

    def script(prompt: str, request: Any) -> Any:
        if len(request.messages) == 1:
            return GOOD if request.sample == 0 else BAD
        if "Write the instruction" in prompt:
            return "How?"
        return judge(*list(inner(prompt))[1:])

    return script


def test_the_best_mean_is_chosen_against_the_worst(script: Any, tmp_path: Path) -> None:
    script(says(lambda answer: {"reason": "", **dict.fromkeys(ASPECTS, 5 if answer == GOOD else 2), "honesty": 3}))
    row = grew(Preference("m"), SEEDS, tmp_path, "chat").kept[0]
    assert [row[name][0]["content"] for name in ("prompt", "chosen", "rejected")] == ["How is bread baked?", GOOD, BAD]
    assert (row["chosen_score"], row["rejected_score"], row["margin"]) == (4.5, 2.25, 2.25)


def test_an_answer_is_rated_out_of_sight_of_the_others(script: Any, tmp_path: Path) -> None:
    model = script(says(lambda answer: {"reason": "", **dict.fromkeys(ASPECTS, 3)}))
    made = grew(Preference("m"), SEEDS, tmp_path, "chat")
    shown = [list(inner(one.messages[-1]["content"])) for one in model.asked if len(one.messages) == 2]
    assert shown == [["How is bread baked?", GOOD], ["How is bread baked?", BAD]]
    assert list(made.broken.values()) == ["min_margin"]


@pytest.mark.parametrize(
    ("judge", "chosen", "broke"),
    [
        (lambda first, second: "A" if first == GOOD else "B", GOOD, None),
        (lambda first, second: "B" if first == GOOD else "A", BAD, None),
        (lambda first, second: "A", GOOD, "min_margin"),
        (lambda first, second: "tie", GOOD, "min_margin"),
        (lambda first, second: "A" if first == GOOD else "tie", GOOD, "min_margin"),
    ],
)
def test_a_comparison_is_won_where_both_orders_agree(
    script: Any, tmp_path: Path, judge: Any, chosen: str, broke: str | None
) -> None:
    model = script(says(lambda *pair: {"reason": "", "better": judge(*pair)}))
    made = grew(Preference("m", mode="pairwise"), SEEDS, tmp_path, "chat")
    assert (made.rows[0]["chosen"][0]["content"], made.rows[0]["broke"]) == (chosen, broke)
    assert len(model.asked) == 4


def test_of_a_record_its_own_text_is_chosen(script: Any, tmp_path: Path) -> None:
    script(says(None))
    made = grew(Preference("m", mode="record"), SEEDS, tmp_path, "chat")
    assert (made.kept[0]["chosen"][0]["content"], made.kept[0]["rejected"][0]["content"]) == (
        "In an oven, for an hour.",
        GOOD,
    )
    text = "Bread is baked in an oven. It takes an hour."
    made = grew(Preference("m", mode="record"), [{"text": text}], tmp_path, "document")
    assert [made.kept[0][n][0]["content"] for n in ("prompt", "chosen")] == ["How?", text]


def test_the_same_answer_twice_is_no_pair(script: Any, tmp_path: Path) -> None:
    script(lambda p, r: GOOD if len(r.messages) == 1 else {"reason": "", **dict.fromkeys(ASPECTS, 3)})
    assert list(grew(Preference("m"), SEEDS, tmp_path, "chat").broken.values()) == ["max_alike"]


def test_models_and_temperatures_take_turns() -> None:
    stage = Preference("m", models=("a", "b"), temperatures=(0.2, 1.0, 0.5), answers=4)
    assert stage.writers == [("a", 0.2, 0), ("b", 1.0, 0), ("a", 0.5, 0), ("b", 0.2, 0)]
    assert Preference("m", answers=3).writers == [("m", 0.7, 0), ("m", 0.7, 1), ("m", 0.7, 2)]


def test_a_prompt_without_an_answer_in_the_record_is_rejected(script: Any, tmp_path: Path) -> None:
    script(says(None))
    made = grew(Preference("m", mode="record"), [chat("Why?")], tmp_path, "chat")
    assert made.statuses == [("rejected", "no_answer")]


def test_one_answer_is_no_choice() -> None:
    with pytest.raises(UsageError, match="wants 2 answers"):
        Preference("m", answers=1)
