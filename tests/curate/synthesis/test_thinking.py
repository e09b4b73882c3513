"""What a reasoning model thinks aloud: no part of a row, and no answer where it never ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from scripted import chat, grew

from tamis.curate.synthesis import Backtranslate, Instruct, Rephrase

TEXT = [{"text": "A tamis is a drum sieve with a flat mesh."}]


def aloud(said: str) -> str:
    return f"<think>\nWhat is wanted of me?\n</think>\n\n{said}"


@pytest.mark.parametrize("structured", ["schema", "text"])
def test_neither_answers_nor_judgements_have_the_thought_in_them(structured: Any, tmp_path: Path, script: Any) -> None:
    judged = json.dumps({"reason": "", "score": 5})
    script(lambda prompt, _: aloud(judged if "Use this scale" in prompt else "What is a tamis?"))
    made = grew(Backtranslate("m", passes=1, structured=structured), TEXT, tmp_path)
    assert made.kept[0]["messages"][0]["content"] == "What is a tamis?" and len(made.requests) == 2


def test_a_thought_may_be_kept(tmp_path: Path, script: Any) -> None:
    script(lambda prompt, _: aloud("A tamis is a sieve."))
    made = grew(Rephrase("m", thoughts="keep"), TEXT, tmp_path)
    assert made.rows[0]["text"] == aloud("A tamis is a sieve.")


def test_a_thought_without_an_end_is_no_answer(tmp_path: Path, script: Any) -> None:
    script(lambda prompt, _: ("<think>\nWhat is wanted", "length"))
    made = grew(Rephrase("m"), TEXT, tmp_path)
    assert made.statuses == [("rejected", "unfinished_thought")] and not made.rows
    assert [(asked["outcome"], asked["tokens_out"]) for asked in made.requests] == [("unfinished_thought", 5)]


def test_an_instruction_whose_answer_never_begins_is_no_row(tmp_path: Path, script: Any) -> None:
    asked = [f"Tell me of the number {k} in other words" for k in range(2)]
    script(
        lambda prompt, _: (
            {"tasks": asked} if "new tasks" in prompt else "It is so" if "number 0" in prompt else "<think>"
        )
    )
    stage = Instruct("m", rounds=1, batch=1, tasks=2, max_rouge=1.1)
    made = grew(stage, [chat("What is a sieve for?", "For flour")], tmp_path, "chat")
    assert [row["messages"][0]["content"] for row in made.rows] == asked[:1]
    assert [one["outcome"] for one in made.requests] == ["ok", "ok", "unfinished_thought"]
