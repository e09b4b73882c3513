"""Kappa, Fleiss, alpha, AC1 and AC2 beside their definitions, scikit-learn, statsmodels, krippendorff and irrCAC."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import naive_judge as naive
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.errors import InputError
from tamis.judge.agreement import alpha, cohen, fleiss, gwet, raw
from tamis.judge.labels import Labels
from tamis.statistics.estimate import Estimate

OTHERS = json.loads((Path(__file__).parent / "agreement_of_others.json").read_text())["cases"]
CLOSE = {"rel": 1e-9, "abs": 1e-9}
WEIGHTS = {"identity": "none", "linear": "linear", "quadratic": "quadratic"}


def labelled(rows: list[list[Any]], scale: list[Any] | None = None) -> Labels:
    """Items by raters; None: not labelled."""
    given = [(i, f"r{k}", label) for i, row in enumerate(rows) for k, label in enumerate(row) if label is not None]
    return Labels(pl.DataFrame(given, ["item", "rater", "label"], orient="row"), scale)


tables = st.integers(2, 4).flatmap(
    lambda raters: st.lists(st.lists(st.none() | st.integers(1, 4), min_size=raters, max_size=raters), min_size=1)
)


@pytest.mark.parametrize("case", OTHERS, ids=[case["name"] for case in OTHERS])
@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_alpha_is_that_of_krippendorff(case: dict[str, Any], level: Any) -> None:
    assert alpha(labelled(case["rows"]), level, draws=9).value == pytest.approx(case["alpha"][level], **CLOSE)


@pytest.mark.parametrize("case", OTHERS, ids=[case["name"] for case in OTHERS])
@pytest.mark.parametrize("weights", WEIGHTS)
def test_fleiss_and_gwet_are_those_of_irrcac(case: dict[str, Any], weights: str) -> None:
    labels, own, theirs = labelled(case["rows"]), WEIGHTS[weights], case["irrcac"][weights]
    assert gwet(labels, own, draws=9).value == pytest.approx(theirs["gwet"], **CLOSE)  # type: ignore[arg-type]
    assert fleiss(labels, own, draws=9).value == pytest.approx(theirs["fleiss"], **CLOSE)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "case", [case for case in OTHERS if "statsmodels_fleiss" in case], ids=lambda case: case["name"]
)
def test_fleiss_and_cohen_are_those_of_statsmodels(case: dict[str, Any]) -> None:
    assert fleiss(labelled(case["rows"]), draws=9).value == pytest.approx(case["statsmodels_fleiss"], **CLOSE)
    for weights, value in case.get("statsmodels_cohen", {}).items():
        assert cohen(labelled(case["rows"]), weights, draws=9).value == pytest.approx(value, **CLOSE)


@settings(deadline=None, max_examples=25)
@given(pairs=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1))
@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_cohen_is_that_of_scikit_learn(pairs: list[tuple[int, int]], weights: Any) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    own = cohen(labelled([list(p) for p in pairs], [1, 2, 3, 4]), weights, draws=9).value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = metrics.cohen_kappa_score(
            *zip(*pairs, strict=True), labels=[1, 2, 3, 4], weights=None if weights == "none" else weights
        )
    assert (own is None) == math.isnan(theirs)
    assert own is None or own == pytest.approx(theirs, **CLOSE)


@settings(deadline=None, max_examples=60)
@given(rows=tables)
def test_alpha_is_its_definition(rows: list[list[int | None]]) -> None:
    items = [[float(label) for label in row if label is not None] for row in rows]
    if not any(items):
        return
    ways = {"nominal": naive.nominal, "ordinal": naive.ordinal(items), "interval": naive.interval}
    for level, distance in ways.items():
        own, wanted = alpha(labelled(rows), level, draws=9), naive.alpha(items, distance)  # type: ignore[arg-type]
        assert (own.value is None and own.note != "") if wanted is None else own.value == pytest.approx(wanted, **CLOSE)


@settings(deadline=None, max_examples=60)
@given(rows=tables)
def test_whatever_the_labels_there_is_a_number_or_a_sentence(rows: list[list[int | None]]) -> None:
    labels = (
        labelled(rows)
        if any(label for row in rows for label in row)
        else Labels(pl.DataFrame({"item": ["i"], "rater": ["r"], "label": pl.Series([None], dtype=pl.String)}))
    )
    for each in (
        alpha(labels, draws=20),
        raw(labels, draws=20),
        fleiss(labels, draws=20),
        gwet(labels, draws=20),
        cohen(labels, draws=20),
    ):
        assert all(end is None or math.isfinite(end) for end in each[:3])
        assert each.note or None not in each[:3]


@pytest.mark.parametrize(
    "rows, note",
    [
        ([["a"], ["b"]], "r0 is the only rater"),
        ([["a", "a"], ["a", "a"]], "both raters say 'a' every time, so kappa says nothing"),
        ([["a", None], [None, "b"]], "no item was labelled by both raters"),
        ([["a", "a"], ["a", "b"]], "r0 says 'a' every time: kappa is 0 whatever the other says"),
        ([["a", "a", "b"]], "there are 3 raters; kappa is of two"),
    ],
)
def test_kappa_says_why_there_is_none(rows: list[list[Any]], note: str) -> None:
    assert cohen(labelled(rows)).note == note


def test_a_rater_who_labels_an_item_twice_is_told() -> None:
    rows = pl.DataFrame({"item": ["i", "i", "i"], "rater": ["r", "r", "s"], "label": ["a", "b", "a"]})
    assert "1 label is of an item that its rater had labelled before" in alpha(Labels(rows)).note


def test_a_label_off_the_scale_is_refused() -> None:
    with pytest.raises(InputError, match="9 is not on the scale"):
        labelled([[1, 9]], [1, 2])


def test_the_order_of_rows_changes_no_digit() -> None:
    rows = pl.DataFrame({"item": np.arange(300) % 100, "rater": np.arange(300) // 100, "label": np.arange(300) % 7 % 3})
    first, second = (alpha(Labels(frame)) for frame in (rows, rows.sample(fraction=1, shuffle=True, seed=1)))
    assert first == second


def test_the_interval_holds_the_value_and_narrows_with_items() -> None:
    def width(items: int) -> float:
        random = np.random.default_rng(0)
        truth = random.integers(0, 3, items)
        seen = np.where(random.random((items, 3)) < 0.7, truth[:, None], random.integers(0, 3, (items, 3)))
        found: Estimate = alpha(labelled(seen.tolist()))
        assert found.low is not None and found.high is not None and found.value is not None
        assert found.low < found.value < found.high
        return found.high - found.low

    assert width(800) < 0.6 * width(200)


def test_many_different_items_are_drawn_in_blocks_with_an_interval_as_wide() -> None:
    random = np.random.default_rng(3)
    truth = random.normal(size=25_000)
    seen = truth[:, None] + random.normal(size=(25_000, 2))
    few = alpha(labelled(seen[:19_000].tolist()), "interval", draws=400)
    many = alpha(labelled(seen.tolist()), "interval", draws=400)
    ratio = (many.high - many.low) / (few.high - few.low)  # type: ignore[operator]
    assert ratio == pytest.approx((19 / 25) ** 0.5, abs=0.15)
