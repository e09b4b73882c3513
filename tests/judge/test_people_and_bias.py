"""Judges beside people, what judges prefer, and length control beside AlpacaEval's own code."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import naive_judge as naive
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.errors import InputError
from tamis.judge.agreement import cohen
from tamis.judge.bias import Finding, findings
from tamis.judge.controlled import length_controlled
from tamis.judge.labels import Labels
from tamis.judge.people import against, ceiling, corrected, majority
from tamis.judge.played import games
from tamis.judge.style import FEATURES, contrasts, looks, with_style
from tamis.statistics.student import quantile

FIT = json.loads((Path(__file__).parent / "alpacaeval_fit.json").read_text())
SHARED = Path(__file__).parents[2] / ".." / "shared" / "data"


@pytest.mark.parametrize("model", FIT["models"])
def test_the_length_controlled_rate_is_that_of_alpacaeval(model: str) -> None:
    pytest.importorskip("sklearn")
    rows = pl.DataFrame({"item_id": FIT["items"], "chars_baseline": FIT["chars_baseline"], **FIT["models"][model]})
    difficulty = pl.DataFrame({"item_id": FIT["items"], "difficulty": FIT["difficulty"]})
    found = length_controlled(rows, difficulty, pl.DataFrame(FIT["gamed"]))
    wanted, error = FIT["theirs"][model].values()
    assert 100 * found.rate.value == pytest.approx(wanted, abs=0.02)  # type: ignore[operator]
    half = quantile(0.95, found.rate.items - 1) * error / 100
    assert found.rate.high - found.rate.value == pytest.approx(half, rel=1e-3)  # type: ignore[operator]


def test_an_item_without_a_difficulty_is_told() -> None:
    rows = pl.DataFrame({"item_id": FIT["items"], "chars_baseline": FIT["chars_baseline"], **FIT["models"]["strong"]})
    with pytest.raises(InputError, match=r"item 'item-0' has no difficulty \(150 have none\)"):
        length_controlled(rows, pl.DataFrame({"item_id": ["other"], "difficulty": [0.0]}))


@pytest.mark.parametrize(
    "rows, note",
    [
        (
            {"item_id": ["i"], "share": [1.0], "chars": [5], "chars_baseline": [4]},
            "1 judged items are too few for a fit in 5 folds",
        ),
        (
            {
                "item_id": [f"i{k}" for k in range(20)],
                "share": [0.5] * 20,
                "chars": [5] * 20,
                "chars_baseline": [4] * 20,
            },
            "all answers differ in length by the same, so length cannot be told from the model",
        ),
    ],
)
def test_a_fit_that_cannot_be_says_why(rows: dict[str, Any], note: str) -> None:
    assert length_controlled(pl.DataFrame(rows)).rate.note == note


def lengthy(size: int, lead: float, taste: float, seed: int) -> pl.DataFrame:
    """Shares of a model that leads by `lead` log-odds, where the judge likes length by `taste`."""
    random = np.random.default_rng(seed)
    own, base = random.integers(50, 900, size), random.integers(50, 700, size)
    more = np.tanh((base - own) / (base - own).std(ddof=1))
    share = (random.random(size) < 1 / (1 + np.exp(taste * more - lead))).astype(float)
    ids = [f"i{k}" for k in range(size)]
    return pl.DataFrame({"item_id": ids, "share": share, "chars": own, "chars_baseline": base})


@pytest.mark.parametrize("size, lead, taste", [(200, 0.4, 1.0), (100, 0.0, 2.0), (300, 1.5, 0.5)])
def test_a_controlled_rate_without_difficulty_is_as_unsure_as_draws_of_items(
    size: int, lead: float, taste: float
) -> None:
    pytest.importorskip("sklearn")
    rows = lengthy(size, lead, taste, 1)
    found = length_controlled(rows).rate
    assert length_controlled(rows).rate == found
    apart = (rows["chars_baseline"] - rows["chars"]).to_numpy()
    x, y = np.tanh(apart / apart.std(ddof=1)).tolist(), rows["share"].to_list()
    random = np.random.default_rng(0)
    draws = [naive.logistic(x, y, random.multinomial(size, [1 / size] * size).tolist())[1] for _ in range(200)]
    low, high = np.quantile(1 / (1 + np.exp(-np.array(draws))), [0.025, 0.975])
    assert found.high - found.low == pytest.approx(high - low, rel=0.2)  # type: ignore[operator]
    assert found.low < found.value < found.high  # type: ignore[operator]


@pytest.mark.parametrize("share", [1.0, 0.5, 0.7])
def test_a_controlled_rate_is_never_surer_than_its_items(share: float) -> None:
    pytest.importorskip("sklearn")
    found = length_controlled(lengthy(50, 0.0, 0.0, 0).with_columns(share=pl.lit(share))).rate
    assert found.value == pytest.approx(share, abs=0.01) and found.high - found.low > 0.05  # type: ignore[operator]


def labels(rows: dict[str, str]) -> pl.DataFrame:
    """One letter a label, for each rater."""
    return pl.DataFrame(
        [(i, r, x) for r, said in rows.items() for i, x in enumerate(said)], ["item", "rater", "label"], orient="row"
    )


def test_the_ceiling_is_how_people_agree_on_the_same_items() -> None:
    found = ceiling(labels({"judge": "aabb", "ann": "aaab", "bob": "aabb"}), "judge", ["ann", "bob"])
    assert (found.judge.value, found.people.value, found.gap.value) == (0.875, 0.75, 0.125)


def test_without_two_people_there_is_no_ceiling() -> None:
    assert (
        ceiling(labels({"judge": "ab", "ann": "ab"}), "judge", ["ann"]).gap.note
        == "no item was labelled by judge and by two people"
    )


def test_a_majority_is_more_than_half() -> None:
    assert majority(labels({"x": "abc", "y": "aba", "z": "cbb"}).drop("rater")).rows() == [(0, "a"), (1, "b")]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1))
def test_precision_recall_and_f1_are_those_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    said, right = (list(side) for side in zip(*pairs, strict=True))
    own = against(pl.Series(said), pl.Series(right), pl.Series(range(len(said))))
    theirs = metrics.precision_recall_fscore_support(right, said, average="macro", zero_division=0)[:3]
    assert own[1:] == pytest.approx(theirs, abs=1e-12)
    assert own.accuracy.value == pytest.approx(metrics.accuracy_score(right, said), abs=1e-12)


def test_a_correction_by_people_is_unbiased_and_narrower() -> None:
    random, found, plain = np.random.default_rng(0), [], []
    for _ in range(300):
        truth = (random.random(600) < 0.6).astype(float)
        judge = np.where(random.random(600) < 0.9, truth, 1.0)  # it favours the first
        found.append(corrected(judge[100:], judge[:100], truth[:100]))
        plain.append(corrected(np.zeros(0), judge[:100], truth[:100]))
    assert np.mean([f.value for f in found]) == pytest.approx(0.6, abs=0.01)
    assert np.mean([f.high - f.low for f in found]) < 0.7 * np.mean([p.high - p.low for p in plain])  # type: ignore[operator]


def judged(verdicts: list[dict[str, Any]]) -> pl.DataFrame:
    """Games of judgments with the columns that bias asks for."""
    blank = {
        name: None
        for name in (
            "rubric",
            "rubric_sha256",
            "aspect",
            "turn",
            "repeat",
            "probability_a",
            "chars_a",
            "chars_b",
            "reasons",
        )
    }
    own = {"model_a": "x", "model_b": "y", "judge": "j", "order": "ab", "verdict": "a"}
    rows = [{**blank, **own, "item_id": f"i{k}", **v} for k, v in enumerate(verdicts)]
    types = {
        "order": pl.String,
        "probability_a": pl.Float64,
        "chars_a": pl.Int32,
        "chars_b": pl.Int32,
        "reasons": pl.String,
    }
    return games(
        pl.DataFrame(rows, infer_schema_length=None).with_columns(pl.col(c).cast(t) for c, t in types.items())
    ).rows


def one(found: list[Finding], name: str, judge: str = "j") -> Finding:
    return next(f for f in found if (f.name, f.judge) == (name, judge))


def test_a_judge_of_places_is_found_out() -> None:
    both = [
        {"item_id": f"i{k}", "order": o, "verdict": "a" if o == "ab" else "b"} for k in range(50) for o in ("ab", "ba")
    ]
    found = findings(judged(both))
    assert one(found, "first_slot").estimate.value == 1 and one(found, "consistency").estimate.value == 0
    assert one(found, "first_slot").says.startswith("j prefers the answer shown first: in 100.0 percent (")


def test_a_judge_of_answers_is_not() -> None:
    both = [{"item_id": f"i{k}", "order": o, "verdict": "a" if k % 3 else "b"} for k in range(60) for o in ("ab", "ba")]
    found = findings(judged(both))
    assert one(found, "first_slot").estimate.value == 0.5 and one(found, "consistency").estimate.value == 1
    assert "shows no preference for the answer shown first" in one(found, "first_slot").says


def test_a_judge_of_lengths_is_found_out() -> None:
    rows = [{"chars_a": 10 + 20 * (k % 2), "chars_b": 20, "verdict": "a" if k % 2 else "b"} for k in range(40)]
    assert one(findings(judged(rows)), "longer").estimate.value == 1


def test_own_family_is_held_against_other_judges_on_the_same_pairs() -> None:
    rows = [
        {"item_id": f"i{k}", "judge": j, "verdict": v}
        for k in range(30)
        for j, v in (("j", "a"), ("other", "ab"[k % 2]))
    ]
    found = findings(judged(rows), family={"j": "blue", "x": "blue", "y": "red", "other": "green"})
    assert one(found, "own_family").estimate.value == 0.5
    assert "gives its own family 50.0 points of the win more than others do" in one(found, "own_family").says


def test_what_is_not_known_is_a_sentence() -> None:
    found = findings(judged([{"order": None}]), family={"x": "blue"})
    assert [f.estimate.value for f in found] == [None] * 5 and all(f.says.startswith("j: ") for f in found)


def test_marks_are_counted_in_lines_and_pieces() -> None:
    seen = looks(pl.Series(["# h\n\n- a\n2. b\n**c** and **d**", ""]))
    assert seen.rows() == [(29.0, 1.0, 2.0, 2.0), (0.0, 0.0, 0.0, 0.0)]


def test_style_is_told_from_strength() -> None:
    random = np.random.default_rng(0)
    size = 4000
    answers = [pl.Series(["w" * int(n) for n in random.integers(10, 400, size)]) for _ in range(2)]
    x = contrasts(looks(answers[0]), looks(answers[1]))
    effect = x[:, 0] / x[:, 0].std()
    share = (random.random(size) < 1 / (1 + np.exp(-(0.5 + 0.8 * effect)))).astype(float)
    frame = pl.DataFrame(
        {"item_id": np.arange(size) // 4, "model_a": "x", "model_b": "y", "share": share}
    ).with_columns(pl.col("item_id").cast(pl.String))
    found = with_style(frame, x, FEATURES)
    assert found.effects["length"].low < 0.8 < found.effects["length"].high  # type: ignore[operator]
    assert found.strengths["x"].low < 0.25 < found.strengths["x"].high  # type: ignore[operator]
    assert found.effects["lists"].note == "the answers of a pair never differ in it"


LONGER = np.array([0.1, -0.2, 0.3, 0.4, -0.5, 0.1, 0.2, -0.3])
SOME_WINS = [1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0]


@pytest.mark.parametrize(
    "x, share, length, lists, note",
    [
        (
            np.column_stack([LONGER, LONGER / 2]),
            SOME_WINS,
            "length and lists go together in every game, so that none can be told from the others: no one fit",
            "length and lists go together in every game, so that none can be told from the others: no one fit",
            "length and lists go together in every game, so that none can be told from the others: no one fit",
        ),
        (
            np.column_stack([LONGER, 0 * LONGER]),
            (LONGER > 0).astype(float),
            "style, or the model, tells every winner: no finite fit",
            "the answers of a pair never differ in it",
            "style, or the model, tells every winner: no finite fit",
        ),
        (
            np.column_stack([0 * LONGER + 0.2, 0 * LONGER]),
            SOME_WINS,
            "the answers of a pair differ in it by as much in every game, so that it tells nothing",
            "the answers of a pair never differ in it",
            "",
        ),
    ],
)
def test_a_fit_with_style_says_why_there_is_none(x: Any, share: Any, length: str, lists: str, note: str) -> None:
    frame = pl.DataFrame({"item_id": list("abcdefgh"), "model_a": "x", "model_b": "y", "share": share})
    found = with_style(frame, x, ("length", "lists"))
    assert (found.effects["length"].note, found.effects["lists"].note, found.note) == (length, lists, note)


def test_models_that_never_met_have_no_one_fit_with_style() -> None:
    frame = pl.DataFrame({"item_id": list("abcdefgh"), "model_a": list("xxxxvvvv"), "model_b": list("yyyywwww")})
    found = with_style(frame.with_columns(share=pl.Series(SOME_WINS)), LONGER[:, None], ("length",))
    assert (
        found.effects["length"].note
        == found.note
        == "the models fall into groups that never met: no one fit with style"
    )


@pytest.mark.skipif(not (SHARED / "judge").exists(), reason="the published votes are not here")
def test_the_annotators_of_pandalm_have_the_published_kappas() -> None:
    with gzip.open(SHARED / "judge/pandalm_human.jsonl.gz") as lines:
        pairs = [json.loads(line)["annotators"] for line in lines]
    assert sum(len(set(said)) == 1 for said in pairs) == 879
    for (i, j), published in {(0, 1): 0.85, (0, 2): 0.88, (1, 2): 0.86}.items():
        rows = [(k, str(r), said[r]) for k, said in enumerate(pairs) for r in (i, j)]
        own = cohen(Labels(pl.DataFrame(rows, ["item", "rater", "label"], orient="row")), draws=0)
        assert own.value == pytest.approx(published, abs=0.005)
