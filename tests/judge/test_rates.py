"""Win rates, strengths and length control beside their definitions."""

from __future__ import annotations

from typing import Any

import naive_judge as naive
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.judge.paired import corrected, difference, differences
from tamis.judge.played import games, together
from tamis.judge.scores import mean_scores
from tamis.judge.strength import field, fit, redrawn, strengths
from tamis.judge.winrate import win_rates
from tamis.kernels.strength import DAVIDSON, HALF, RAO_KUPPER, totals
from tamis.statistics.estimate import share
from tamis.statistics.resample import drawn


def played(rows: list[tuple[str, str, str, float]]) -> pl.DataFrame:
    return pl.DataFrame(rows, ["item_id", "model_a", "model_b", "share"], orient="row")


def tournament(models: int = 5, items: int = 80, seed: int = 0, ties: float = 0.2) -> pl.DataFrame:
    """Every item has every pair once; the k-th model has strength k / 2."""
    random, rows = np.random.default_rng(seed), []
    for item in range(items):
        for i in range(models):
            for j in range(i):
                won = float(random.random() < 1 / (1 + np.exp((j - i) / 2)))
                rows.append((f"item-{item}", f"m{i}", f"m{j}", 0.5 if random.random() < ties else won))
    return played(rows)


@pytest.mark.parametrize("ties", ["davidson", "rao-kupper"])
def test_no_strengths_nearby_are_likelier(ties: Any) -> None:
    rows = tournament(4, 30)
    found = strengths(rows, ties, draws=0)
    names = [r.model for r in found.ratings]
    at = [r.strength.value for r in found.ratings]
    tie = found.tie.value if ties == "davidson" else np.log(np.expm1(found.tie.value))
    won = {1.0: "a", 0.0: "b", 0.5: "tie"}
    record = [(names.index(a), names.index(b), won[s]) for _, a, b, s in rows.iter_rows()]
    best = naive.likelihood(record, at, ties, tie)  # type: ignore[arg-type]
    random = np.random.default_rng(1)
    for _ in range(60):
        step = random.normal(scale=random.choice([1e-3, 0.1]), size=5)
        assert naive.likelihood(record, np.array(at) + step[:4], ties, tie + step[4]) <= best + 1e-9  # type: ignore[operator]


def test_half_ties_are_a_logistic_fit() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    rows = tournament(5, 40)
    found = {r.model: r.strength.value for r in strengths(rows, "half", draws=0).ratings}
    x = np.zeros((rows.height, 5))
    for k, (_, a, b, _) in enumerate(rows.iter_rows()):
        x[k, int(a[1])], x[k, int(b[1])] = 1, -1
    y = rows["share"].to_numpy()
    weights = np.concatenate([y, 1 - y])
    fit = linear.LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-12, max_iter=1000, solver="newton-cg")
    theirs = fit.fit(np.vstack([x, x]), np.repeat([1, 0], len(y)), sample_weight=weights).coef_[0]
    assert [found[f"m{k}"] for k in range(5)] == pytest.approx(theirs - theirs.mean(), abs=1e-6)


def test_strengths_do_not_depend_on_the_order_of_rows_or_sides() -> None:
    rows = tournament()
    turned = rows.sample(fraction=1, shuffle=True, seed=1).select(
        "item_id",
        pl.col("model_b").alias("model_a"),
        pl.col("model_a").alias("model_b"),
        (1 - pl.col("share")).alias("share"),
    )
    assert strengths(rows, draws=50) == strengths(turned, draws=50)


@pytest.mark.parametrize("way", [HALF, DAVIDSON, RAO_KUPPER])
def test_a_quick_fit_of_a_draw_is_the_full_one(way: int) -> None:
    own = field(tournament(5, 60))
    parts = (own.item, own.pair, own.shares)

    def full(weights: np.ndarray) -> np.ndarray:
        games = np.empty((own.first.size, 3))
        totals(weights, *parts, games)
        return fit(own.first, own.second, games, 5, way)

    times = drawn(np.ones(own.items, np.int64), 20, 3).times[1:]
    quick = redrawn(own, way, full(np.ones(own.items, np.int64)), 20, 3)
    quick[:, :-1] -= quick[:, :-1].mean(axis=1, keepdims=True)
    assert quick == pytest.approx(np.array([full(t) for t in times]), abs=1e-6)


