"""Methods as stages of a recipe, against servers on real sockets."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from growing import CHATS, TEXTS, answer
from making import digests, recipe, write_lines
from serving import REFUSAL, Served

import tamis
from tamis.bench import Means
from tamis.errors import TamisError

METHODS: list[tuple[str, dict[str, Any], list[dict[str, Any]], str]] = [
    ("backtranslate", {"min_score": 4}, TEXTS, "chat"),
    ("evolve", {"generations": 2}, CHATS, "chat"),
    ("rephrase", {"min_length": 0.0, "max_lost_numbers": 1.0, "max_new_numbers": 1.0}, TEXTS, "document"),
    ("instruct", {"rounds": 2, "batch": 3}, CHATS, "chat"),
    ("preference", {"min_margin": 0.0, "max_alike": 1.0}, CHATS, "preference"),
]


def sieved(
    tmp_path: Path, url: str, method: str, params: dict[str, Any], rows: Any, name: str, **more: Any
) -> tamis.Run:
    """A run of one method and a gate behind it; its answers are kept beside it."""
    source = tmp_path / "seeds.jsonl"
    if not source.exists():
        write_lines(source, rows)
    how = {f"synth.{method}@1": {"model": "m", "base_url": url, "structured": "schema", **params}}
    gate = {"refusal@1": {"roles": ["user", "assistant"]}}
    plan = recipe(how, gate, "exact@1", input={"kind": "chat" if rows is CHATS else "document"})
    return tamis.run(plan, source, tmp_path / name, workers=1, **more)


@pytest.mark.parametrize(("method", "params", "rows", "kind"), METHODS, ids=[one[0] for one in METHODS])
def test_each_method_runs_behind_a_gate_and_again_for_nothing(
    tmp_path: Path, method: str, params: Any, rows: Any, kind: str
) -> None:
    with Served(answer) as server:
        one = sieved(tmp_path, server.url, method, params, rows, "one", means=Means(tmp_path / "r.sqlite"))
        asked = len(server.asked)
        other = sieved(
            tmp_path, server.url, method, params, rows, "other", means=Means(tmp_path / "r.sqlite", replay=True)
        )
        assert len(server.asked) == asked > 0
    assert digests(one.path) == digests(other.path)
    books = json.loads((one.path / "run.json").read_text())["rows"]
    assert books["in"] + books["derived"] == books["kept"] + books["dropped"] + books["quarantined"]
    assert books["derived"] > 0 and one.data().num_rows == books["kept"] > 0
    assert {row["method"] for row in one.data().column("synthesis").to_pylist()} == {f"synth.{method}@1"}
    assert (
        tamis.load(one.path / "recipe.yaml") is not None and kind in str(one.data().schema) + "document chat preference"
    )


def test_a_replay_decides_anew_on_what_was_made(tmp_path: Path) -> None:
    with Served(answer) as server:
        means = Means(tmp_path / "r.sqlite")
        more = {"min_score": 4, "passes": 1}
        run = sieved(tmp_path, server.url, "backtranslate", more, TEXTS, "run", means=means)
        stricter = sieved(tmp_path, server.url, "backtranslate", {**more, "min_score": 5}, TEXTS, "5", means=means)
    told = tamis.replay(run, ["synth.backtranslate.min_score=5"])
    assert told.rows["after"]["kept"] == stricter.data().num_rows < run.data().num_rows


def test_an_endpoint_is_probed_once_for_whether_it_keeps_to_schemas(tmp_path: Path) -> None:
    more = {"passes": 1, "min_score": 1, "structured": "auto"}
    with Served(answer) as server:
        one = sieved(tmp_path, server.url, "backtranslate", more, TEXTS, "one", means=Means(tmp_path / "r.sqlite"))
        asked = len(server.asked)
        means = Means(tmp_path / "r.sqlite", replay=True)
        other = sieved(tmp_path, server.url, "backtranslate", more, TEXTS, "other", means=means)
    told = json.loads((one.path / "run.json").read_text())
    assert asked <= 24 + 6 and len(server.asked) == asked and digests(one.path) == digests(other.path)
    assert '"structured": "text"' in json.dumps(told)
    assert sum("response_format" in body for body in server.asked) == 1


FAULTS: list[tuple[str, str, str]] = [
    ("malformed", "failed", "malformed"),
    ("half", "failed", "truncated"),
    ("html", "failed", "html"),
    ("large", "failed", "too_large"),
    ("context", "failed", "context"),
    ("400", "failed", "bad_request"),
    ("blank", "failed", "empty"),
]


@pytest.mark.parametrize(("fault", "status", "rule"), FAULTS, ids=[one[0] for one in FAULTS])
def test_a_seed_that_the_server_fails_on_is_told_and_the_others_go_on_and_so_it_is_replayed(
    tmp_path: Path, fault: str, status: str, rule: str
) -> None:
    def faults(number: int, body: dict[str, Any]) -> str | None:
        return fault if "sieve number 5 " in body["messages"][-1]["content"] else None

    with Served(answer, faults=faults) as server:
        means = Means(tmp_path / "r.sqlite", attempts=2)
        run = sieved(tmp_path, server.url, "backtranslate", {"passes": 1, "min_score": 1}, TEXTS, "run", means=means)
    books = json.loads((run.path / "run.json").read_text())["rows"]
    assert books["in"] + books["derived"] == books["kept"] + books["dropped"] + books["quarantined"] == 23
    assert [row["rule"] for row in run.verdicts().to_pylist() if row["action"] == "quarantine"] == [f"{status}.{rule}"]
    means = Means(tmp_path / "r.sqlite", replay=True)
    again = sieved(tmp_path, server.url, "backtranslate", {"passes": 1, "min_score": 1}, TEXTS, "again", means=means)
    assert digests(run.path) == digests(again.path)


@pytest.mark.parametrize("said", ["refusal", "prompt"])
def test_a_prompt_given_back_goes_and_so_does_a_refusal(tmp_path: Path, said: str) -> None:
    def faults(number: int, body: dict[str, Any]) -> str | None:
        content = body["messages"][-1]["content"]
        return said if "number 5 " in content and "Use this scale" not in content else None

    with Served(answer, faults=faults) as server:
        more = {"passes": 1, "min_score": 1}
        run = sieved(tmp_path, server.url, "backtranslate", more, TEXTS, "run", means=Means(tmp_path / "r.sqlite"))
    instructions = [row["messages"][0]["content"] for row in run.data().to_pylist()]
    assert not any("<text-" in one for one in instructions)
    assert len(instructions) == 11 and REFUSAL not in instructions


@pytest.mark.parametrize("when_spent", ["stop", "finish"])
def test_a_budget_stops_the_run_or_skips_the_rest(tmp_path: Path, when_spent: Any) -> None:
    with Served(answer) as server:
        at_once = 1 if when_spent == "stop" else 8
        means = Means(tmp_path / "r.sqlite", max_requests=7, when_spent=when_spent, concurrency=at_once)
        more = {"passes": 1, "min_score": 1}
        if when_spent == "stop":
            with pytest.raises(TamisError, match="budget is spent"):
                sieved(tmp_path, server.url, "backtranslate", more, TEXTS, "run", means=means)
            assert len(server.asked) == 7
            run = sieved(
                tmp_path,
                server.url,
                "backtranslate",
                more,
                TEXTS,
                "run",
                means=Means(tmp_path / "r.sqlite"),
                resume=True,
            )
            assert len(server.asked) == 24 and run.data().num_rows == 12
        else:
            run = sieved(tmp_path, server.url, "backtranslate", more, TEXTS, "run", means=means)
            told = Counter(row["rule"] for row in run.verdicts().to_pylist())
            assert told["used"] == 3 and told["skipped.budget"] == 9 and len(server.asked) == 7


def test_the_real_model_is_asked_and_the_books_balance(tmp_path: Path, llama: str) -> None:
    from llama import MODEL

    how = {"model": MODEL, "base_url": llama, "max_tokens": 16, "passes": 1, "min_score": 1, "structured": "schema"}
    source = write_lines(tmp_path / "seeds.jsonl", TEXTS[:2])
    plan = recipe({"synth.backtranslate@1": {**how, "max_unfinished": 1}}, "exact@1")
    means = Means(tmp_path / "r.sqlite", timeout=600.0)
    run = tamis.run(plan, source, tmp_path / "run", workers=1, means=means)
    books = json.loads((run.path / "run.json").read_text())["rows"]
    assert books["in"] + books["derived"] == books["kept"] + books["dropped"] + books["quarantined"]
    again = tamis.run(plan, source, tmp_path / "again", workers=1, means=Means(tmp_path / "r.sqlite", replay=True))
    assert digests(run.path) == digests(again.path)


def test_what_was_bought_before_a_kill_is_not_bought_again(tmp_path: Path) -> None:
    code = f"""
