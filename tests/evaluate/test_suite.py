"""Suites that cannot be frozen say why; those that can have one id, wherever they lie."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import suites

from tamis.errors import TamisError, UsageError
from tamis.evaluate.extract import extract, normalized
from tamis.evaluate.freeze import freeze
from tamis.evaluate.frozen import open_eval
from tamis.evaluate.reading import load


def changed(**own: Any) -> list[dict[str, Any]]:
    """The task `sums`, changed."""
    return [{**suites.tasks()[1], **own}]


@pytest.mark.parametrize(
    "own, said",
    [
        ({"metric": ["f1"]}, "no key 'metric'; did you mean 'metrics'?"),
        ({"metrics": ["exact"]}, "no metric 'exact' for generation; did you mean 'exact_match'?"),
        ({"metrics": "f1"}, "metrics is 'f1'; a list of names was wanted"),
        ({"type": "chat"}, "type is 'chat'; it is one of multiple_choice, generation, perplexity"),
        ({"name": "a b"}, "letters, digits"),
        ({"extract": ["last_numbr"]}, "did you mean 'last_number'?"),
        ({"extract": [{"regex": "("}]}, "is no regular expression"),
        ({"extract": [{"regex": "a", "group": 2}]}, "has 0 groups, and group is 2"),
        ({"generation": {"max_tokens": "9"}}, "max_tokens is '9'; int was wanted"),
        ({"generation": {"n": 4}}, "all answers would be the same"),
        ({"metrics": ["pass@5"]}, "pass@k wants k answers of an item"),
        ({"primary": "bleu"}, "which is none of its metrics"),
        ({"fewshot": {"n": 2, "sampler": "all"}}, "sampler is 'all'; it is one of default, first_n"),
        ({"fewshot": {"n": 6}}, "6 examples are wanted and 5 are there"),
        ({"extract": [{"regex": "(a)", "group": "1"}]}, "has 1 groups, and group is 1"),
        ({"metrics": ["f1", "f1"]}, "each once was wanted"),
        ({"prompt": ["a"]}, "a template or the name of its file was wanted"),
        ({"generation": {"stop": 5}}, "stop is 5; texts were wanted"),
        ({"generation": {"temperature": float("nan")}}, "a number within 2"),
        ({"generation": {"max_tokens": 10**30}}, "a number within 2"),
        ({"generation": {"top_p": -1.0}}, "top_p above 0"),
        ({"generation": {"n": 10**6, "temperature": 1.0}}, "n is 1,000 at most"),
        ({"gates": {"min": float("nan")}}, "min is nan; a number was wanted"),
        ({"gates": {"mn": 1}}, "no key 'mn'; did you mean 'min'?"),
        ({"gates": {"min": 10**400}}, "a number was wanted"),
        ({"fields": {"answer": "result"}}, "no 'result'; there are 'id', 'question', 'answer'"),
        ({"extract_target": [{"regex": "@(.)"}]}, "extract_target finds nothing in the answer 'it is #### 1'"),
        ({"prompt": "{{ questoin }}"}, "'questoin' is not known here"),
        ({"prompt": "{{ question.upper() }}"}, "a template places what it is given"),
        ({"data": "none.jsonl"}, "none.jsonl"),
        ({"scoring": "judge.py"}, "file.py:function was wanted"),
        ({"scoring": "judge.py:score"}, "judge.py cannot be read"),
    ],
)
def test_a_suite_that_cannot_be_frozen_says_why(own: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(TamisError) as wrong:
        freeze(suites.write_suite(tmp_path, changed(**own)), tmp_path / "snap")
    assert said in str(wrong.value)
    assert not (tmp_path / "snap").exists() and not list(tmp_path.glob(".snap*"))


BOMB = "a: &a [x, x]\n" + "".join(
    f"{n}: &{n} [{', '.join([f'*{o}'] * 9)}]\n" for o, n in zip("abcdefgh", "bcdefghi", strict=True)
)
LOOP = "name: x\ngates: &a {tasks: *a}\ntasks: [{name: t, type: perplexity, data: t.jsonl}]\n"


@pytest.mark.parametrize(
    "text",
    ["", "- a", "name: [", "name: \xff\n", "name: x\ntasks: {}\n", "name: x\ntasks: []\n", BOMB, LOOP],
)
def test_a_file_that_is_no_suite_says_so(text: str, tmp_path: Path) -> None:
    (tmp_path / "suite.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(TamisError, match=r"suite\.yaml"):
        load(tmp_path / "suite.yaml")


def test_a_key_that_stands_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    text = "name: x\ntasks:\n  - {name: t, type: perplexity, data: t.jsonl}\nname: y\n"
    (tmp_path / "suite.yaml").write_text(text)
    with pytest.raises(TamisError, match=r"in line 4: the key 'name' is there twice"):
        load(tmp_path / "suite.yaml")


def test_what_is_merged_does_not_stand_twice(tmp_path: Path) -> None:
    text = "name: &n x\ntasks:\n  - &t {name: t, type: perplexity, data: t.jsonl}\n  - {<<: *t, name: u}\n"
    (tmp_path / "suite.yaml").write_text(text)
    suites.write_rows(tmp_path / "t.jsonl", suites.TEXTS)
    assert [task.name for task in load(tmp_path / "suite.yaml").tasks] == ["t", "u"]


@pytest.mark.parametrize(
    "rows, said",
    [
        ([], "holds no rows"),
        ([{"id": 1, "question": "a", "answer": "b"}] * 2, "sums.jsonl:2: the id '1' is that of sums.jsonl:1, too"),
        ([{"id": None, "question": "a", "answer": "b"}, {"id": 1, "question": "a"}], "sums.jsonl:2: no answer"),
        ([{"id": 1, "question": None, "answer": "b"}], "the question is null"),
        ([{"id": 1, "question": "a", "answer": ["b", None]}], "a list of texts, was wanted"),
        ([{"id": "", "question": "a", "answer": "b"}], "'id' is ''"),
        ([{"id": 1, "question": "a", "answer": float("nan")}], "the answer is nan"),
        ([{"id": 1, "question": "a", "answer": "b", "context": 5}], "the context is 5"),
        ([{"id": 1, "question": "a", "answer": "b", "citations": [10**30]}], "numbers of passages"),
    ],
)
def test_items_that_are_none_are_told_by_line(rows: list[dict[str, Any]], said: str, tmp_path: Path) -> None:
    suite = suites.write_suite(tmp_path, changed(extract_target=None))
    suites.write_rows(tmp_path / "sums.jsonl", rows)
    with pytest.raises(TamisError) as wrong:
        freeze(suite, tmp_path / "snap")
    assert said in str(wrong.value)


@pytest.mark.parametrize("answer, right", [("B", 1), ("b", 1), ("Paris", 1), ("2", 1), (1, 0)])
def test_a_choice_is_told_by_place_letter_label_or_itself(answer: Any, right: int, tmp_path: Path) -> None:
    task = {"name": "t", "type": "multiple_choice", "data": "choose.jsonl", "fields": {"labels": "names"}}
    suite = suites.write_suite(tmp_path, [task])
    row = {"question": "?", "choices": ["Rome", "Paris"], "names": ["1", "2"], "answer": answer}
    suites.write_rows(tmp_path / "choose.jsonl", [row])
    freeze(suite, tmp_path / "snap")
    assert open_eval(tmp_path / "snap").tasks[0].items[0].right == [right]


def test_the_id_does_not_depend_on_the_folder(tmp_path: Path) -> None:
    ids = {freeze(suites.write_suite(tmp_path / name), tmp_path / name / "snap").id for name in ("a", "b/c")}
    assert len(ids) == 1


def test_an_example_is_never_the_item_that_is_asked(tmp_path: Path) -> None:
    task = {**suites.tasks()[0], "fewshot": {"n": 3, "seed": 5}}
    freeze(suites.write_suite(tmp_path, [task]), tmp_path / "snap")
    found = open_eval(tmp_path / "snap").tasks[0]
    for item, request in zip(found.items, found.requests, strict=True):
        assert request.prompt.count(item.fields["ask"]) == 1 and request.prompt.count("What is") == 4


def test_a_frozen_suite_is_read_back_as_it_was(tmp_path: Path) -> None:
    suite = load(suites.write_suite(tmp_path))
    freeze(suite, tmp_path / "snap")
    for task, found in zip(suite.tasks, open_eval(tmp_path / "snap").tasks, strict=True):
        told = task.as_dict() | {"data": "", "prompt": "", "scoring": None}
        assert found.task.as_dict() == told


@pytest.mark.parametrize(
    "text, steps, found",
    [
        ("so 3 and then #### 1,234.", [{"regex": "#### (.+)"}], "1,234."),
        ("it costs $1,234.50 today", ["last_number"], "1234.5"),
        ("2 then 3", ["first_number"], "2"),
        ("no number", ["last_number"], None),
        ("The answer is (C).", ["first_letter"], "C"),
        ("B. Paris", ["first_letter"], "B"),
        ("I think it is D", ["first_letter"], "D"),
        ("I do not know", ["first_letter"], None),
        ("x \\boxed{42} y", ["boxed"], "42"),
        ("```python\nf()\n```", ["code"], "f()\n"),
        ("a b", [{"regex": "z"}, "whole"], "a b"),
        ("a1 b2", [{"regex": "[ab](.)", "take": "last"}], "2"),
        (" plain ", [], "plain"),
        ("-0.0", ["first_number"], "0"),
        ("1e999", ["last_number"], "999"),
    ],
)
def test_an_answer_is_found(text: str, steps: list[Any], found: str | None) -> None:
    assert extract(text, steps) == found


def test_a_regular_expression_that_does_not_end_is_not_frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tamis.evaluate.extract.SECONDS", 0.2)
    own = {**suites.tasks()[1], "extract_target": [{"regex": "(a+)+$"}]}
    suite = suites.write_suite(tmp_path, [own])
    suites.write_rows(tmp_path / "sums.jsonl", [{"id": 1, "question": "?", "answer": "a" * 40 + "b"}] * 2)
    with pytest.raises(UsageError, match=r"sums.jsonl:1: extract_target of task 'sums': .* did not end within 0.2 s"):
        freeze(suite, tmp_path / "snap")


def test_what_is_made_plain() -> None:
    assert normalized("The  Cat, a 3!", ["case", "punctuation", "articles", "digits", "space"]) == "cat"
    assert normalized("$1,200.00", ["number"]) == "1200"


def test_the_command_line_freezes(tamis: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    code, said = tamis("eval", "freeze", suites.write_suite(tmp_path), "-o", tmp_path / "snap")
    assert code == 0 and "small: 22 items frozen" in said
    code, said = tamis("verify", tmp_path / "snap")
    assert code == 0 and "22 prompts as rendered" in said
