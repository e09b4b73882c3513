"""`tamis synth`: what it writes, what it refuses, when it stops, and that it never buys twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from growing import CHATS, TEXTS, answer
from making import digests, write_lines
from serving import Served, closed_url

from tamis.models import Responses
from tamis.recipes.recipe import load
from tamis.runs import open_run

Call = Callable[..., tuple[int, str]]

FIXED = ("--set", "structured=schema", "--set", "min_score=1", "--set", "passes=1", "--gate", "none")


@pytest.fixture
def seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_lines(tmp_path / "docs.jsonl", TEXTS)


@pytest.fixture
def server() -> Iterator[Served]:
    with Served(answer) as served:
        yield served


def asked(*more: Any, url: str, method: str = "backtranslate", run: str = "run") -> list[Any]:
    """The command line of a run."""
    return ["synth", method, "docs.jsonl", "-o", run, "--model", "m", "--base-url", url, *FIXED, *more]


def test_the_recipe_it_writes_has_the_gate(seeds: Path, server: Served, tamis: Call) -> None:
    write_lines(
        Path("eval.jsonl"), [{"question": "Which sieve keeps potatoes out of the soup of a baker in the north?"}]
    )
    write_lines(seeds, CHATS)
    words = [
        w for w in asked("--against", "eval.jsonl", url=server.url, method="evolve") if w not in ("--gate", "none")
    ]
    words = [w for w in words if w not in ("min_score=1", "passes=1")]
    words = [w for k, w in enumerate(words) if w != "--set" or words[k + 1 : k + 2] == ["structured=schema"]]
    assert tamis(*words, "--quiet") == (0, "")
    stages = load(Path("run/recipe.yaml")).named
    gate = ("refusal@1", "language@1", "pii@1", "exact@1", "near@1", "decontam@1")
    assert stages == ("decontam@1", "synth.evolve@1", *gate)
    made = open_run("run")
    assert {k: made.facts["steps"][k]["params"]["against"] for k in (1, 7, 8)} == {
        1: ["eval.jsonl"],
        7: ["docs.jsonl"],
        8: ["eval.jsonl"],
    }
    assert made.rows["kept"] > 0


def test_the_recipe_that_is_written_has_what_was_set(seeds: Path, server: Served, tamis: Call) -> None:
    tamis(*asked("--quiet", "--set", "max_copied=0.5", url=server.url))
    assert load("run/recipe.yaml").resolved() == json.loads(Path("run/recipe.resolved.json").read_text())


def test_the_summary_tells_yield_and_cost(seeds: Path, server: Served, tamis: Call) -> None:
    code, said = tamis(*asked("--price", "0.15,0.60", url=server.url))
    assert code == 0 and "12 seeds (used 12), 12 rows made, 12 pass its rules, 12 kept" in said
    assert "score: 12 requests of m-2026 (12 different)" in said and "cost 0.00" in said
    other = asked("--responses", "other.sqlite", url=server.url, run="other")
    assert "cost unknown" in tamis(*other)[1]


def test_a_dry_run_shows_prompts_and_sends_nothing(seeds: Path, server: Served, tamis: Call) -> None:
    code, said = tamis(*asked("--dry-run", "--price", "1,2", url=server.url))
    assert code == 0 and said.count("--- prompt") == 5 and "The sieve number 4 keeps" in said
    assert "12 seeds, at most 24 requests" in said and "cost 0.0" in said
    assert "cost unknown" in tamis(*asked("--dry-run", url=server.url))[1]
    assert server.asked == [] and os.listdir() == ["docs.jsonl"]


def test_a_dry_run_shows_what_a_limit_leaves(seeds: Path, server: Served, tamis: Call) -> None:
    said = tamis(*asked("--dry-run", "--limit", "2", url=server.url))[1]
    assert said.count("--- prompt") == 2 and "2 of 12 seeds, at most 4 requests" in said


def test_no_text_steers_the_terminal(tamis: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_lines(tmp_path / "docs.jsonl", [{"text": "a text \x1b]0;mine\x07 of some length \u202e", "id": "e\x1bvil"}])
    with Served(lambda body: "\x1b]0;yours\x07 what?") as server:
        shown = tamis(*asked("--dry-run", url=server.url))[1]
        assert tamis(*asked("--quiet", "--set", "structured=text", url=server.url)) == (0, "")
    told = tamis("explain", "run", "e\x1bvil")[1]
    assert "‹U+001B›]0;mine‹U+0007›" in shown and "‹U+202E›" in told
    assert not {"\x1b", "\x07", "\u202e"} & {*shown, *told}


def test_an_estimate_is_not_exceeded(seeds: Path, server: Served, tamis: Call) -> None:
    found = json.loads(tamis(*asked("--dry-run", "--json", "--price", "1,2", url=server.url))[1])
    tamis(*asked("--quiet", url=server.url))
    paid = open_run("run").facts["varies"]["steps"]["1"]["spending"]["m"]
    assert len(server.asked) == paid["answered"] <= found["requests"] and paid["tokens_out"] <= found["tokens_out"]
    assert len(found["prompts"]) == 5 and found["prompts"][0]["messages"][0]["role"] == "system"


@pytest.mark.parametrize("method", ["evolve", "instruct", "rephrase"])
def test_no_seeds_make_an_empty_run(method: str, seeds: Path, server: Served, tamis: Call) -> None:
    seeds.write_text("")
    words = ("synth", method, "docs.jsonl", "-o", "run", "--model", "m", "--base-url", server.url, "--gate", "none")
    code, said = tamis(*words, "--set", "structured=schema")
    assert (code, server.asked) == (0, []) and "docs.jsonl: the file is empty" in said
    assert "0 in = 0 kept" in said


def test_where_nobody_answers_nothing_is_written(seeds: Path, tamis: Call) -> None:
    code, said = tamis(*asked(url=closed_url()))
    assert code == 3 and "nobody answers for m at http://127.0.0.1" in said and "--replay" in said
    assert os.listdir() == ["docs.jsonl"]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--set", "template=own.j2"), "'nonsense' is not known here; there are shots, text"),
        (("--budget", "1,50"), "is no amount of money"),
        (("--set", "min_scores=3"), "did you mean 'min_score'?"),
        (("--gate", "nothing.yaml"), "no such recipe"),
        (("--against", "gone.jsonl"), "gone.jsonl"),
        (("--budget", "1"), "a budget of money wants a price"),
        (("--base-url", "http://u:secret@h/v1"), "belongs in the environment"),
    ],
)
def test_a_call_that_cannot_be_is_refused(more: Any, says: str, seeds: Path, server: Served, tamis: Call) -> None:
    Path("own.j2").write_text("{{ text }} {{ nonsense }}")
    code, said = tamis(*asked(*more, url=server.url))
    assert code == 2 and says in said and "secret" not in said and server.asked == []
    assert not Path("run").exists()


def test_a_spent_budget_is_resumed_and_nothing_is_bought_twice(
    seeds: Path, server: Served, tamis: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = asked("--price", "100,100", "--concurrency", "2", "--max-tokens", "20", url=server.url)
    monkeypatch.setattr(sys, "argv", ["tamis", *words, "--budget", "0.5"])
    code, said = tamis(*words, "--budget", "0.5")
    assert code == 1 and "the budget is spent" in said and "To go on: tamis synth backtranslate docs.jsonl" in said
    assert 0 < len(server.asked) < 24 and not Path("run/run.json").exists()
    kept = Responses(Path("responses.sqlite"))
    assert sum(total.cost for total in kept.totals()) <= Decimal("0.5")
    kept.close()
    assert tamis(*words, "--budget", "90", "--resume", "--quiet") == (0, "")
    bodies = [json.dumps(body, sort_keys=True) for body in server.asked]
    assert len(bodies) == len(set(bodies)) == 24


def test_a_budget_smaller_than_one_request_buys_nothing(seeds: Path, server: Served, tamis: Call) -> None:
    code, said = tamis(*asked("--price", "100,100", "--budget", "0.000001", url=server.url))
    assert code == 1 and "the next request may take" in said and server.asked == []


def test_a_run_for_which_no_answer_came_says_so(seeds: Path, tamis: Call) -> None:
    with Served(faults=lambda number, body: "400") as server:
        code, said = tamis(*asked("--quiet", url=server.url))
    assert code == 3 and "made no row: no answer came for 12 of its seeds; the first: m at http" in said
    warned = open_run("run").facts["warnings"]
    assert any("got no answer for 12 seeds: failed.bad_request" in line for line in warned)


def test_replay_reproduces_the_run_without_a_server(seeds: Path, tamis: Call) -> None:
    with Served(answer) as server:
        words = asked("--quiet", url=server.url)
        assert tamis(*words)[0] == 0
    again = [w if w != "run" else "again" for w in words]
    assert tamis(*again, "--replay") == (0, "")
    assert digests(Path("run")) == digests(Path("again"))
    other = [w if w != "run" else "other" for w in words]
    code, said = tamis(*other, "--replay", "--temperature", "0.8")
    assert code == 3 and "has no answer to m being asked" in said and "'temperature': 0.8" in said


def test_a_gate_of_ones_own_takes_the_place_of_ours(seeds: Path, server: Served, tamis: Call) -> None:
    Path("gates").mkdir()
    Path("gates/own.yaml").write_text("stages: [{exact@1: {keep: longest}}]")
    words = [w if w != "none" else "gates/own.yaml" for w in asked("--quiet", url=server.url)]
    assert tamis(*words) == (0, "")
    assert load(Path("run/recipe.yaml")).named == ("synth.backtranslate@1", "exact@1")


def test_the_key_is_in_no_file(seeds: Path, tamis: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-this-is-nobodys-business")
    with Served(answer, faults={3: "401"}) as server:
        code, said = tamis(*asked("--concurrency", "1", url=server.url))
        assert code == 3 and "OPENAI_API_KEY" not in said and "sk-this" not in said
        assert tamis(*asked("--concurrency", "1", "--resume", url=server.url))[0] == 0
        assert server.headers[-1]["authorization"] == "Bearer sk-this-is-nobodys-business"
    assert all(b"sk-this" not in path.read_bytes() for path in Path().rglob("*") if path.is_file())


def test_killed_at_any_moment_it_goes_on_and_asks_nothing_it_has(seeds: Path, tamis: Call) -> None:
    with Served(answer, delay=0.05) as server:
        words = [str(w) for w in asked("--concurrency", "3", "--quiet", url=server.url)]
        process = subprocess.Popen([sys.executable, "-m", "tamis", *words], start_new_session=True)
        while len(server.asked) < 11:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kept = Responses(Path("responses.sqlite"))
        have = {bytes(row[0]) for row in kept._base.execute("SELECT request FROM responses")}
        kept.close()
        before = len(server.asked)
        assert have and tamis(*words, "--resume") == (0, "")
        sent = [json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":")) for body in server.asked]
        assert have.isdisjoint(body.encode() for body in sent[before:])
        assert len(set(sent)) == 24
        whole = [w if w != "run" else "whole" for w in words]
        assert tamis(*whole, "--responses", "other.sqlite") == (0, "")
    assert digests(Path("run")) == digests(Path("whole"))


def test_a_recipe_alone_says_where_no_key_goes(seeds: Path, tamis: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET", "sk-this-is-nobodys-business")
    # Loopback, and none of the names that a key may always go to; nobody listens.
    how = {"model": "m", "base_url": "http://127.0.0.2:1/v1"}
    Path("theirs.yaml").write_text(json.dumps({"stages": [{"synth.rephrase@1": how}]}))
    words = ["run", "theirs.yaml", "-i", "docs.jsonl", "-o", "run", "--key-env", "AWS_SECRET", "--attempts", "1"]
    code, said = tamis(*words)
    assert code == 2 and "have the key in AWS_SECRET sent to 127.0.0.2" in said and "--key-to 127.0.0.2" in said
    assert "is down" in tamis(*words, "--resume", "--key-to", "127.0.0.2")[1]
    assert "is down" in tamis(*words, "--resume", "--key-env", "127.0.0.2=AWS_SECRET")[1]
    code, said = tamis(*asked("--key-env", "AWS_SECRET", url="http://127.0.0.2:1/v1"))
    assert code == 3 and "nobody answers for m" in said
