from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from questions import opened, question
from serving import Served

from tamis.errors import OutputError
from tamis.models import Failed, Missed, Reply, Responses, Usage, ask_all
from tamis.models.request import Request, canonical, request_key

COUNT = st.none() | st.integers(0, 1 << 30)
REPLIES = st.builds(
    Reply,
    text=st.text(),
    finish=st.text(max_size=8),
    model=st.text(max_size=8),
    usage=st.builds(Usage, COUNT, COUNT),
    cost=st.none() | st.decimals(0, 1000, places=9),
    key=st.binary(min_size=32, max_size=32),
    cached=st.just(True),
    attempts=st.integers(1, 9),
    logprobs=st.none() | st.just([{"token": "a", "logprob": -0.5}]),
    fingerprint=st.none() | st.text(max_size=8),
    choices=st.integers(1, 3),
    created=st.none(),
)


@settings(max_examples=25)
@given(st.lists(REPLIES, max_size=5, unique_by=lambda r: r.key))
def test_what_is_kept_comes_back(tmp_path_factory: pytest.TempPathFactory, replies: list[Reply]) -> None:
    path = tmp_path_factory.mktemp("kept") / "deep" / "r.sqlite"
    kept = Responses(path)
    landed = [kept.put(reply, b"{}", "http://a", "m", 0) for reply in replies]
    kept.close()
    again = Responses(path)
    assert [again.get(reply.key) for reply in replies] == landed
    assert [reply._replace(created=None) for reply in landed] == replies
    again.close()


def test_the_first_answer_stands(tmp_path: Path) -> None:
    one, two = Responses(tmp_path / "r.sqlite"), Responses(tmp_path / "r.sqlite")
    first = Reply("a", "stop", "m", Usage(1, 1), Decimal(1), b"k" * 32, True, 1)
    first = one.put(first, b"{}", "http://a", "m", 0)
    assert two.put(first._replace(text="b", cached=False), b"{}", "http://a", "m", 0) == first


def test_replay_answers_with_the_server_off_and_misses_loudly(tmp_path: Path) -> None:
    with Served() as server, opened(server.url, tmp_path) as model:
        bought = list(ask_all(model, [question(str(k)) for k in range(5)], 4))
    with opened(server.url, tmp_path, replay=True) as model:
        again = list(ask_all(model, [question(str(k)) for k in range(5)], 4))
        with pytest.raises(Missed, match=r"being asked '5' with \{\}"):
            list(ask_all(model, [question("5")], 4))
    assert [r._replace(cached=False) for r in again if isinstance(r, Reply)] == bought


@pytest.mark.parametrize(
    "other",
    [question("why!"), question(seed=1), question(sample=1), Request(({"role": "system", "content": "why?"},))],
    ids=["prompt", "parameter", "sample", "role"],
)
def test_another_request_has_another_key(other: Request) -> None:
    assert _key(other) != _key(question())


@pytest.mark.parametrize("same", [question(temperature=1.0, seed=None), question(temperature=1)])
def test_the_same_request_has_the_same_key_however_it_is_written(same: Request) -> None:
    assert _key(same) == _key(question(temperature=1))


def _key(request: Request) -> bytes:
    return request_key(canonical("m", request), "http://a/v1", request.sample)


def test_what_is_pruned_is_not_in_the_file(tmp_path: Path) -> None:
    says = Served(lambda body: "a secret answer" if "0" in str(body) else "another")
    with says as server, opened(server.url, tmp_path) as model:
        list(ask_all(model, [question(str(k)) for k in range(3)], 1))
    kept = Responses(tmp_path / "responses.sqlite")
    assert kept.prune(holding="secret answer") == 1
    assert [total.answers for total in kept.totals()] == [2]
    kept.close()
    assert not [p for p in tmp_path.iterdir() if b"secret answer" in p.read_bytes()]


