"""Answers as people have them, and the cases that come of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.errors import InputError, UsageError
from tamis.judge.answers import read_answers
from tamis.judge.case import settled
from tamis.judge.docket import pair_cases, score_cases
from tamis.judge.rubric_file import read_rubric
from tamis.judge.shelf import find_rubric

PAIR, SCORE, REFERENCE = find_rubric("pairwise"), find_rubric("helpfulness"), find_rubric("pairwise-reference")


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), "utf-8")
    return path


def row(
    item: str = "q", model: str | None = None, answer: Any = "a", prompt: Any = "p?", **more: Any
) -> dict[str, Any]:
    return {"item_id": item, "prompt": prompt, "answer": answer, **({"model": model} if model else {}), **more}


def test_a_file_is_a_model_unless_its_rows_say_otherwise(tmp_path: Path) -> None:
    found = read_answers([write(tmp_path / "small.jsonl", row()), write(tmp_path / "t.jsonl", row(model="base"))])
    assert found.models == {"small": 1, "base": 1}
    assert found.items["q"].answers == {"small": ("a",), "base": ("a",)}


@pytest.mark.parametrize(
    "given",
    [
        {"id": "q", "instruction": "p?", "output": "a", "generator": "m"},
        {"question_id": "q", "turns": ["p?"], "response": "a", "model_id": "m"},
        {
            "item": "q",
            "messages": [{"role": "user", "content": "p?"}, {"role": "assistant", "content": "a"}],
            "model": "m",
        },
    ],
)
def test_names_of_others_are_known(tmp_path: Path, given: dict[str, Any]) -> None:
    for path in (write(tmp_path / "x.jsonl", given), tmp_path / "x.json", tmp_path / "x.parquet"):
        if path.suffix == ".json":
            path.write_text(json.dumps([given]))
        if path.suffix == ".parquet":
            pq.write_table(pa.Table.from_pylist([given]), path)
        item = read_answers([path]).items["q"]
        assert (item.prompts, item.answers) == (("p?",), {"m": ("a",)})


def test_two_answers_in_a_row_are_two_models(tmp_path: Path) -> None:
    found = read_answers(
        [write(tmp_path / "x.jsonl", {"id": 1, "instruction": "p?", "output_a": "x", "output_b": "y"})]
    )
    assert found.items["1"].answers == {"a": ("x",), "b": ("y",)}
    own = {"id": 1, "instruction": "p?", "output_a": "x", "output_b": "y", "model_a": "m", "model_b": "m"}
    found = read_answers([write(tmp_path / "x.jsonl", own)])
    assert found.models == {"m": 1} and "a model beside itself" in found.problems[0]


def test_a_question_without_an_id_is_known_by_its_words(tmp_path: Path) -> None:
    given = {"instruction": "p?", "output": "a"}
    found = read_answers([write(tmp_path / "x.jsonl", given), write(tmp_path / "y.jsonl", given)])
    assert len(found.items) == 1 and found.models == {"x": 1, "y": 1}


def test_questions_may_stand_in_a_file_of_their_own(tmp_path: Path) -> None:
    items = write(tmp_path / "items.jsonl", {"item_id": "q", "prompt": "p?", "reference": 42})
    found = read_answers([write(tmp_path / "x.jsonl", {"item_id": "q", "answer": "a"})], items)
    assert (found.items["q"].prompts, found.items["q"].reference) == (("p?",), "42")


@pytest.mark.parametrize(
    "bad, kind, message",
    [
        (row(), "twice", "x answered 'q' before; the first counts"),
        (row(prompt="other?"), "other_prompt", "is another question than before"),
        (row("r", prompt=None), "no_prompt", "no question for 'r'"),
        (row("r", prompt=" "), "no_prompt", "no question for 'r'"),
        (row("r", answer=None), "no_answer", "1 questions and 0 answers"),
        (row("r", answer=["a", "b"]), "no_answer", "1 questions and 2 answers"),
        (row("r", answer=3), "no_answer", "0 answers"),
        ({"answer": "a"}, "no_id", "no item_id"),
        (row({"a": 1}), "no_id", "no item_id"),  # type: ignore[arg-type]
        ("{", "unreadable", "not JSON"),
        ("[1]", "unreadable", "a list"),
    ],
)
def test_a_row_that_cannot_be_used_is_told_and_the_rest_is_kept(
    tmp_path: Path, bad: Any, kind: str, message: str
) -> None:
    found = read_answers([write(tmp_path / "x.jsonl", row(), bad)])
    assert found.counts == {kind: 1} and message in found.problems[0] and "x.jsonl:2" in found.problems[0]
    assert found.models == {"x": 1}


def test_half_a_letter_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps([row(), row("r", answer="\ud800"), row("s", prompt="\udfff")]))
    found = read_answers([path])
    assert list(found.items) == ["q"] and found.counts == {"no_answer": 1, "no_prompt": 1}


def test_files_without_answers_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no answer in"):
        read_answers([write(tmp_path / "x.jsonl")])
    with pytest.raises(InputError, match="cannot be read"):
        read_answers([tmp_path / "gone.jsonl"])


def three(tmp_path: Path) -> Any:
    """Models x, y and z on items 0 to 3, of which z lacks the last two."""
    files = [
        write(
            tmp_path / f"{m}.jsonl", *(row(f"q{k}", answer=m * (k + 1), reference="r" if k else None) for k in range(n))
        )
        for m, n in (("x", 4), ("y", 4), ("z", 2))
    ]
    return read_answers(files)


def test_pairs_are_judged_on_what_both_answered_in_both_orders(tmp_path: Path) -> None:
    found = three(tmp_path)
    cases = list(pair_cases(found, PAIR))
    counts = {pair: sum((c.model_a, c.model_b) == pair for c in cases) for pair in (("x", "y"), ("x", "z"), ("y", "z"))}
    assert counts == {("x", "y"): 8, ("x", "z"): 4, ("y", "z"): 4}
    assert [c.order for c in cases[:4]] == ["ab", "ba", "ab", "ba"]
    assert "z 2 of 4" in str(found.uneven())
    assert {(c.model_a, c.model_b) for c in pair_cases(found, PAIR, "x")} == {("y", "x"), ("z", "x")}


def test_one_order_is_drawn_and_the_same_every_time(tmp_path: Path) -> None:
    found = read_answers([write(tmp_path / f"{m}.jsonl", *(row(f"q{k}", answer=m) for k in range(64))) for m in "xy"])
    orders = [c.order for c in pair_cases(found, PAIR, both=False)]
    assert orders == [c.order for c in pair_cases(found, PAIR, both=False)]
    assert 16 < orders.count("ab") < 48


def test_a_rubric_that_wants_references_takes_items_that_have_one(tmp_path: Path) -> None:
    assert {c.item_id for c in pair_cases(three(tmp_path), REFERENCE, "x")} == {"q1", "q2", "q3"}


def test_dialogues_are_judged_as_a_whole_or_turn_by_turn(tmp_path: Path) -> None:
    files = [write(tmp_path / f"{m}.jsonl", row(answer=[m, m * 2], prompt=["one?", "two?"])) for m in "xy"]
    found = read_answers(files)
    assert [(c.turn, c.prompts) for c in pair_cases(found, PAIR, both=False)] == [(None, ("one?", "two?"))]
    each = read_rubric(PAIR.text + b"turns: each\n", "mine.yaml")
    turns = [(c.turn, c.prompts, c.first) for c in pair_cases(found, each, both=False)]
    assert turns == [(1, ("one?",), ("x",)), (2, ("one?", "two?"), ("x", "xx"))]


def test_one_model_alone_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    found = read_answers([write(tmp_path / "x.jsonl", row())])
    with pytest.raises(UsageError, match="a comparison wants two models"):
        list(pair_cases(found, PAIR))
    with pytest.raises(UsageError, match="no model is called 'w'; there are x"):
        list(pair_cases(found, PAIR, "w"))
    assert len(list(score_cases(found, SCORE, repeats=3))) == 3


def test_ten_thousand_models_are_compared_with_one(tmp_path: Path) -> None:
    found = read_answers([write(tmp_path / "x.jsonl", *(row(model=f"m{k}", answer=f"{k}") for k in range(10_000)))])
    with pytest.raises(UsageError, match="10,000 models make 49,995,000 pairs; compare each with one"):
        next(pair_cases(found, PAIR))
    assert sum(1 for _ in pair_cases(found, PAIR, "m7")) == 2 * 9_999


@pytest.mark.parametrize(
    "a, b, why", [("x", "x", "identical"), ("x", " x\n", "identical"), ("", "x", "empty"), ("", " ", "identical")]
)
def test_what_needs_no_judge_is_settled(tmp_path: Path, a: str, b: str, why: str) -> None:
    found = read_answers([write(tmp_path / "x.jsonl", row(answer=a)), write(tmp_path / "y.jsonl", row(answer=b))])
    assert {settled(case) for case in pair_cases(found, PAIR)} == {why}


things = st.sampled_from(
    ["q", "p?", "", None, 1, True, ["a"], ["a", "b"], {}, "\ud800", [{"role": "user", "content": "x"}]]
)


NAMES = ("item_id", "prompt", "answer", "model", "messages", "reference", "output_a", "output_b", "turns")


@settings(deadline=None, max_examples=80)
@given(st.lists(st.dictionaries(st.sampled_from(NAMES), things), max_size=5))
def test_no_row_ends_in_a_traceback(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    try:
        found = read_answers([write(tmp_path_factory.mktemp("a") / "x.jsonl", *rows)])
    except InputError:
        return
    assert all(len(a) == len(i.prompts) for i in found.items.values() for a in i.answers.values())