import sys
sys.path[:0] = {[str(Path(__file__).parents[2]), str(Path(__file__).parent)]!r}
from pathlib import Path
from test_synthesis_runs import CHATS, Means, sieved
folder = Path({str(tmp_path)!r})
means = Means(folder / "r.sqlite", concurrency=2)
sieved(folder, sys.argv[1], "evolve", {{}}, CHATS, "run", means=means, resume=True)
"""
    with Served(answer, delay=0.05) as server:
        (tmp_path / "run").mkdir()
        process = subprocess.Popen([sys.executable, "-c", code, server.url], stderr=subprocess.PIPE)
        while len(server.asked) < 20 and process.poll() is None:
            time.sleep(0.01)
        process.kill()
        _, told = process.communicate()
        before = len(server.asked)
        assert process.returncode == -signal.SIGKILL, told.decode()
        # How models are called is no part of the recipe: a run goes on whatever it is.
        means = Means(tmp_path / "r.sqlite", concurrency=9, timeout=60.0, attempts=2, key_env="NO_SUCH_KEY")
        run = sieved(tmp_path, server.url, "evolve", {}, CHATS, "run", means=means, resume=True)
        # Two answers were under way, at most, when it was killed.
        assert before >= 20 and len(server.asked) <= 12 * 2 * 3 + 2
        means = Means(tmp_path / "other.sqlite", concurrency=1)
        whole = sieved(tmp_path, server.url, "evolve", {}, CHATS, "whole", means=means)
    assert digests(run.path) == digests(whole.path)