def test_pruning_goes_by_time_and_model(tmp_path: Path) -> None:
    kept = Responses(tmp_path / "r.sqlite")
    for k, model in enumerate("aab"):
        reply = Reply("t", "stop", model, Usage(), None, bytes([k]) * 32, True, 1)
        kept.put(reply, b"{}", "http://a", model, 0)
    assert kept.prune(before=datetime.now(UTC) - timedelta(days=1)) == 0
    assert kept.prune(before=datetime.now(UTC) + timedelta(days=1), model="a") == 2


def test_a_file_that_is_no_cache_is_named(tmp_path: Path) -> None:
    (tmp_path / "r.sqlite").write_text("not a database, and long enough to be read as one" * 30)
    with pytest.raises(OutputError, match=r"r\.sqlite cannot be used"):
        Responses(tmp_path / "r.sqlite")


def test_a_row_that_is_damaged_is_told_of_the_cache(tmp_path: Path) -> None:
    kept = Responses(tmp_path / "r.sqlite")
    kept.put(Reply("t", "stop", "m", Usage(), None, b"k" * 32, True, 1), b"{}", "http://a", "m", 0)
    kept._base.execute("UPDATE responses SET cost = 'much'")
    with pytest.raises(OutputError, match=r"r\.sqlite cannot be used"):
        kept.get(b"k" * 32)


def test_a_failure_is_replayed_and_asked_again_by_a_run_that_may(tmp_path: Path) -> None:
    asked = [question(str(k)) for k in range(3)]
    with Served(faults=lambda _, body: "500" if "1" in str(body["messages"]) else None) as server:
        with opened(server.url, tmp_path) as model:
            bought = list(ask_all(model, asked, 4))
        with opened(server.url, tmp_path, replay=True) as model:
            again = list(ask_all(model, asked, 4))
        assert len(server.asked) == 5 and model.spending.failed == 1 and model.spending.sent == 0
        assert [vars(one) for one in again if isinstance(one, Failed)] == [vars(bought[1])]
        with opened(server.url, tmp_path) as model:
            list(ask_all(model, asked, 4))
        assert len(server.asked) == 8


def test_failures_are_counted_pruned_and_forgotten(tmp_path: Path) -> None:
    kept = Responses(tmp_path / "r.sqlite")
    for k, said in enumerate(["the same", "the same", 'a "secret" word', "by key", "another"]):
        kept.lose(Failed("server", said), bytes([k]) * 32, "http://a", f"m{k}")
    assert [(total.answers, total.failures, total.unknown) for total in kept.totals()] == [(0, 1, 1)] * 5
    assert kept.prune(holding="the same", model="m1") == 1
    assert kept.forget([bytes([3]) * 32], ['"secret"']) == 2
    assert [total.model for total in kept.totals()] == ["m0", "m4"]
    kept.close()
    assert not [p for p in tmp_path.iterdir() if b"secret" in p.read_bytes()]


def test_a_cache_of_the_first_layout_is_opened_and_learns_of_failures(tmp_path: Path) -> None:
    kept, reply = Responses(tmp_path / "r.sqlite"), Reply("t", "stop", "m", Usage(), None, b"k" * 32, True, 1)
    kept.put(reply, b"{}", "http://a", "m", 0)
    kept._base.execute("DROP TABLE failures")
    kept._base.execute("PRAGMA user_version=1")
    kept.close()
    again = Responses(tmp_path / "r.sqlite")
    again.lose(Failed("server", "no"), b"f" * 32, "http://a", "m")
    assert again.get(b"k" * 32) is not None and again.failure(b"f" * 32) is not None
    again.close()


def test_a_later_layout_is_left_alone(tmp_path: Path) -> None:
    base = sqlite3.connect(tmp_path / "r.sqlite")
    base.execute("PRAGMA user_version=99")
    base.close()
    with pytest.raises(OutputError, match="layout 99"):
        Responses(tmp_path / "r.sqlite")
