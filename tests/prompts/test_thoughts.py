"""What a model thought aloud is no part of its answer."""

from __future__ import annotations

import pytest

from tamis.prompts.thoughts import without_thoughts


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("What?", "What?"),
        ("<think>Hm.\n\nWell.</think>\n\nWhat?", "What?"),
        ("\n<THINK>\n\n</THINK>What?", "What?"),
        ("Hm, what\nthen?\n</think>\n\nWhat?", "What?"),
        ("<think>Hm.</think>", ""),
        ("<think>Hm", None),
        ("Write <think> first, then </think> after it.", "Write <think> first, then </think> after it."),
        ("<think>One.</think>The mark </think> ends it.", "The mark </think> ends it."),
        ("So:\n<think>\nHm.\n</think>\nWhat?", "So:\n<think>\nHm.\n</think>\nWhat?"),
        ("", ""),
    ],
)
def test_an_answer_begins_behind_its_thought(said: str, left: str | None) -> None:
    assert without_thoughts(said) == left
