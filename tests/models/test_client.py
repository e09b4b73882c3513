from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from llama import MODEL
from questions import opened, question
from serving import Served

from tamis.bench import Means
from tamis.errors import UsageError
from tamis.models import (
    Budget,
    Capabilities,
    Failed,
    Missed,
    Reply,
    Responses,
    ask_all,
    estimate,
    open_by,
    open_model,
    price,
    probe,
)
from tamis.models.endpoint import endpoint_of
from tamis.recipes.catalog import make


def test_the_protocol_is_that_of_the_openai_client(tmp_path: Path) -> None:
    openai = pytest.importorskip("openai")
    params = {"temperature": 0.5, "max_tokens": 9, "seed": 3, "stop": ["x"], "top_p": 0.9}
    with Served() as server, opened(server.url, tmp_path) as model:
        (ours,) = ask_all(model, [question("one two", **params)], 1)
        with openai.OpenAI(base_url=server.url, api_key="k", max_retries=0) as client:
            theirs = client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "one two"}], **params
            )
    assert server.asked[0] == server.asked[1]
    assert isinstance(ours, Reply)
    choice, usage = theirs.choices[0], theirs.usage
    assert (ours.text, ours.finish, ours.model) == (choice.message.content, choice.finish_reason, theirs.model)
    assert (ours.fingerprint, *ours.usage) == (theirs.system_fingerprint, usage.prompt_tokens, usage.completion_tokens)


@pytest.mark.parametrize("written", ["http://Host:80/v1/", "HTTP://host/v1", "http://host/v1", " http://host:80/v1 "])
def test_one_endpoint_has_one_name(written: str) -> None:
    assert endpoint_of(written) == "http://host/v1"


@pytest.mark.parametrize(
    "written, said",
    [
        ("https://user:hidden@host/v1", "a key belongs in the environment"),
        ("https://host/v1?api-key=hidden", "a key belongs in the environment"),
        ("ftp://me:hidden@host", "is no base URL"),
        ("host:8080", "is no base URL"),
        ("http://host:99999/v1", "is no base URL"),
        ("http://[::1", "is no base URL"),
        ("", "is no base URL"),
    ],
)
def test_an_address_that_may_hold_a_key_is_refused(written: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        endpoint_of(written)
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("taken", ["model", "messages", "stream"])
def test_a_parameter_that_tamis_sets_itself_is_refused(taken: str, tmp_path: Path) -> None:
    with opened("http://127.0.0.1:9/v1", tmp_path) as model, pytest.raises(UsageError, match=taken):
        list(ask_all(model, [question(**{taken: 1})], 1))


def test_a_model_without_an_address_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(UsageError, match="where is the model 'm'"):
        open_model("m", responses=tmp_path / "r.sqlite")


def test_a_model_may_be_named_with_its_address(tmp_path: Path) -> None:
    with Served() as server, open_model(f"openai:{server.url}#stub", responses=tmp_path / "r.sqlite") as model:
        (reply,) = ask_all(model, [question()], 1)
    assert (model.name, model.endpoint, reply.model) == ("stub", server.url, "stub-2026")  # type: ignore[union-attr]


def test_a_key_with_a_line_break_is_refused_without_being_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-hidden\nX-Other: 1")
    with pytest.raises(UsageError, match="MY_KEY") as refused:
        open_model("m", base_url="http://127.0.0.1:9/v1", key_env="MY_KEY", responses=tmp_path / "r.sqlite")
    assert "hidden" not in str(refused.value)


def test_a_key_goes_to_the_host_that_it_is_named_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE", "sk-here")
    monkeypatch.setenv("ELSEWHERE", "sk-elsewhere")
    means, kept = Means(key_env="ELSEWHERE", key_envs={"127.0.0.1": "HERE"}), Responses(tmp_path / "r.sqlite")
    with Served() as server:
        for url in (server.url, server.url.replace("127.0.0.1", "localhost")):
            with open_by(means, "m", url, None, kept, Budget()) as model:
                list(ask_all(model, [question()], 1))
    assert [told["authorization"] for told in server.headers] == ["Bearer sk-here", "Bearer sk-elsewhere"]
    with pytest.raises(UsageError, match="ELSEWHERE sent to there"):
        open_by(means, "m", "http://there/v1", None, kept, Budget())


@pytest.mark.parametrize("wrong", [{"concurrency": 0}, {"attempts": 0}, {"timeout": 0.0}])
def test_means_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(wrong))} is 0"):
        Means(**wrong)


