"""A model behind an endpoint: answers are bought once, choices are weighed where the endpoint can, and it is said where not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import suites
from llama import MODEL
from serving import Served, closed_url
from weighing import Weighing

from tamis.errors import RunError, UsageError
from tamis.evaluate.backends import backend
from tamis.evaluate.freeze import freeze
from tamis.evaluate.run import Evaluated, evaluate
from tamis.models import Stopped


def asked(folder: Path, url: str, own: list[dict[str, Any]] | None = None, **more: Any) -> Evaluated:
    """The sums (or `own` tasks) asked of the model at `url`."""
    if not (folder / "snap").exists():
        freeze(suites.write_suite(folder, own or [suites.tasks()[1]]), folder / "snap")
    return evaluate(folder / "snap", backend(f"openai:{url}#m", responses=folder / "kept.sqlite", attempts=1, **more))


def samples(found: Evaluated) -> list[dict[str, Any]]:
    """In order of items."""
    rows: list[dict[str, Any]] = found.tables.samples.to_pylist()
    return rows


def added(body: dict[str, Any]) -> str:
    """The right answer to a sum, and more than was asked for."""
    return f"#### {int(body['messages'][-1]['content'].split()[3]) + 1}\n\nQuestion: more"


def test_an_answer_ends_where_the_suite_says(tmp_path: Path) -> None:
    with Served(added) as server:
        found = asked(tmp_path, server.url)
    assert [s["response"] for s in samples(found)] == [f"#### {i + 1}" for i in range(6)]
    assert {s["value"] for s in found.tables.scores.to_pylist()} == {1.0}
    assert server.asked[0]["stop"] == ["\n\n"] and server.asked[0]["max_tokens"] == 12


def test_what_was_answered_is_not_bought_again_and_has_no_time(tmp_path: Path) -> None:
    with Served(added) as server:
        first, again = asked(tmp_path, server.url), asked(tmp_path, server.url)
        assert len(server.asked) == 6
    assert first.tables.samples.equals(again.tables.samples)
    assert all(t["latency_ms"] > 0 for t in first.tables.timings.to_pylist())
    assert all(t["latency_ms"] is None for t in again.tables.timings.to_pylist())


@pytest.mark.parametrize(
    "fault, status", [("blank", "invalid"), ("400", "failed"), ("context", "failed"), ("500", "failed")]
)
def test_a_request_that_fails_is_an_item_that_failed(fault: str, status: str, tmp_path: Path) -> None:
    with Served(added, faults=lambda n, body: fault if "What is 3 " in str(body) else None) as server:
        found = asked(tmp_path, server.url, concurrency=1)
    assert [s["status"] for s in samples(found)] == ["ok"] * 3 + [status] + ["ok"] * 2
    assert [s["value"] for s in found.tables.scores.to_pylist() if s["item_id"] == "3"] == [0, 0]


def test_where_not_one_answer_came_there_is_no_report(tmp_path: Path) -> None:
    with (
        Served(added, faults=lambda n, body: "400") as server,
        pytest.raises(RunError, match=r"not one of 6 answers came: m at .* status 400"),
    ):
        asked(tmp_path, server.url)


def test_an_endpoint_that_is_not_there_ends_it(tmp_path: Path) -> None:
    with pytest.raises(Stopped, match="is down"):
        asked(tmp_path, closed_url())


def test_choices_and_texts_are_weighed_as_on_this_machine(tmp_path: Path, tiny: Path) -> None:
    own = [suites.tasks()[0], suites.tasks()[2]]
    with Weighing(tiny) as server:
        found = asked(tmp_path, server.url, own)
    assert len(server.asked) == 36 + 4 and {s["status"] for s in samples(found)} == {"ok"}
    theirs = {s["item_id"]: s["loglikelihoods"] for s in samples(found)}
    assert theirs["m0"] == pytest.approx(weighed(tiny, found, "m0"), abs=1e-4)
    assert theirs["t1"] == pytest.approx(weighed(tiny, found, "t1"), abs=1e-4)


def weighed(model: Path, found: Evaluated, item: str) -> list[float]:
    """By the definition: the sum of the log-probabilities of a choice's tokens, or of all tokens of a text but the first."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    words, own = AutoTokenizer.from_pretrained(model), AutoModelForCausalLM.from_pretrained(model)
    request = next(r for t in found.tasks for r in t.requests if r.item_id == item)
    totals = []
    for text in [request.prompt + c for c in request.continuations or [""]]:
        ids = words(text, return_tensors="pt")["input_ids"]
        start = len(words(request.prompt)["input_ids"]) if request.continuations else 1
        with torch.no_grad():
            odds = own(ids).logits[0].log_softmax(-1)
        totals.append(sum(float(odds[k - 1, ids[0, k]]) for k in range(start, ids.shape[1])))
    return totals


@pytest.mark.parametrize("without", ["logprobs", "completions"])
def test_an_endpoint_without_likelihoods_is_told_before_anything_else_is_asked(
    without: str, tmp_path: Path, tiny: Path
) -> None:
    with Weighing(tiny, without) as server, pytest.raises(UsageError) as wrong:
        asked(tmp_path, server.url, suites.tasks())
    assert "gives no log-probabilities of a prompt" in str(wrong.value)
    assert "type generation with extract: [first_letter]" in str(wrong.value) and len(server.asked) == 1


def test_llama_cpp_answers_and_gives_no_likelihoods_of_a_prompt(
    llama: str, tmp_path: Path, tamis: Callable[..., tuple[int, str]]
) -> None:
    snap = freeze(suites.write_suite(tmp_path), tmp_path / "snap").path
    place = ("eval", "run", snap, "--model", f"openai:{llama}#{MODEL}", "--responses", tmp_path / "kept.sqlite")
    code, said = tamis(*place, "-o", tmp_path / "run", "--limit", 2, "--task", "sums")
    assert code == 0 and (tmp_path / "run/report.html").exists(), said
    code, said = tamis(*place, "-o", tmp_path / "all", "--limit", 2)
    assert code == 2 and "multiple_choice cannot be run there" in said