def test_strengths_have_intervals_and_models_are_told_apart() -> None:
    found = strengths(tournament(4, 60), draws=200, seed=3)
    assert [r.model for r in found.ratings] == ["m3", "m2", "m1", "m0"]
    for r in found.ratings:
        assert r.strength.low < r.strength.value < r.strength.high  # type: ignore[operator]
    assert 0 < found.separability.value <= found.distinct.value <= 1  # type: ignore[operator]


def test_models_that_never_met_are_told() -> None:
    rows = played(
        [("i", "a", "b", 1.0), ("j", "a", "b", 0.0), ("i", "c", "d", 1.0), ("j", "c", "d", 0.0), ("k", "a", "b", 1.0)]
    )
    found = strengths(rows, draws=20)
    assert "2 groups that never met" in found.notes[0]
    assert [r.model for r in found.ratings if r.strength.value is None] == ["c", "d"]


def test_a_model_that_won_everything_has_no_finite_strength() -> None:
    rows = pl.concat([tournament(3, 20), played([(f"item-{k}", "best", "m1", 1.0) for k in range(20)])])
    found = strengths(rows, draws=20)
    assert found.ratings[-1].model == "best" and "no finite strength" in found.ratings[-1].strength.note
    assert found.notes == ["best: won or lost all against the others; not rated"]


@pytest.mark.parametrize("ties", ["davidson", "rao-kupper"])
@pytest.mark.parametrize("won, tied, lost", [(6, 4, 0), (66, 34, 0), (0, 1, 2)])
def test_wins_and_ties_without_a_loss_have_no_finite_strength(ties: Any, won: int, tied: int, lost: int) -> None:
    shares = [1.0] * won + [0.5] * tied + [0.0] * lost
    rows = played([(f"i{k}", "x", "y", s) for k, s in enumerate(shares)])
    found = strengths(rows, ties, draws=20)
    assert [r.strength.value for r in found.ratings] == [None, None] and "no circle of games" in found.notes[0]
    assert all("no finite strength fits" in r.strength.note for r in found.ratings)
    assert strengths(rows, "half", draws=20).ratings[0].strength.value > 0  # type: ignore[operator]


@pytest.mark.parametrize("games, finite", [("ab bc ca ac=", True), ("ab bc ca=", True), ("ab bc= ca=", False)])
def test_a_circle_with_more_wins_than_ties_holds_strengths(games: str, finite: bool) -> None:
    rows = played([(f"i{k}", g[0], g[1], 0.5 if "=" in g else 1.0) for k, g in enumerate(games.split())])
    assert all((r.strength.value is not None) == finite for r in strengths(rows, draws=20).ratings)


def test_where_ties_leave_some_without_an_end_others_are_rated() -> None:
    found = strengths(pl.concat([tournament(2, 20), played([("i", "p", "q", 1.0), ("j", "q", "p", 0.5)])]), draws=20)
    assert {r.model for r in found.ratings if r.strength.value is not None} == {"m0", "m1"}


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.tuples(st.sampled_from([(0, 1), (1, 2), (2, 0)]), st.sampled_from(["a", "b", "tie"])), min_size=1),
    st.sampled_from(["davidson", "rao-kupper"]),
)
def test_strengths_are_finite_where_the_likelihood_has_its_top(rows: list[Any], ties: Any) -> None:
    games = [(i, j, won) for (i, j), won in rows]
    share = {"a": 1.0, "b": 0.0, "tie": 0.5}
    found = strengths(played([(f"i{k}", "xyz"[i], "xyz"[j], share[w]) for k, (i, j, w) in enumerate(games)]), ties, 0)
    if len({w == "tie" for _, _, w in games}) < 2:
        return  # the parameter of ties is not in the fit
    top = len({m for i, j, _ in games for m in (i, j)}) == 3 and not naive.endless(games, 3, ties)
    rated = [r.model for r in found.ratings if r.strength.value is not None]
    if top:
        assert len(rated) == 3
    own = [g for g in games if "xyz"[g[0]] in rated and "xyz"[g[1]] in rated]
    if rated and len({w == "tie" for _, _, w in own}) == 2:
        names = {model: k for k, model in enumerate(rated)}
        placed = [(names["xyz"[i]], names["xyz"[j]], w) for i, j, w in own]
        assert not naive.endless(placed, len(rated), ties)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("ijk"), st.sampled_from("abcd"), st.sampled_from("abcd"), st.sampled_from([0, 0.5, 1, 0.3])
        )
    )
)
def test_whatever_the_games_there_is_a_number_or_a_sentence(rows: list[Any]) -> None:
    frame = pl.DataFrame(
        [r for r in rows if r[1] != r[2]],
        {"item_id": pl.String, "model_a": pl.String, "model_b": pl.String, "share": pl.Float64},
        orient="row",
        strict=False,
    )
    for way in ("half", "davidson", "rao-kupper"):
        for r in strengths(frame, way, draws=10).ratings:  # type: ignore[arg-type]
            assert r.strength.note or all(np.isfinite(end) for end in r.strength[:3])  # type: ignore[arg-type]
    for w in win_rates(frame):
        assert w.rate.note or 0 <= w.rate.low <= w.rate.value <= w.rate.high <= 1  # type: ignore[operator]