def test_a_recipe_says_what_is_made_and_not_how_models_are_called() -> None:
    with pytest.raises(UsageError, match="is said to the run: --key-env"):
        make("synth.rephrase@1", model="m", key_env="AWS_SECRET")


def test_an_estimate_counts_what_is_not_cached(tmp_path: Path) -> None:
    asked = [question(f"word {k}", max_tokens=10) for k in range(10)]
    with Served() as server, opened(server.url, tmp_path, price=price("1,2")) as model:
        list(ask_all(model, asked[:4], 4))
        said = estimate(model, asked)
        sent = len(server.asked)
    assert (said.requests, said.cached, said.tokens_out, sent) == (10, 4, 60, 4)
    assert said.money is not None and said.money >= price("1,2").cost(6 * 2, 6 * 3)
    assert estimate(model, [question()]).money is None


def test_a_probe_is_made_once_and_answered_from_the_cache(tmp_path: Path) -> None:
    with Served() as server, opened(server.url, tmp_path) as model:
        first = probe(model)
        assert probe(model) == first == Capabilities(True, False, False, False, 4096, "m-2026")
        assert len(server.asked) == 6
        assert probe(model, again=True) == first and len(server.asked) == 12
    with opened(server.url, tmp_path, replay=True) as model:
        assert probe(model) == first


def test_a_probe_in_replay_misses_where_nobody_made_one(tmp_path: Path) -> None:
    with (
        opened("http://127.0.0.1:9/v1", tmp_path, replay=True) as model,
        pytest.raises(Missed, match="nobody has probed"),
    ):
        probe(model)


def test_a_server_that_says_something_else_each_time_honours_no_seed(tmp_path: Path) -> None:
    with Served(faults=lambda *_: "fickle") as server, opened(server.url, tmp_path) as model:
        assert probe(model).seed is False


@pytest.mark.parametrize("said", ["[" * 1100, '{"colour":' * 9000])
def test_an_answer_of_more_brackets_than_can_be_read_keeps_to_no_schema(tmp_path: Path, said: str) -> None:
    with Served(lambda _: said) as server, opened(server.url, tmp_path) as model:
        assert probe(model).json_schema is False


def test_a_real_server_answers_and_is_probed(llama: str, tmp_path: Path) -> None:
    asked = [question(f"Name colour number {k}.", max_tokens=6, temperature=0.8, seed=k) for k in range(6)]
    with open_model(MODEL, base_url=llama, responses=tmp_path / "r.sqlite", concurrency=4) as model:
        replies = list(ask_all(model, asked, 6))
        can = probe(model)
    assert all(isinstance(r, Reply) and r.text and 0 < (r.usage.tokens_out or 0) <= 6 for r in replies)
    assert can.model == MODEL and can.context == 2048
    with open_model(MODEL, base_url=llama, responses=tmp_path / "r.sqlite", replay=True) as model:
        again = list(ask_all(model, asked, 6))
    assert [r._replace(cached=False) for r in again if isinstance(r, Reply)] == replies


def test_a_real_server_keeps_to_a_schema(llama: str, tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    shape = {"type": "json_schema", "json_schema": {"name": "ok", "schema": schema}}
    with open_model(MODEL, base_url=llama, responses=tmp_path / "r.sqlite") as model:
        (reply,) = ask_all(model, [question("Is it?", max_tokens=40, response_format=shape)], 1)
    assert isinstance(reply, Reply) and set(json.loads(reply.text)) == {"ok"}


def test_a_real_server_refuses_what_it_cannot_read(llama: str, tmp_path: Path) -> None:
    with open_model(MODEL, base_url=llama, responses=tmp_path / "r.sqlite") as model:
        (ended,) = ask_all(model, [question("word " * 3000, max_tokens=4)], 1)
    assert isinstance(ended, Failed) and (ended.reason, ended.attempts) == ("context", 1)
