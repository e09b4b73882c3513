"""`tamis judge rate`, `agree` and `bias`: what they read, what they say, and bad input."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.cli import main
from tamis.errors import InputError
from tamis.judge.accord import agreements
from tamis.judge.leaderboard import board
from tamis.judge.reading import read_judgments, read_labels


def write(path: Path, rows: Iterable[Any]) -> str:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return str(path)


def said(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    """Exit code and both streams of `tamis judge`."""
    with pytest.raises(SystemExit) as left:
        main(["judge", *args])
    out = capsys.readouterr()
    return int(str(left.value.code)), out.out, out.err


def pair(item: str, a: str = "x", b: str = "y", verdict: str = "a", **more: Any) -> dict[str, Any]:
    return {"item_id": item, "model_a": a, "model_b": b, "judge": "j", "verdict": verdict, **more}


def both(items: int) -> list[dict[str, Any]]:
    """Both orders of x against y, x against base and y against base; x wins two in three."""
    pairs = [("x", "y"), ("x", "base"), ("y", "base")]
    rows = []
    for k in range(items):
        for n, (a, b) in enumerate(pairs):
            verdict = "tie" if k % 5 == 4 else "b" if (k + n) % 3 == 0 else "a"
            rows += [
                pair(f"i{k}", a, b, verdict, order=o, chars_a=100 + 7 * k % 31, chars_b=90 + 5 * k % 17)
                for o in ("ab", "ba")
            ]
    return rows


def test_rate_prints_a_leaderboard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, "rate", write(tmp_path / "j.jsonl", both(30)), "--baseline", "base", "--draws", "100")
    assert (code, err) == (0, "")
    assert "90 games on 30 items, 90 judged in both orders" in out and "win rate against base" in out


def test_rate_gives_all_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sklearn")
    args = (
        "rate",
        write(tmp_path / "j.jsonl", both(30)),
        "--baseline",
        "base",
        "--control-length",
        "--draws",
        "50",
        "--json",
    )
    code, out, _ = said(capsys, *args)
    found = json.loads(out)
    assert code == 0 and {m["model"] for m in found["models"]} == {"x", "y", "base"}
    own = next(m for m in found["models"] if m["model"] == "x")
    assert own["win_rate"]["low"] < own["win_rate"]["value"] < own["win_rate"]["high"]
    assert 0 < own["length_controlled"]["value"] < 1


def test_answers_bring_style(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = [
        {"item_id": f"i{k}", "model": m, "answer": ("- a\n" * ((k + n) % 4)) + "w" * (10 + 13 * (k * n) % 37)}
        for k in range(30)
        for n, m in enumerate(("x", "y", "base"))
    ]
    args = (write(tmp_path / "j.jsonl", both(30)), "--answers", write(tmp_path / "a.jsonl", answers))
    _, out, _ = said(capsys, "rate", *args, "--draws", "20")
    assert "style: length" in out and "style: lists" in out
    _, out, _ = said(capsys, "bias", *args)
    assert "the answer with more lists" in out


def test_why_there_is_no_fit_with_style_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = [
        {"item_id": f"i{k}", "model": m, "answer": "# h\n- a\n" * ((k + n) % 4) + "w" * (10 + 13 * (k * n) % 37)}
        for k in range(30)
        for n, m in enumerate(("x", "y", "base"))
    ]
    args = (write(tmp_path / "j.jsonl", both(30)), "--answers", write(tmp_path / "a.jsonl", answers))
    _, out, _ = said(capsys, "rate", *args, "--draws", "20")
    assert [line for line in out.splitlines() if line.startswith("style")] == [
        "style: headers and lists go together in every game, so that none can be told from the others: no one fit",
        "style: bold: the answers of a pair never differ in it",
    ]


def test_looks_are_of_answers_as_they_are_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {m: [{"id": f"i{k}", "output": "- a\n" * (m == "x") + m * k} for k in range(9)] for m in ("x", "y", "base")}
    files = [word for m, own in rows.items() for word in ("--answers", write(tmp_path / f"{m}.jsonl", own))]
    code, out, err = said(capsys, "bias", write(tmp_path / "j.jsonl", both(9)), *files)
    assert code == 0 and "the answer with more lists" in out and not err


def test_a_folder_that_judges_wrote_stands_for_its_judgments(tmp_path: Path) -> None:
    rows = read_judgments([write(tmp_path / "j.jsonl", both(2))]).rows
    rows.write_parquet(tmp_path / "judgments.parquet")
    assert read_judgments([tmp_path]).rows.equals(rows)
    assert read_labels([tmp_path]).rows.height == 6


def test_agree_holds_a_judge_beside_people_and_gates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {
            "item": f"i{k}",
            "rater": r,
            "label": "ab"[(k * (n + 3) // 5 + (k % 7 == n)) % 2],
            "words": k,
            "source": "ab"[k % 2],
        }
        for k in range(40)
        for n, r in enumerate(("ann", "bob", "judge"))
    ]
    args = (
        "agree",
        write(tmp_path / "l.jsonl", rows),
        "--people",
        "ann",
        "--people",
        "bob",
        "--slice",
        "words",
        "--slice",
        "source",
        "--draws",
        "50",
    )
    code, out, _ = said(capsys, *args, "--min-alpha", "0.99")
    assert code == 1 and "judge agrees with people: " in out and "alpha must be 0.99: it is not" in out
    assert "words 0 to 10: 10 items" in out and "source a: 20 items" in out


def test_people_who_say_no_number_stand_beside_the_first_time_a_judge_was_asked(tmp_path: Path) -> None:
    of_judge = [{**row, "repeat": k} for k in (0, 1) for row in both(1)]
    people = [{**row, "judge": "ann", "human": True} for row in both(1)]
    rows = read_labels([write(tmp_path / "j.jsonl", [*of_judge, *people])]).rows
    raters = rows.group_by("item", maintain_order=True).agg("rater")
    assert raters.filter(pl.col("rater").list.contains("ann"))["rater"].to_list() == [["j", "ann"]] * 3


@pytest.mark.parametrize("huge", ["1e999", "-1e101", "1" + 120 * "0"])
def test_a_label_past_all_scales_is_named_and_the_rest_counts(tmp_path: Path, capsys: Any, huge: str) -> None:
    rows = [{"item": f"i{k}", "rater": r, "label": k} for k in range(3) for r in ("ann", "bob")]
    file = write(tmp_path / "l.jsonl", [*rows, f'{{"item": "i9", "rater": "ann", "label": {huge}}}'])
    code, out, err = said(capsys, "agree", file, "--level", "interval", "--draws", "0")
    assert code == 0 and out.startswith("6 labels of 3 items") and "l.jsonl:7: 'label' is " in err and "no scale" in err


def test_judgments_are_labels_too(tmp_path: Path) -> None:
    rows = read_labels([write(tmp_path / "j.jsonl", [*both(1), *({**r, "judge": "k"} for r in both(1))])]).rows
    assert rows.select("item", "rater", "label").rows()[:2] == [("i0 x y", "j", "b"), ("i0 base x", "j", "b")]


def test_agreement_is_tracked_by_month_and_rubric(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def row(k: int, judge: str, version: int) -> dict[str, Any]:
        verdict = "ab"[(k + (judge == "q") * (k % 4 == version)) % 2]
        when, rubric = f"2026-1{version}-03T10:00:00Z", f"{version}" * 64
        return pair(f"i{k}", judge=judge, verdict=verdict, rubric_sha256=rubric, judged_at=when)

    file = write(tmp_path / "j.jsonl", [row(k, judge, m) for k in range(20) for judge in "pq" for m in (0, 1)])
    _, out, _ = said(capsys, "agree", file, "--slice", "judged_at", "--slice", "rubric_sha256", "--draws", "20")
    assert "40 items by 2 raters" in out
    assert "judged_at 2026-10: 20 items" in out and f"rubric_sha256 {'1' * 64}: 20 items" in out
    assert out.count("  p says what the others say: 0.750 (") == out.count("  q says what the others say: 0.750 (") == 4


@pytest.mark.parametrize(
    "row, problem",
    [
        ("{", "not JSON"),
        ('{"item_id": "\\ud800"}', "or not text"),
        (pair("i", turn="two"), "j.jsonl:2: "),
        (pair("i", turn=10**9), "j.jsonl:2: "),
        (pair("i", judged_at="yesterday"), "j.jsonl:2: "),
        (pair("i", score=10**400), "score is 1000"),
        ("[1]", "a list, not an object"),
        ({"model_a": "x"}, "item_id is None"),
        (pair("i", verdict="A>B"), "verdict is 'A>B'; it is one of a, b, tie, unparsed"),
        (pair("i", order="first"), "order is 'first'"),
        (pair("i", probability_a=1.5), "probability_a is 1.5; it is a number from 0 to 1"),
        ({"item_id": "i", "model_a": "x"}, "neither verdict nor score"),
        ({"item_id": "i", "model_a": "x", "verdict": "a"}, "there is no model_b"),
        (pair("ok"), "1 judgment of the same pair, judge, rubric and order were there before"),
    ],
)
def test_a_row_that_cannot_be_used_is_told_and_the_rest_is_kept(tmp_path: Path, row: Any, problem: str) -> None:
    read = read_judgments([write(tmp_path / "j.jsonl", [pair("ok"), row])])
    assert read.rows.height == 1 and problem in read.problems[0]


@pytest.mark.parametrize(
    "rows, args, message",
    [
        ([], (), "no judgment in"),
        ([pair("i", verdict="unparsed")], (), "none of 1 judgments of pairs has a verdict; 1 are unparsed"),
        ([pair("i")], ("--baseline", "z"), "no model 'z' in the judgments; there are x, y"),
        ([pair("i")], ("--control-length",), "name it as the baseline"),
    ],
)
def test_what_cannot_be_rated_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: list[Any], args: tuple[str, ...], message: str
) -> None:
    code, _, err = said(capsys, "rate", write(tmp_path / "j.jsonl", rows), *args)
    assert code == 2 and message in err


@pytest.mark.parametrize(
    "rows, unparsed", [([pair("i", verdict="unparsed")], 1), ([{"item_id": "i", "model_a": "x", "score": 3}], 0)]
)
def test_bias_of_no_verdict_is_a_sentence(tmp_path: Path, capsys: Any, rows: list[Any], unparsed: int) -> None:
    file = write(tmp_path / "j.jsonl", rows)
    note = f"none of 1 judgments is a judge's verdict on a pair: nothing to tell of bias; {unparsed} are unparsed"
    assert said(capsys, "bias", file) == (0, note + "\n", "")
    assert json.loads(said(capsys, "bias", file, "--json")[1])["note"] == note


def test_different_items_per_model_are_noted(tmp_path: Path) -> None:
    rows = [pair("i"), pair("j", verdict="b"), pair("i", "z", "x"), pair("i", "z", "y", "b")]
    assert (
        "different items: z on 1 of 2"
        in board(read_judgments([write(tmp_path / "j", rows)]).rows, draws=9)["notes"][-1]
    )


@pytest.mark.parametrize("seed", range(3))
def test_no_digit_depends_on_the_order_of_the_rows(tmp_path: Path, seed: int) -> None:
    draw = random.Random(1)
    rows = [{**row, "judge": j, "probability_a": draw.random()} for j in "jk" for row in both(40)]
    rows += [{"item_id": f"i{k}", "model_a": "x", "judge": j, "score": draw.random()} for k in range(40) for j in "jk"]
    texts = [
        {"item_id": f"i{k}", "model": m, "answer": "w" * draw.randint(1, 99)} for k in range(40) for m in ("x", "y")
    ]
    turned = random.Random(seed).sample(rows, len(rows))
    found = [
        board(read_judgments([write(tmp_path / "j.jsonl", own)]).rows, draws=20, answers=pl.DataFrame(texts))
        for own in (rows, turned)
    ]
    assert json.dumps(found[0]) == json.dumps(found[1])


def test_models_without_a_strength_are_told_by_win_rate(tmp_path: Path) -> None:
    rows = [pair(f"i{k}", verdict="b" if k else "tie") for k in range(9)]
    found = board(read_judgments([write(tmp_path / "j.jsonl", rows)]).rows, draws=20)
    assert [(m["model"], m["strength"]["value"]) for m in found["models"]] == [("y", None), ("x", None)]


def test_scores_have_means(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"item_id": f"i{k}", "model_a": "x", "judge": "j", "score": k % 5} for k in range(20)]
    rows.append({"item_id": "i99", "model_a": "x", "judge": "j", "verdict": "unparsed"})
    _, out, _ = said(capsys, "rate", write(tmp_path / "j.jsonl", rows))
    assert out.startswith("x: mean score 2.000 (1.3") and out.endswith("on 20 items, 1 unparsed\n")


words = st.sampled_from(
    ["a", "b", "", "tie", None, 1, 0.5, True, [1], {}, 10**400, float("nan"), -1e308, "\ud800", "\u0000"]
)


@settings(deadline=None, max_examples=80)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(
                ["item_id", "model_a", "model_b", "judge", "verdict", "order", "score", "turn", "chars_a", "reasons"]
            ),
            words,
        ),
        max_size=6,
    )
)
def test_no_row_ends_in_a_traceback(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    path = write(tmp_path_factory.mktemp("j") / "j.jsonl", rows)
    with contextlib.suppress(InputError):
        board(read_judgments([path]).rows, draws=5)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.dictionaries(st.sampled_from(["item", "rater", "label", "words"]), words), max_size=6))
def test_no_label_ends_in_a_traceback(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    path = write(tmp_path_factory.mktemp("l") / "l.jsonl", rows)
    with contextlib.suppress(InputError):
        agreements(read_labels([path]).rows, people=["a"], draws=5)


def test_few_items_are_said_to_be_few(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few, many = (said(capsys, "rate", write(tmp_path / f"{n}.jsonl", both(n)), "--draws", "50")[1] for n in (9, 60))
    assert "; but 9 items are few: intervals of drawing them anew are too short" in few and "are few" not in many


def test_judges_by_rubrics_of_their_own_have_no_item_in_common(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = {"item_id": "1", "model_a": "x", "model_b": "y", "verdict": "a"}
    rows = [{**own, "judge": f"j{k}", "rubric": f"r@{k}", "rubric_sha256": str(k) * 64} for k in (1, 2)]
    _, out, err = said(capsys, "agree", write(tmp_path / "j.jsonl", rows))
    assert "no item was judged twice by one rubric: there are 2 (r@1 11111111, r@2 22222222)" in out + err
    _, out, err = said(capsys, "agree", write(tmp_path / "k.jsonl", [{**r, "rubric_sha256": "1" * 64} for r in rows]))
    assert "by one rubric" not in out + err
