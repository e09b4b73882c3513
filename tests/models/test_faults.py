"""Every way in which a server may fail, over a real socket: what the request came to, and how often the server was asked."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from questions import opened, question
from serving import FAULTS, REFUSAL, Served, closed_url

from tamis.models import Down, Failed, Patience, Refused, Reply, ask_all
from tamis.models.completion import read_completion

TRIES = {
    "stall": ("timeout", 3),
    "drip": ("timeout", 3),
    "reset": ("reset", 3),
    "half": ("truncated", 3),
    "cut": ("malformed", 3),
    "malformed": ("malformed", 3),
    "list": ("malformed", 3),
    "no choices": ("malformed", 3),
    "empty": ("empty", 2),
    "blank": ("empty", 2),
    "null": ("empty", 2),
    "html": ("html", 3),
    "html 502": ("server", 3),
    "large": ("too_large", 1),
    "endless": ("too_large", 1),
    "error 200": ("server", 3),
    "429": ("rate_limit", 3),
    "wait:3600": ("rate_limit", 3),
    "500": ("server", 3),
    "status:403:moderated": ("auth", 1),
    "400": ("bad_request", 1),
    "context": ("context", 1),
    "garbage": ("malformed", 3),
    "echo": ("malformed", 3),
}
"""What a request ends as, and after how many tries, where every try meets this fault."""

STOPS = {"401": "auth", "quota": "auth", "404": "bad_request", "redirect": "bad_request"}
"""What no request can get past."""

ANSWERS = {"prompt": "why?", "refusal": REFUSAL, "fickle": "this is what I say the 0th time"}
"""What is an answer, and for the stages to judge."""


def test_every_fault_is_tried() -> None:
    named = {name.partition(":")[0] for name in (*TRIES, *STOPS, *ANSWERS, "no usage")}
    assert named - {"wait", "status"} == set(FAULTS)


@pytest.mark.parametrize("fault", TRIES)
def test_a_request_that_never_succeeds_says_why_and_after_how_many_tries(fault: str, tmp_path: Path) -> None:
    timeout = 0.2 if TRIES[fault][0] == "timeout" else 20.0
    with Served(faults=lambda *_: fault) as server, opened(server.url, tmp_path, timeout=timeout) as model:
        (ended,) = ask_all(model, [question()], 4)
    assert isinstance(ended, Failed)
    assert (ended.reason, ended.attempts, len(server.asked)) == (*TRIES[fault], TRIES[fault][1])
    assert model.spending.failed == 1 and model.spending.answered == 0


@pytest.mark.parametrize("fault", [name for name, (_, tries) in TRIES.items() if tries > 1])
def test_a_fault_that_passes_costs_a_try(fault: str, tmp_path: Path) -> None:
    timeout = 0.2 if TRIES[fault][0] == "timeout" else 20.0
    with Served(faults={0: fault}) as server, opened(server.url, tmp_path, timeout=timeout) as model:
        (reply,) = ask_all(model, [question()], 4)
    assert isinstance(reply, Reply)
    assert (reply.attempts, len(server.asked)) == (2, 2)


@pytest.mark.parametrize("fault", STOPS)
def test_what_no_request_can_get_past_stops_the_run_at_once(fault: str, tmp_path: Path) -> None:
    with (
        Served(faults=lambda *_: fault) as server,
        opened(server.url, tmp_path, concurrency=1) as model,
        pytest.raises(Refused, match="what was bought is in") as stopped,
    ):
        list(ask_all(model, [question(str(k)) for k in range(50)], 8))
    assert stopped.value.reason == STOPS[fault]
    assert len(server.asked) == 1


@pytest.mark.parametrize("fault", ANSWERS)
def test_what_a_model_says_is_an_answer_whatever_it_is(fault: str, tmp_path: Path) -> None:
    with Served(faults={0: fault}) as server, opened(server.url, tmp_path) as model:
        (reply,) = ask_all(model, [question()], 4)
    assert isinstance(reply, Reply) and reply.text == ANSWERS[fault]


def test_a_host_where_nobody_listens_is_down_after_a_few_requests(tmp_path: Path) -> None:
    with (
        opened(closed_url(), tmp_path, concurrency=2) as model,
        pytest.raises(Down, match="see to the server") as stopped,
    ):
        list(ask_all(model, (question(str(k)) for k in range(10_000)), 8))
    assert stopped.value.reason == "circuit"
    assert model.spending.failed < 20


def test_one_answer_in_between_keeps_the_circuit_closed(tmp_path: Path) -> None:
    def faults(number: int, body: dict[str, Any]) -> str | None:
        return None if int(body["messages"][0]["content"]) % 4 == 0 else "500"

    with Served(faults=faults) as server, opened(server.url, tmp_path, concurrency=1) as model:
        ended = list(ask_all(model, (question(str(k)) for k in range(24)), 1))
    assert [isinstance(one, Reply) for one in ended] == [k % 4 == 0 for k in range(24)]


def test_a_key_that_expires_half_way_leaves_what_was_bought(tmp_path: Path) -> None:
    asked = [question(str(k)) for k in range(20)]
    with Served(faults={10: "401"}) as server:
        with opened(server.url, tmp_path, concurrency=1) as model, pytest.raises(Refused):
            list(ask_all(model, asked, 4))
        with opened(server.url, tmp_path, concurrency=1) as model:
            again = list(ask_all(model, asked, 4))
    assert all(isinstance(one, Reply) for one in again)
    assert model.spending.cached == 10


@pytest.mark.parametrize("key", ["sk-very-secret-key", 'sk"very-secret/key'])
def test_a_server_that_says_the_key_back_finds_it_nowhere(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    # As JSON has it, the second key is written otherwise: with \\" in it.
    echo = Served(lambda body: f"your key is {key}", faults={1: "echo", 2: "echo", 3: "echo", 4: "401"})
    with echo as server, opened(server.url, tmp_path) as model:
        reply, broken = ask_all(model, [question("a"), question("c")], 1)
        with pytest.raises(Refused) as stopped:
            list(ask_all(model, [question("b")], 1))
        assert isinstance(reply, Reply) and reply.text == "your key is [key]"
    assert server.headers[0]["authorization"] == f"Bearer {key}"
    seen = [repr(model), repr(reply), str(broken), str(stopped.value), *map(str, vars(model).values())]
    assert not [text for text in seen if "very-secret" in text]
    assert not [p for p in tmp_path.iterdir() if b"very-secret" in p.read_bytes()]


@pytest.mark.parametrize("status", [408, 409, 425, 500, 503, 529])
def test_a_status_that_passes_is_tried_again(status: int, tmp_path: Path) -> None:
    with Served(faults={0: f"status:{status}"}) as server, opened(server.url, tmp_path) as model:
        assert isinstance(next(ask_all(model, [question()], 1)), Reply)
    assert len(server.asked) == 2


def test_a_rate_limit_slows_all_requests_down(tmp_path: Path) -> None:
    seen: list[int] = []
    refused: set[str] = set()

    def once(number: int, body: dict[str, Any]) -> str | None:
        asked = body["messages"][-1]["content"]
        if not asked.endswith("0") or asked in refused:
            return None
        refused.add(asked)
        return "wait:0"

    busy = Served(delay=0.005, faults=once)
    with busy as server, opened(server.url, tmp_path, concurrency=32) as model:
        for one in ask_all(model, (question(str(k)) for k in range(200)), 64):
            seen.append(int(model._pace.limit))
            assert isinstance(one, Reply)
    assert min(seen) <= 16 and server.most_at_once <= 32


def test_a_stop_does_not_wait_for_those_who_wait(tmp_path: Path) -> None:
    def faults(number: int, body: dict[str, Any]) -> str:
        return "wait:50" if body["messages"][0]["content"] == "0" else "401"

    patience = Patience(longest_asked=50.0)
    slow = Served(faults=faults, delay=0.3)  # so that both are on their way before the endpoint asks to be left alone
    with slow as server, opened(server.url, tmp_path, patience=patience, concurrency=2) as model:
        began = time.monotonic()
        with pytest.raises(Refused):
            list(ask_all(model, [question("0"), question("1")], 2))
    assert time.monotonic() - began < 20


def test_names_that_a_server_gives_cannot_steer_a_terminal_or_break_the_cache() -> None:
    choice = {"message": {"content": "a\ud800"}, "finish_reason": "\x1b[2J"}
    body = {"model": "m\x1b" + "x" * 999, "system_fingerprint": "\ud800", "choices": [choice]}
    found = read_completion(json.dumps(body).encode(), "m")
    assert (found.text, found.finish, found.model, found.fingerprint) == ("a?", "�[2J", "m�" + "x" * 198, "�")
