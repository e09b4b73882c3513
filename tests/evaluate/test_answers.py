"""Stored answers scored: those that are right, those that are missing, and code that scores them, or does not."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import suites

from tamis.errors import InputError, OutputError, RunError, UsageError
from tamis.evaluate import coded, sandbox
from tamis.evaluate.answer import Answer
from tamis.evaluate.backends import backend
from tamis.evaluate.freeze import freeze
from tamis.evaluate.frozen import FrozenTask
from tamis.evaluate.run import Evaluated, evaluate, taken


def replayed(
    folder: Path, answers: list[dict[str, Any]], own: list[dict[str, Any]] | None = None, **more: Any
) -> Evaluated:
    """The small suite (or `own` tasks), its `answers` scored."""
    snap = folder / "snap"
    if not snap.exists():
        freeze(suites.write_suite(folder, own), snap)
    return evaluate(snap, backend(f"replay:{suites.write_rows(folder / 'answers.jsonl', answers)}"), **more)


def statuses(found: Evaluated, task: str) -> list[str]:
    """Of the samples of a task, in order of items."""
    return [s["status"] for s in found.tables.samples.to_pylist() if s["task"] == task]


def values(found: Evaluated, metric: str) -> list[float]:
    """Scores, in order of items."""
    return [s["value"] for s in found.tables.scores.to_pylist() if s["metric"] == metric]


def test_an_item_without_an_answer_is_a_row_and_scores_nothing(tmp_path: Path) -> None:
    found = replayed(tmp_path, [{"task": "sums", "item_id": 1, "response": "#### 2"}])
    assert statuses(found, "sums") == ["missing", "ok", *["missing"] * 4]
    assert values(found, "exact_match") == [0, 1, 0, 0, 0, 0]
    assert values(found, "acc") == [0] * 12 and all(math.isnan(v) for v in values(found, "word_perplexity"))


def test_an_answer_that_cannot_be_found_is_invalid_and_wrong(tmp_path: Path) -> None:
    found = replayed(tmp_path, [{"task": "sums", "item_id": 0, "response": "I do not know"}], only=("sums",))
    assert statuses(found, "sums")[0] == "invalid" and values(found, "exact_match")[0] == 0


def test_an_empty_response_is_an_answer(tmp_path: Path) -> None:
    found = replayed(tmp_path, [{"task": "sums", "item_id": 0, "response": ""}], only=("sums",))
    assert statuses(found, "sums")[0] == "invalid"


@pytest.mark.parametrize(
    "lls", [[-1.0, -2.0], [-1.0, -2.0, math.nan], [-1.0, -2.0, "x"], [], [True, False, True], [10**400, 1, 2]]
)
def test_likelihoods_that_are_not_one_for_each_choice_fail(lls: list[Any], tmp_path: Path) -> None:
    found = replayed(tmp_path, [{"task": "choose", "item_id": "m0", "loglikelihoods": lls}], only=("choose",))
    assert statuses(found, "choose")[0] == "failed"
    assert "3 likelihoods were wanted" in found.tables.problems[0]["problem"]


def test_a_likelihood_above_1_is_none(tmp_path: Path) -> None:
    rows = [
        {"task": "choose", "item_id": f"m{k}", "loglikelihoods": [-1.0, top, -2.0]} for k, top in enumerate((2.5, 1e-6))
    ]
    found = replayed(tmp_path, rows, only=("choose",))
    assert statuses(found, "choose")[:2] == ["failed", "ok"]
    assert "which are 0 at most, found [-1.0, 2.5, -2.0]" in found.tables.problems[0]["problem"]


@pytest.mark.parametrize(
    "rows, said",
    [
        ([{"task": "sums", "item_id": 0, "response": "a"}] * 2, "two answers of repeat 0"),
        ([{"item_id": 0, "response": "a"}], "task is None"),
        ([{"task": "sums", "response": "a"}], "item_id is None"),
        ([{"task": "sums", "item_id": 0, "response": 3}], "response is 3; text was wanted"),
        ([{"task": "sums", "item_id": 0, "response": "a", "status": "fine"}], "status is 'fine'"),
        ([{"task": "sums", "item_id": 0, "response": "a", "truncated": "false"}], "true or false was wanted"),
        ([{"task": "other", "item_id": 0, "response": "a"}], "no answer to an item of this snapshot"),
        ([], "holds no answers"),
    ],
)
def test_answers_that_cannot_be_used_say_why(rows: list[dict[str, Any]], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as wrong:
        replayed(tmp_path, rows)
    assert said in str(wrong.value)


@pytest.mark.parametrize("count", [10**12, -5, True, "7"])
def test_a_number_of_tokens_that_is_none_says_so(count: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a number of tokens was wanted"):
        replayed(tmp_path, [{"task": "sums", "item_id": 0, "response": "1", "tokens_in": count}])


def test_answers_to_other_items_are_counted(tmp_path: Path) -> None:
    rows = [{"task": t, "item_id": 0, "response": "1"} for t in ("sums", "else")]
    assert replayed(tmp_path, rows).varies["answers_to_other_items"] == {"else": 1}


def test_the_order_of_answers_does_not_matter(tmp_path: Path) -> None:
    rows = [{"task": "sums", "item_id": i, "response": f"{i + i % 2}"} for i in range(6)]
    one, two = (replayed(tmp_path, r, only=("sums",)) for r in (rows, rows[::-1]))
    assert one.tables.samples.equals(two.tables.samples) and one.tables.scores.equals(two.tables.scores)


@pytest.mark.parametrize("key, step", [("extract", "regex"), ("normalize", "remove")])
def test_a_regular_expression_that_does_not_end_loses_its_scores_and_no_answer(
    key: str, step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tamis.evaluate.extract.SECONDS", 0.2)
    own = [{**suites.tasks()[1], "extract": None, "extract_target": None, key: [{step: "(a+)+$"}]}]
    rows = [{"task": "sums", "item_id": i, "response": "a" * 40 + "b" * (i > 0)} for i in range(6)]
    found = replayed(tmp_path, rows, own)
    assert [math.isnan(v) for v in values(found, "exact_match")] == [False] + [True] * 5
    assert [s["response"] for s in found.tables.samples.to_pylist()] == [r["response"] for r in rows]
    assert "'(a+)+$' did not end within 0.2 s on a text of 41 characters" in found.tables.problems[-1]["problem"]


def scorer(folder: Path, code: str) -> Evaluated:
    """The sums scored by `code`, a function `score`."""
    suites.write_suite(folder)
    (folder / "mine.py").write_text(code)
    own = [{**suites.tasks()[1], "scoring": "mine.py:score", "metrics": ["exact_match", "mine"]}]
    rows = [{"task": "sums", "item_id": i, "response": f"#### {i + 1}"} for i in range(6)]
    return replayed(folder, rows, own, allow_code=True)


def test_a_scorer_of_ones_own_sees_response_and_item(tmp_path: Path) -> None:
    found = scorer(tmp_path, "def score(response, item):\n    return len(response) + item['id'] / 10\n")
    assert values(found, "mine") == [6, 6.1, 6.2, 6.3, 6.4, 6.5]


def test_a_scorer_is_run_only_where_code_is_allowed(tmp_path: Path) -> None:
    scorer(tmp_path, "def score(response, item): return 1\n")
    with pytest.raises(UsageError, match="say --allow-code"):
        replayed(tmp_path, [{"task": "sums", "item_id": 0, "response": "1"}])


@pytest.mark.parametrize(
    "code, lost, said",
    [
        ("def score(r, i):\n    return 1 / (i['id'] - 2)\n", {2}, "threw ZeroDivisionError"),
        ("def score(r, i):\n    while i['id'] == 2: pass\n    return 1\n", {2}, "did not end within"),
        ("import os\ndef score(r, i):\n    if i['id'] == 2: os._exit(1)\n    return 1\n", {2}, "ended its process"),
        ("def score(r, i):\n    return {'other': 1}\n", set(range(6)), "gave no mine"),
        ("def other(r, i): return 1\n", set(range(6)), "cannot be loaded: KeyError: 'score'"),
        ("def score(r, i): return float('nan')\n", set(range(6)), "gave no mine"),
    ],
)
def test_a_scorer_that_throws_or_hangs_loses_that_score_alone(
    code: str, lost: set[int], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coded, "SECONDS", 2.0)
    found = scorer(tmp_path, code)
    assert {k for k, v in enumerate(values(found, "mine")) if math.isnan(v)} == lost
    assert values(found, "exact_match") == [1] * 6
    assert said in found.tables.problems[0]["problem"] and len(found.tables.problems) == len(lost)


def test_a_scorer_that_always_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coded, "SECONDS", 0.3)
    monkeypatch.setattr(coded, "LOST", 2)
    found = scorer(tmp_path, "def score(r, i):\n    while True: pass\n")
    said = [p["problem"].partition(" sums ")[2] for p in found.tables.problems]
    assert said == ["did not end within 0.3 s"] * 2 + ["was not asked: 2 times before, it did not end within 0.3 s"] * 4


CODE = [
    ("def double(x):\n    return 2 * x\n", True),
    ("```python\ndef double(x):\n    return x + x\n```", True),
    ("def double(x):\n    return x\n", False),
    ("import os\nos._exit(0)\n", False),
]


def sandboxed() -> None:
    """Skip where programs cannot be shut in."""
    if why := sandbox.refused():
        pytest.skip(why)


def test_pass_at_k_runs_what_was_written(tmp_path: Path) -> None:
    sandboxed()
    task = {"name": "code", "type": "generation", "data": "code.jsonl", "metrics": ["pass@1", "pass@2"]}
    task |= {"extract": ["code"], "generation": {"n": 4, "temperature": 0.8}}
    suites.write_suite(tmp_path)
    suites.write_rows(tmp_path / "code.jsonl", [{"id": 0, "question": "double", "tests": "assert double(4) == 8"}])
    rows = [{"task": "code", "item_id": 0, "repeat": k, "response": code} for k, (code, _) in enumerate(CODE)]
    found = replayed(tmp_path, rows, [task], allow_code=True)
    assert values(found, "pass@1") == [0.5] * 4
    assert values(found, "pass@2") == pytest.approx([1 - 1 / 6] * 4)


@pytest.mark.parametrize(
    "code",
    [
        "open({outside!r}, 'w')",
        "import os; os.remove({outside!r})",
        "import socket; socket.create_connection(('127.0.0.1', {port}))",
        "while True: pass",
        "x = bytearray(2 << 30)",
        "open('big', 'wb').write(bytes(2 << 20))",
    ],
)
def test_a_program_of_a_model_can_do_no_harm(code: str, tmp_path: Path) -> None:
    import socket

    sandboxed()
    outside = tmp_path / "outside"
    outside.write_text("kept")
    with socket.create_server(("127.0.0.1", 0)) as server:
        passed, why = sandbox.passes(code.format(outside=str(outside), port=server.getsockname()[1]), "", 1.0)
    assert not passed and why and outside.read_text() == "kept"


def test_the_command_line_scores_what_was_stored(tamis: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    freeze(suites.write_suite(tmp_path), tmp_path / "snap")
    answers = suites.write_rows(tmp_path / "a.jsonl", [{"task": "sums", "item_id": 1, "response": "2"}])
    code, said = tamis(
        "eval", "run", tmp_path / "snap", "--model", f"replay:{answers}", "-o", tmp_path / "run", "--task", "sums"
    )
    assert code == 0, said
    facts = json.loads((tmp_path / "run/report.json").read_text())
    assert facts["tasks"][0]["name"] == "sums"
    code, said = tamis("eval", "run", tmp_path / "snap", "--model", f"replay:{answers}", "-o", tmp_path / "run")
    assert code == 3 and "not empty" in said


def test_names_that_are_no_text_are_spelled_out(tamis: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"a\x01]]>\xff")
    odd.mkdir()
    freeze(suites.write_suite(tmp_path), odd / "snap")
    answers = suites.write_rows(odd / odd.name, [{"task": "sums", "item_id": 1, "response": "2"}])
    code, said = tamis("eval", "run", odd / "snap", "--model", f"replay:{answers}", "-o", odd / "run")
    assert code == 0 and "\\xff on small" in said.replace("\\\\", "\\")
    assert json.loads((odd / "run/report.json").read_bytes())["model"]["name"] == "a\x01]]>\\xff"
    assert ElementTree.parse(odd / "run/junit.xml").getroot()[0].get("name") == "gates of small a\ufffd]]>\\xff"


def test_the_command_line_says_why_answers_came_to_nothing(
    tamis: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    freeze(suites.write_suite(tmp_path), tmp_path / "snap")
    rows = [
        {"task": "choose", "item_id": "m0", "loglikelihoods": [-1.0]},
        {"task": "else", "item_id": 1, "response": "2"},
    ]
    answers = suites.write_rows(tmp_path / "a.jsonl", rows)
    code, said = tamis("eval", "run", tmp_path / "snap", "--model", f"replay:{answers}", "-o", tmp_path / "run")
    assert code == 0 and "1 answer to other items than those of this snapshot" in said
    assert "choose, item 'm0': 3 likelihoods were wanted, found" in said


class Stops:
    """Answers `stored`, and falls over after `most`."""

    def __init__(self, stored: dict[int, str], most: int) -> None:
        self.stored, self.most, self.asked = stored, most, 0
        self.model: dict[str, Any] = {"backend": "test", "name": "stops"}
        self.varies: dict[str, Any] = {}

    def answers(self, tasks: list[FrozenTask]) -> Iterator[Answer]:
        """One after the other."""
        for item in tasks[0].items:
            if self.asked == self.most:
                raise RunError("it fell over")
            self.asked += 1
            yield Answer("sums", item.item_id, response=self.stored[int(item.item_id)])


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    snap = freeze(suites.write_suite(tmp_path, [suites.tasks()[1]]), tmp_path / "snap").path
    stored, keep = {i: f"#### {i + i % 2}" for i in range(6)}, tmp_path / "answers.jsonl"
    whole = evaluate(snap, lambda _: Stops(stored, 9)).tables
    with pytest.raises(RunError):
        evaluate(snap, lambda _: Stops(stored, 4), keep=keep)
    keep.write_bytes(keep.read_bytes()[:-9])  # the last line was being written
    last = Stops(stored, 9)
    again = evaluate(snap, lambda _: last, keep=keep)
    assert last.asked == 3 and again.varies["answers_of_an_earlier_run"] == 3
    assert again.tables.samples.equals(whole.samples) and again.tables.scores.equals(whole.scores)


def test_answers_of_another_model_are_not_gone_on_with(tmp_path: Path) -> None:
    snap = freeze(suites.write_suite(tmp_path, [suites.tasks()[1]]), tmp_path / "snap").path
    keep = tmp_path / "answers.jsonl"
    evaluate(snap, lambda _: Stops(dict.fromkeys(range(6), "1"), 9), keep=keep)
    other = Stops({}, 0)
    other.model["name"] = "other"
    with pytest.raises(InputError, match="of another model"):
        evaluate(snap, lambda _: other, keep=keep)


def test_two_runs_do_not_write_to_one_folder(tmp_path: Path) -> None:
    with taken(tmp_path / "run"), pytest.raises(OutputError, match="another process"), taken(tmp_path / "run"):
        pass
    assert not (tmp_path / "run").exists()  # nothing was written to it


def test_a_run_that_was_killed_while_it_wrote_goes_on(tmp_path: Path) -> None:
    for name in ("answers.jsonl", "samples.parquet", ".report.json.7.tmp"):
        (tmp_path / name).touch()
    with pytest.raises(OutputError, match="go on with --resume"), taken(tmp_path):
        pass
    with taken(tmp_path, resume=True):
        assert (tmp_path / "answers.jsonl").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["samples.parquet"]


def test_a_run_that_was_finished_is_what_it_was(tamis: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    freeze(suites.write_suite(tmp_path), tmp_path / "snap")
    one, two = (
        suites.write_rows(tmp_path / f"{n}.jsonl", [{"task": "sums", "item_id": n, "response": "2"}]) for n in (1, 2)
    )
    words = ("eval", "run", tmp_path / "snap", "-o", tmp_path / "run")
    assert tamis(*words, "--model", f"replay:{one}")[0] == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    code, said = tamis(*words, "--model", f"replay:{one}", "--resume")
    assert code == 0 and "report: " in said
    own = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    assert own.keys() == before.keys() and {n for n in own if own[n] != before[n]} <= {"run.json", "timings.parquet"}
    code, said = tamis(*words, "--model", f"replay:{two}", "--resume")
    assert code == 3 and "has a run of another model" in said
    code, said = tamis(*words, "--model", f"replay:{one}", "--resume", "--limit", 3)
    assert code == 3 and "another part of the items" in said


def test_a_model_whose_run_is_finished_is_not_asked_again(
    tamis: Callable[..., tuple[int, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    freeze(suites.write_suite(tmp_path, [suites.tasks()[1]]), tmp_path / "snap")
    words = ("eval", "run", tmp_path / "snap", "--model", "hf:any", "-o", tmp_path / "run")
    stops = Stops(dict.fromkeys(range(6), "1"), 6)
    monkeypatch.setattr("tamis.evaluate.backends.backend", lambda *_, **__: lambda _: stops)
    assert tamis(*words)[0] == 0 and stops.asked == 6
    (tmp_path / "run/report.html").unlink()
    assert tamis(*words, "--resume")[0] == 0 and (tmp_path / "run/report.html").is_file()


def test_what_is_no_run_is_not_written_over(tmp_path: Path) -> None:
    for name in ("answers.jsonl", "mine.txt"):
        (tmp_path / name).touch()
    with pytest.raises(OutputError, match="not empty"), taken(tmp_path, resume=True):
        pass


def test_a_model_that_is_none_says_so(tamis: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    freeze(suites.write_suite(tmp_path), tmp_path / "snap")
    for spec in ("gpt", "hf:", "vllm:x"):
        code, said = tamis("eval", "run", tmp_path / "snap", "--model", spec, "-o", tmp_path / "run")
        assert code == 2 and "names no model" in said


def test_a_scorer_that_throws_ends_with_exit_3_and_keeps_the_answers(
    tamis: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    scorer(tmp_path, "def score(r, i):\n    raise ValueError('no')\n")
    place = ("eval", "run", tmp_path / "snap", "-o", tmp_path / "run", "--allow-code")
    code, said = tamis(*place, "--model", f"replay:{tmp_path / 'answers.jsonl'}")
    assert code == 3 and "threw ValueError: no" in said and "samples.parquet" in said
    assert (tmp_path / "run/samples.parquet").exists()
