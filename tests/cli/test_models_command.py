from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from questions import opened, question
from serving import Served, closed_url

from tamis.models import ask_all

Call = Callable[..., tuple[int, str]]


def test_probe_says_what_it_saw_and_asks_once(tamis: Call, tmp_path: Path) -> None:
    kept = ("--responses", tmp_path / "r.sqlite")
    with Served() as server:
        code, said = tamis("models", "probe", "stub", "--base-url", server.url, *kept)
        again = json.loads(tamis("models", "probe", "stub", "--base-url", server.url, *kept, "--json")[1])
    assert code == 0 and "6 requests sent" in said and "price        unknown" in said
    assert (again["sent"], again["can"]["context"], again["can"]["seed"]) == (0, 4096, True)


def test_probe_of_nothing_is_a_sentence(tamis: Call, tmp_path: Path) -> None:
    code, said = tamis("models", "probe", "stub", "--base-url", "ftp://x", "--responses", tmp_path / "r.sqlite")
    assert code == 2 and "is no base URL" in said


def test_a_probe_that_nobody_answers_ends_with_3(tamis: Call, tmp_path: Path) -> None:
    with Served(faults=lambda *_: "401") as server:
        code, said = tamis("models", "probe", "s", "--base-url", server.url, "--responses", tmp_path / "r.sqlite")
    assert code == 3 and "set the key in the environment" in said


def test_a_probe_of_a_port_where_nobody_listens_says_so_at_once(tamis: Call, tmp_path: Path) -> None:
    began = time.monotonic()
    code, said = tamis("models", "probe", "s", "--base-url", closed_url(), "--responses", tmp_path / "r.sqlite")
    assert code == 3 and "nobody answers for s" in said and "start the server" in said
    assert time.monotonic() - began < 0.4  # the first wait of a request that is tried again


def test_cache_counts_and_prune_forgets(tamis: Call, tmp_path: Path) -> None:
    with Served() as server, opened(server.url, tmp_path) as model:
        list(ask_all(model, [question(str(k)) for k in range(3)], 2))
    kept = ("--responses", tmp_path / "responses.sqlite")
    assert "3 answers, 3 tokens in and 9 out, cost unknown, " in tamis("models", "cache", *kept)[1]
    assert tamis("models", "prune", "--days", "1", *kept)[1] == "0 forgotten\n"
    assert tamis("models", "prune", "--all", *kept)[1] == "3 forgotten\n"
    assert tamis("models", "cache", *kept)[1] == "nothing is kept\n"


def test_prune_wants_to_know_which(tamis: Call, tmp_path: Path) -> None:
    assert tamis("models", "prune", "--responses", tmp_path / "r")[0] == 2
    assert tamis("models", "prune", "--days", "1", "--responses", tmp_path / "r")[0] == 2
