"""A panel's voice, beside the definition in plain Python; and which judgments are shown."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.judge.answers import Answers, Item
from tamis.judge.panel import disagreement, verdicts
from tamis.judge.shown import examples
from tamis.schemas import JUDGMENT

WEIGHT = {"j": 1.0, "k": 1.5, "l": 1.0}


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    found = pl.from_arrow(pa.Table.from_pylist(rows, JUDGMENT))
    assert isinstance(found, pl.DataFrame)
    return found


def row(item: str, judge: str, order: str | None, verdict: str | None, **more: Any) -> dict[str, Any]:
    pair = {"model_a": "x", "model_b": "y"}
    return {"item_id": item, **pair, "judge": judge, "order": order, "verdict": verdict, "rubric": "r@1", **more}


def naive(rows: list[dict[str, Any]]) -> dict[str, tuple[str, int]]:
    """Of each item: the verdict, and how many judges said something."""
    voices: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for r in rows:
        voices[r["item_id"]]
        if r["verdict"] != "unparsed":
            voices[r["item_id"]][r["judge"]].append(r["verdict"])
    out = {}
    for item, judges in voices.items():
        votes: Counter[str] = Counter()
        for judge, said in judges.items():
            votes[said[0] if len(set(said)) == 1 else "tie"] += WEIGHT[judge]  # type: ignore[assignment]
        total = sum(votes.values())
        most = [v for v in ("a", "b") if votes[v] > total / 2]
        out[item] = (most[0] if most else "tie" if judges else "unparsed", len(judges))
    return out


said = st.sampled_from(["a", "b", "tie", "unparsed"])


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from("pqr"), st.sampled_from("jkl"), said, said), min_size=1, unique_by=lambda t: t[:2]
    )
)
def test_a_panel_says_what_the_definition_says(given_rows: list[tuple[str, str, str, str]]) -> None:
    rows = [row(i, j, o, v) for i, j, v1, v2 in given_rows for o, v in (("ab", v1), ("ba", v2))]
    found = verdicts(frame(rows), WEIGHT).to_pylist()
    assert {r["item_id"]: (r["verdict"], r["judges"]) for r in found} == naive(rows)


def test_scores_are_averaged_by_weight_and_their_spread_is_kept() -> None:
    rows = [{**row("i", j, None, None, score=s), "model_b": None} for j, s in (("j", 1.0), ("k", 5.0), ("l", None))]
    found = verdicts(frame(rows), WEIGHT).to_pylist()[0]
    assert found["score"] == pytest.approx((1 + 5 * 1.5) / 2.5)
    assert (found["spread"], found["judges"], found["silent"], found["unanimous"]) == (4, 2, 1, False)


def test_disagreement_is_counted_where_two_said_something() -> None:
    rows = [
        row("p", "j", "ab", "a"),
        row("p", "k", "ab", "b"),
        row("q", "j", "ab", "a"),
        row("q", "k", "ab", "unparsed"),
    ]
    assert disagreement(verdicts(frame(rows))) == {"things": 2, "by_several": 1, "split": 1, "share": 1.0}


def test_what_is_at_odds_is_shown_judges_before_orders() -> None:
    rows = [row("p", "j", "ab", "a"), row("p", "j", "ba", "b"), row("q", "j", "ab", "a"), row("q", "k", "ab", "b")]
    rows += [row("r", "j", "ab", "a"), row("r", "j", "ba", "a")]
    answers = Answers({i: Item(i, (f"{i}?",), None, {"x": ("one",), "y": ("two",)}) for i in "pqr"})
    found = examples(frame(rows), answers)
    assert [(e["item_id"], e["why"]) for e in found] == [
        ("q", "The judges differ."),
        ("p", "The verdict turns with the order."),
    ]
    assert found[0]["sides"] == [{"model": "x", "answer": "one"}, {"model": "y", "answer": "two"}]
    assert [s["judge"] for s in found[0]["said"]] == ["j", "k"]
