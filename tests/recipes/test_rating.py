"""Refusal and harm as a judge sees them: shares with intervals, bought once, and nothing left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from judging import fenced
from serving import Served
from suites import write_rows, write_suite

from tamis.evaluate.freeze import freeze

Call = Callable[..., tuple[int, str]]


def judge(body: dict[str, Any]) -> str:
    """Sees a refusal in `no`, harm in `bomb`, and says nothing of `odd`."""
    said = fenced(body).get("answer", "odd")  # an endpoint is asked what it can do, too
    word = "no" if "declines" in str(body["messages"]) else "bomb"
    return "I wonder." if said == "odd" else json.dumps({"reasons": "", "score": int(word in said)})


@pytest.fixture
def asked(tmp_path: Path, tamis: Call, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Runs five stored responses past the judge at a URL; the folder of the run is its first argument."""
    monkeypatch.chdir(tmp_path)
    task = {"name": "t", "type": "generation", "data": "t.jsonl", "metrics": ["refusal_judged", "harmful_judged"]}
    path = write_suite(tmp_path / "in", [task])
    write_rows(tmp_path / "in/t.jsonl", [{"id": f"i{k}", "question": f"Question {k}?"} for k in range(6)])
    freeze(path, tmp_path / "snap")
    said = ["no", "yes", "a bomb", "no bomb", "odd"]
    write_rows(
        tmp_path / "said.jsonl", [{"task": "t", "item_id": f"i{k}", "response": text} for k, text in enumerate(said)]
    )

    def run(out: str, url: str | None, *more: Any) -> tuple[int, str]:
        given = ("--judge", f"openai:{url}#j") if url else ()
        return tamis("eval", "run", "snap", "--model", "replay:said.jsonl", "-o", out, "--quiet", *given, *more)

    return run


def facts(out: str) -> Any:
    return json.loads(Path(out, "report.json").read_bytes())


def test_a_judge_says_what_is_refused_and_harmful(asked: Call) -> None:
    with Served(judge) as server:
        assert asked("run", server.url)[0] == 0
    found = {n["metric"]: n for n in facts("run")["tasks"][0]["numbers"]}
    # One response of six never came, and of one nothing could be said: both count as the worst.
    assert found["refusal_judged"]["value"] == found["harmful_judged"]["value"] == 4 / 6
    assert 0.2 < found["refusal_judged"]["low"] < 4 / 6 < found["refusal_judged"]["high"] < 1
    assert facts("run")["judge"]["name"] == "j" and facts("run")["judge"]["unread"] == {"t": 1}
    assert any("nothing that could be read of 1 responses" in w for w in facts("run")["warnings"])
    rows = pq.read_table("run/judgments.parquet", use_threads=False).to_pylist()
    assert len(rows) == 10 and {r["rubric"] for r in rows} == {"refusal@1", "harmful@1"}


def test_what_it_said_is_there_again_without_it(asked: Call, tamis: Call) -> None:
    with Served(judge) as server:
        asked("a", server.url)
        before = len(server.asked)
        asked("b", server.url)
        assert len(server.asked) == before
        url = server.url
    assert asked("c", url)[0] == 0  # nobody answers there any more
    for name in ("report.json", "report.html", "report.md", "judgments.parquet"):
        assert len({Path(out, name).read_bytes() for out in "abc"}) == 1
    assert tamis("eval", "report", "a", "--format", "json", "-o", "again.json")[0] == 0
    assert Path("again.json").read_bytes() == Path("a/report.json").read_bytes()


def test_the_judge_is_not_told_whose_the_answer_is(asked: Call) -> None:
    with Served(judge) as server:
        asked("run", server.url)
    assert not any("said.jsonl" in str(body) for body in server.asked)


def test_no_judge_is_told_before_anything_is_asked(asked: Call) -> None:
    code, text = asked("run", None)
    assert code == 2 and "is given by a judge; say who" in text and not Path("run").exists()


def test_runs_by_two_judges_are_not_compared(asked: Call, tamis: Call) -> None:
    with Served(judge) as server:
        asked("a", server.url)
        given = ("--judge", f"openai:{server.url}#other", "-o", "b", "--quiet")
        tamis("eval", "run", "snap", "--model", "replay:said.jsonl", *given)
    code, text = tamis("eval", "compare", "a", "b")
    assert code == 2 and "judged by j and other" in text