def test_a_rate_of_one_answer_an_item_has_the_error_of_alpacaeval() -> None:
    share_of_wins = np.random.default_rng(0).random(100)
    rows = played([(f"i{k}", "m", "base", s) for k, s in enumerate(share_of_wins)])
    found = next(r for r in win_rates(rows, "base") if r.model == "m")
    assert found.rate.value == pytest.approx(share_of_wins.mean(), abs=1e-12)
    assert found.error == pytest.approx(share_of_wins.std(ddof=1) / 10, rel=1e-12)


def test_all_wins_have_an_interval_below_one() -> None:
    found = share(np.ones(50), np.arange(50))
    assert found.value == found.high == 1 and found.low == pytest.approx(0.925, abs=0.005)


def both(first: str, second: str, **more: Any) -> pl.DataFrame:
    """One pair judged in both orders."""
    own = {"item_id": "i", "model_a": "a", "model_b": "b", "judge": "j", "rubric": None, "rubric_sha256": None}
    own |= {"aspect": None, "turn": None, "repeat": None, "probability_a": None, **more}
    return pl.DataFrame(
        [{**own, "order": "ab", "verdict": first}, {**own, "order": "ba", "verdict": second}]
    ).with_columns(pl.col("probability_a").cast(pl.Float64))


@pytest.mark.parametrize(
    "first, second, averaged, conservative",
    [("a", "a", 1, 1), ("a", "b", 0.5, 0.5), ("a", "tie", 0.75, 0.5), ("tie", "tie", 0.5, 0.5), ("b", "b", 0, 0)],
)
def test_two_orders_make_a_game_by_either_rule(first: str, second: str, averaged: float, conservative: float) -> None:
    rows = games(both(first, second)).rows
    assert together(rows, "averaged")["share"].to_list() == [averaged]
    assert together(rows, "conservative")["share"].to_list() == [conservative]


def test_an_unparsed_verdict_is_no_tie_and_a_model_never_meets_itself() -> None:
    found = games(pl.concat([both("a", "unparsed"), both("a", "b", model_b="a")]))
    assert (found.rows.height, found.unparsed, found.same) == (1, 1, 2)


def test_a_difference_is_of_the_items_that_both_have() -> None:
    rows = played([(f"i{k}", m, "base", s) for k in range(20) for m, s in (("x", 1.0), ("y", float(k % 2)))])
    found = difference(rows, "x", "y", "base")
    assert found.value.value == 0.5 and found.p is not None and found.p < 1e-3
    assert difference(rows, "x", "nobody").value.note == "x and nobody have no item in common"


def test_differences_are_of_all_pairs_and_corrected_for_being_many() -> None:
    rows = tournament(4, 60)
    found = differences(rows)
    assert [(d.first, d.second) for d in found][:3] == [("m3", "m2"), ("m3", "m1"), ("m3", "m0")] and len(found) == 6
    for one in found:
        alone = difference(rows, one.first, one.second)
        assert one._replace(holm=None) == alone and one.holm >= alone.p  # type: ignore[operator]


def test_the_correction_is_holms() -> None:
    assert corrected([0.04, 0.001, None, 0.03, 0.9, 0.012]) == [0.09, 0.005, None, 0.09, 0.9, 0.048]


@pytest.mark.parametrize("scale", [None, (1.0, 5.0)])
def test_an_interval_stays_on_a_scale_that_is_known(scale: Any) -> None:
    rows = [
        {"item_id": f"i{k}", "model_a": "x", "model_b": None, "aspect": None, "score": 5.0 - (k == 0)} for k in range(9)
    ]
    (found,) = mean_scores(
        pl.DataFrame(rows, schema_overrides={"model_b": pl.String, "aspect": pl.String}), scale=scale
    )
    assert found.mean.value == pytest.approx(44 / 9) and found.mean.high is not None
    assert (found.mean.high <= 5) == (scale is not None)
