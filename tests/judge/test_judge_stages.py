"""judge.score and judge.pairwise in recipes: books, replay, resume without a judge, what is built of what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from judging import always, fenced, longer
from scripted import grew
from serving import Served

import tamis
from tamis.errors import UsageError
from tamis.judge.stages import Pairwise, Score
from tamis.models import BudgetSpent
from tamis.recipes.recipe import load


@pytest.fixture
def server() -> Iterator[Served]:
    with Served(longer) as served:
        yield served


def chats(*texts: str, same: int = 1) -> list[dict[str, Any]]:
    """Conversations of one turn; each `same` in a row have the same question."""
    return [
        {"messages": [said("user", f"Question {k // same}?"), said("assistant", text)]} for k, text in enumerate(texts)
    ]


def said(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": text, "extra": None}


def preference(chosen: str, rejected: str) -> dict[str, Any]:
    sides = {"chosen": [said("assistant", chosen)], "rejected": [said("assistant", rejected)]}
    return {"prompt": [said("user", "Question?")], **sides}


def plain(cls: Any, server: Served, **params: Any) -> Any:
    return cls(judge="m", base_url=server.url, structured="text", **params)


def carried_out(
    tmp_path: Path, stage: str, rows: list[Any], server: Served, kind: str = "chat", **params: Any
) -> tamis.Run:
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps({"id": f"r{k}", **row}) + "\n" for k, row in enumerate(rows)))
    own = {"judge": "m", "base_url": server.url, "structured": "text", **params}
    return tamis.run(load({"name": "t", "input": {"kind": kind}, "stages": [{stage: own}]}), path, tmp_path / "run")


def kept(run: tamis.Run) -> pl.DataFrame:
    return pl.read_parquet(run.path / "data/*.parquet")


def test_a_scored_row_is_the_row_with_what_the_judge_said(server: Served, tmp_path: Path) -> None:
    made = grew(plain(Score, server, min_score=3), chats("x" * 9, "x" * 25, ""), tmp_path, "chat")
    assert [(row["score"], row["broke"]) for row in made.rows] == [(1, "min_score"), (3, None), (1, "min_score")]
    assert [row["messages"][1]["content"] for row in made.rows] == ["x" * 9, "x" * 25, ""]
    assert {edge["kind"] for edge in made.lineage} == {"judge"} and len(server.asked) == 2
    entry = made.rows[1]["judgments"][0]
    assert (entry["judge"], entry["rubric"], entry["score"], entry["reasons"]) == ("m", "helpfulness@1", 3, "long")
    assert [r["key"].hex() for r in made.requests] == [r["judgments"][0]["request"] for r in made.rows[:2]]


def test_what_was_measured_can_be_decided_again(server: Served, tmp_path: Path) -> None:
    texts = ["x" * (10 * k) for k in range(1, 6)]
    run = carried_out(tmp_path, "judge.score@1", chats(*texts), server, min_score=3)
    rows = run.facts["rows"]
    assert (rows["in"], rows["derived"], rows["kept"]) == (5, 5, 4)
    asked = len(server.asked)
    found = tamis.replay(run, ["judge.score.min_score=5"])
    assert found.rows["after"]["kept"] == 2 and len(server.asked) == asked
    with pytest.raises(UsageError, match="rubric"):
        tamis.replay(run, ["judge.score.rubric=correctness"])


def test_a_run_is_carried_out_again_without_a_judge(tmp_path: Path) -> None:
    with Served(longer) as server:
        run = carried_out(tmp_path, "judge.score@1", chats("x" * 40, "x"), server)
    assert tamis.verify(run.path) == []


def test_verdicts_filter_preferences(server: Served, tmp_path: Path) -> None:
    rows = [preference("long answer", "short"), preference("short", "long answer"), preference("same", "same")]
    made = grew(plain(Pairwise, server), rows, tmp_path, "preference")
    assert [(row["agrees"], row["broke"]) for row in made.rows] == [(1, None), (0, "min_agrees"), (0.5, "min_agrees")]
    # The second pair is the first one turned around: nothing new is asked.
    assert len(server.asked) == 2 and {one["order"] for row in made.rows for one in row["judgments"]} == {"ab", "ba"}


def test_a_pair_that_the_judge_sees_the_other_way_round_may_be_turned(server: Served, tmp_path: Path) -> None:
    made = grew(plain(Pairwise, server, turn=True), [preference("short", "long answer")], tmp_path, "preference")
    row = made.rows[0]
    assert (row["chosen"][0]["content"], row["rejected"][0]["content"]) == ("long answer", "short")
    assert (row["agrees"], row["turned"], row["broke"]) == (1, 1, None)


def test_a_judge_that_says_the_first_agrees_with_nobody(tmp_path: Path) -> None:
    with Served(always("A")) as server:
        made = grew(plain(Pairwise, server), [preference("x", "y")], tmp_path, "preference")
    assert [(row["agrees"], row["broke"]) for row in made.rows] == [(0.5, "min_agrees")]


def test_preferences_are_built_of_several_answers_to_a_question(server: Served, tmp_path: Path) -> None:
    texts = ["bb", "cccc", "a", "bb", "lonely"]
    rows = [
        *chats(*texts[:4], same=4),
        *({"messages": [said("user", "Another?"), said("assistant", t)]} for t in texts[4:]),
    ]
    made = grew(plain(Pairwise, server), rows, tmp_path, "chat", batch=2)
    assert len(made.rows) == 1 and len(server.asked) == 6
    row = made.kept[0]
    assert (row["prompt"][0]["content"], row["chosen"][0]["content"], row["rejected"][0]["content"]) == (
        "Question 0?",
        "cccc",
        "a",
    )
    assert len(made.lineage) == 3
    assert made.statuses == [("ok", None)] * 3 + [("rejected", "left"), ("rejected", "alone")]


def test_documents_want_a_rubric_of_texts(server: Served, tmp_path: Path) -> None:
    rows = [{"text": "x" * 35}]
    made = grew(plain(Score, server, rubric="educational"), rows, tmp_path, "document")
    assert made.rows[0]["score"] == 4 and set(fenced(server.asked[0])) == {"answer"}
    assert "You rate texts" in server.asked[0]["messages"][0]["content"]
    with pytest.raises(UsageError, match="these are documents, and helpfulness@1 is of answers"):
        grew(plain(Score, server), rows, tmp_path / "other", "document")


@pytest.mark.parametrize(
    "fault, status, broke",
    [
        ("refusal", ("ok", None), "unparsed"),
        ("500", ("failed", "server"), None),
        ("context", ("failed", "context"), None),
    ],
)
def test_every_seed_ends_in_one_way(tmp_path: Path, fault: str, status: Any, broke: str | None) -> None:
    def faults(number: int, body: Any) -> str | None:
        return fault if "Question 1?" in body["messages"][-1]["content"] else None

    with Served(longer, faults=faults) as server:
        made = grew(plain(Score, server), chats("x", "y", "z"), tmp_path, "chat", attempts=1)
    assert made.statuses == [("ok", None), status, ("ok", None)]
    assert [row["broke"] for row in made.rows] == ([None, broke, None] if broke else [None, None])
    assert [one["outcome"] for one in made.requests] == ["ok", status[1] or "ok", "ok"]


def test_a_budget_that_is_spent_stops_or_skips(server: Served, tmp_path: Path) -> None:
    stage, one = plain(Score, server), {"max_requests": 1, "concurrency": 1}
    with pytest.raises(BudgetSpent):
        grew(stage, chats("x", "y"), tmp_path / "stop", "chat", **one)
    made = grew(stage, chats("x", "y"), tmp_path / "go", "chat", **one, when_spent="finish")
    assert made.statuses == [("ok", None), ("skipped", "budget")]


def test_order_and_batches_do_not_show(tmp_path: Path) -> None:
    texts = chats(*("x" * (3 * k) for k in range(12)))
    with Served(longer) as server:
        one = grew(plain(Score, server), texts, tmp_path / "a", "chat", batch=12, concurrency=1)
        other = grew(plain(Score, server), texts, tmp_path / "b", "chat", batch=1, concurrency=8)
    assert one.rows == other.rows and one.outcomes == other.outcomes


def test_a_conversation_without_an_answer_is_rejected(server: Served, tmp_path: Path) -> None:
    rows = [{"messages": [said("user", "Question?")]}, {"messages": []}, *chats("x")]
    made = grew(plain(Score, server), rows, tmp_path, "chat")
    assert made.statuses == [("rejected", "no_answer")] * 2 + [("ok", None)]


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Score(), "judge.score@1 wants a judge"),
        (lambda: Score("m", max_tokens=0), "max_tokens is 0"),
        (lambda: Score("m", rubric="pairwise").own, "is of the form pairwise; score was wanted"),
        (lambda: Pairwise("m", most=1), "most is 1"),
    ],
)
def test_parameters_that_cannot_be_right_are_a_sentence(make: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()
