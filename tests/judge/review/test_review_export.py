"""What raters get says nothing of models; what it is stands in the key, and nowhere else."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import write_lines
from reviewing import GOLD, MODELS, answered, exported, key_of, saved

from tamis.errors import InputError, OutputError, UsageError
from tamis.judge.reading import read_judgments
from tamis.judge.review import answers, draw, pick
from tamis.judge.review.answers import Answers
from tamis.judge.review.pick import Pick
from tamis.judge.review.room import read_export


def test_no_file_for_raters_names_a_model_or_an_item(tmp_path: Path) -> None:
    rows = [{**row, "item_id": f"{MODELS[0]}-{row['item_id']}"} for row in answered(6)]
    exported(tmp_path, rows, gold=GOLD, repeats=0.2, formats=("labelstudio", "argilla"))
    for path in (tmp_path / "review").iterdir():
        text = path.read_text("utf-8")
        assert not [word for word in (*MODELS, "gold", "item_id", "model_a") if word in text], path.name


def test_texts_that_name_a_model_are_told_and_masked(tmp_path: Path) -> None:
    rows = [{**row, "answer": f"{row['answer']}, says Opal-9B"} for row in answered(2)]
    made = exported(tmp_path, rows, mask=True)
    assert len(made.named) == 6
    assert "pal-9" not in (tmp_path / "review/tasks.jsonl").read_text() and "says [model]" in str(
        saved(tmp_path / "review/tasks.jsonl")
    )


@given(st.integers(1, 60), st.integers(0, 5), st.floats(0, 1), st.integers(0, 9))
@settings(max_examples=40)
def test_every_pick_is_asked_once_with_sides_in_balance(items: int, gold: int, repeats: float, seed: int) -> None:
    from tamis.judge.review.gold import Gold

    texts = {f"q{k}": {"a": f"a{k}", "b": f"b{k}"} for k in range(items)}
    picks = [Pick(item, "a", "b", "") for item in texts]
    known = [Gold(f"gold {k}", ("a", "b"), "?", None, ("yes", "no"), "a") for k in range(gold)]
    tasks = draw(picks, Answers({}, {}, texts, []), known, repeats, seed)
    own = [t for t in tasks if t.entry.gold is None and t.entry.repeats is None]
    assert [t.entry.item_id for t in own] == list(texts)  # in the order they were picked
    orders = Counter(t.entry.order for t in own)
    assert abs(orders["ab"] - orders["ba"]) <= 1
    for t in own:
        assert t.texts == tuple(texts[t.entry.item_id][m] for m in (t.entry.order or ""))
    assert sum(t.entry.gold is not None for t in tasks) == gold
    places = {t.task: k for k, t in enumerate(tasks)}
    for t in tasks:
        if t.entry.repeats is not None:
            first = tasks[places[t.entry.repeats]]
            assert places[first.task] < places[t.task]
            assert (t.texts, t.entry.order) == (first.texts[::-1], "ba" if first.entry.order == "ab" else "ab")


def test_the_same_seed_draws_the_same_and_another_others(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        exported(tmp_path / name, answered(20), seed=seed, repeats=0.1)
    a, b, c = (key_of_folder(tmp_path / name) for name in "abc")
    assert a == b != c


def key_of_folder(folder: Path) -> bytes:
    return (folder / "review.key.json").read_bytes()


def test_disagreements_come_first_then_the_smallest_margins(tmp_path: Path) -> None:
    def row(item: str, order: str, verdict: str, p: float | None = None) -> dict[str, object]:
        own = {"item_id": item, "model_a": "y", "model_b": "x", "judge": "j", "order": order, "verdict": verdict}
        return own if p is None else {**own, "probability_a": p}

    judged = [row("sure", o, "a", 0.99) for o in ("ab", "ba")] + [row("close", o, "a", 0.6) for o in ("ab", "ba")]
    judged += [
        row("split", "ab", "a"),
        row("split", "ba", "b"),
        row("silent", "ab", "unparsed"),
        row("gone", "ab", "a"),
    ]
    rows = read_judgments([write_lines(tmp_path / "j.jsonl", judged)]).rows
    texts = {item: {"x": "1", "y": "2"} for item in ("sure", "close", "split", "silent")} | {
        "same": {"x": "1", "y": "1"}
    }
    found = pick(Answers({}, {}, texts, []), "pair", rows, None, True, 0)
    assert [p.item_id for p in found.picks] == ["split", "silent", "close", "sure"]
    assert (found.without, found.equal) == (1, 0)
    assert pick(Answers({}, {}, texts, []), "pair", None, None, True, 0).equal == 1


def test_answers_whose_scores_lie_apart_come_first() -> None:
    scores = {"wide": (1.0, 5.0), "near": (3.0, 4.0), "same": (2.0, 2.0), "none": (None, None)}
    rows = pl.DataFrame(
        [
            {"item_id": item, "model_a": "x", "model_b": None, "aspect": None, "score": s}
            for item, own in scores.items()
            for s in own
        ],
        schema_overrides={"model_b": pl.String, "aspect": pl.String, "score": pl.Float64},
    )
    texts = Answers({}, {}, {item: {"x": "t"} for item in scores}, [])
    assert [p.item_id for p in pick(texts, "score", rows, None, True, 0).picks] == ["wide", "near", "none", "same"]


def test_a_thousand_items_are_exported(tmp_path: Path) -> None:
    made = exported(tmp_path, answered(1000, MODELS[:2]), limit=1000, repeats=0.05, gold=GOLD)
    assert len(made.key.tasks) == 1054 and len({t["task"] for t in saved(tmp_path / "review/tasks.jsonl")}) == 1054


def test_nothing_to_rate_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to rate"):
        exported(tmp_path, answered(3, MODELS[:1]))
    assert not (tmp_path / "review").exists()


def test_an_export_is_never_written_over(tmp_path: Path) -> None:
    exported(tmp_path)
    with pytest.raises(OutputError, match="may be half rated"):
        exported(tmp_path)


def test_the_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    exported(tmp_path, answered(3, MODELS[:2]))
    assert (tmp_path / "review.key.json").stat().st_mode & 0o077 == 0


def test_a_key_that_was_changed_is_refused(tmp_path: Path) -> None:
    made = exported(tmp_path)
    facts = json.loads(made.key_path.read_bytes())
    task = next(iter(facts["tasks"].values()))
    task["model_a"], task["model_b"] = task["model_b"], task["model_a"]
    made.key_path.write_text(json.dumps(facts))
    with pytest.raises(InputError, match="changed since it was sealed"):
        key_of(made)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"tamis_review": 9, "seal": ""}', "nul", "[" * 100_000])
def test_what_is_no_key_is_refused(text: str, tmp_path: Path) -> None:
    made = exported(tmp_path)
    made.key_path.write_text(text)
    with pytest.raises(InputError):
        key_of(made)


def test_tasks_that_were_changed_are_not_served(tmp_path: Path) -> None:
    exported(tmp_path)
    path = tmp_path / "review/tasks.jsonl"
    path.write_text(path.read_text().replace("Question 1?", "Question 2?"))
    with pytest.raises(InputError, match="was changed since"):
        read_export(tmp_path / "review")


def test_wrong_gold_is_refused_before_it_blames_anyone(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="label is 'first'; of a pair it is a, b or tie"):
        exported(tmp_path, gold=[{**GOLD[0], "label": "first"}])


def test_gold_can_be_answers_that_are_there(tmp_path: Path) -> None:
    row = {"item_id": "q1", "model_a": MODELS[0], "model_b": MODELS[1], "label": "tie"}
    made = exported(tmp_path, gold=[row])
    assert [e.item_id for e in key_of(made).tasks.values() if e.gold == "tie"] == ["q1"]


def test_half_of_a_surrogate_pair_does_not_stop_an_export(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text('{"item_id": "q", "model": "one", "prompt": "?", "answer": "a\\ud800"}\n' * 2)
    with pytest.raises(InputError, match="not text"):
        answers([path])
