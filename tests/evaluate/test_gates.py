"""What passes, what fails, and what cannot be told on so few items."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import evaluated as made
import pytest

from tamis.errors import UsageError
from tamis.evaluate import report
from tamis.evaluate.gates import load_gates, read_gates
from tamis.evaluate.junit import junit
from tamis.evaluate.report import Beside
from tamis.evaluate.results import Results

GOOD = [1.0] * 900 + [0.0] * 100
WORSE = [1.0] * 850 + [0.0] * 150


def outcome(own: Results, gates: Any, **more: Any) -> dict[str, Any]:
    """What became of the last gate."""
    facts = report.report(own, Beside(gates=read_gates(gates, "gates"), **more))
    assert facts["passed"] == all(g["state"] == "passed" for g in facts["gates"])
    return facts["gates"][-1]


@pytest.mark.parametrize(
    "right, gate, state",
    [
        (GOOD, {"min": 0.9}, "passed"),
        (GOOD, {"min": 0.901}, "failed"),
        (GOOD, {"max": 0.9}, "passed"),
        (GOOD, {"max": 0.89}, "failed"),
        (GOOD, {"min_low": 0.88}, "passed"),
        (GOOD, {"min_low": 0.9}, "failed"),
        (GOOD, {"min_items": 1000}, "passed"),
        (GOOD, {"min_items": 1001}, "failed"),
        ([], {"min": 0.0}, "failed"),
        ([float("nan")] * 10, {"min": 0.0}, "failed"),
        ([], {"max_invalid": 1}, "failed"),
        ([1.0, None], {"max_failed": 0.4}, "failed"),
        ([1.0, None], {"max_failed": 0.5}, "passed"),
    ],
)
def test_a_gate_is_held(right: list[float | None], gate: dict[str, Any], state: str) -> None:
    assert outcome(made.results(right), {"tasks": {"sums": gate}})["state"] == state


@pytest.mark.parametrize(
    "second, limit, state",
    [
        (GOOD, 0.02, "passed"),
        (WORSE, 0.02, "failed"),
        (WORSE, 0.07, "passed"),
        (GOOD[890:930], 0.02, "underpowered"),
    ],
)
def test_no_more_may_be_lost_than_the_gate_says(second: list[float], limit: float, state: str) -> None:
    first = GOOD[890:930] if len(second) < 100 else GOOD
    found = outcome(made.results(second), {"max_regression": limit}, baseline=made.results(first))
    assert found["state"] == state
    assert found["detectable"] is not None and (state != "underpowered" or found["needed"] > 40)


@pytest.mark.parametrize("right", [1.0, 0.0, 0.1])
@pytest.mark.parametrize("gate", ["min", "min_low", "max"])
def test_items_that_all_score_alike_show_no_less_than_their_interval(right: float, gate: str) -> None:
    found = outcome(made.results([right] * 3, metrics=["f1"]), {"tasks": {"sums": {gate: 0.5}}})
    own = found["estimate"]
    least = max(own["value"] - own["low"], own["high"] - own["value"])
    assert found["detectable"] == pytest.approx(least) and least > 0.6


def test_items_that_all_score_alike_show_nothing_where_no_scale_is_known() -> None:
    found = outcome(made.results([1.0] * 3, metrics=["own"]), {"tasks": {"sums": {"min": 0.5}}})
    assert found["detectable"] is None


@pytest.mark.parametrize("right", [[1.0] * 3, [1.0] * 18 + [0.0] * 2])
def test_as_many_items_as_a_low_end_needs_show_it(right: list[float]) -> None:
    gates = {"tasks": {"sums": {"min_low": 0.8}}}
    found = outcome(made.results(right), gates)
    whole = made.results([1.0] * round(found["needed"] * sum(right) / len(right)) + [0.0] * right.count(0.0))
    assert found["state"] == "failed" and outcome(whole, gates)["state"] == "passed"


def test_a_low_end_above_the_score_itself_needs_another_score() -> None:
    found = outcome(made.results([1.0] * 7 + [0.0] * 3), {"tasks": {"sums": {"min_low": 0.8}}})
    assert found["state"] == "failed" and found["needed"] is None


def test_a_gate_without_a_baseline_fails() -> None:
    assert "--baseline" in outcome(made.results(GOOD), {"max_regression": 0.1})["says"]


def test_a_baseline_that_is_no_better_where_less_is_better() -> None:
    base, own = (made.results(r, metrics=["refusal"]) for r in (GOOD, WORSE))
    assert outcome(own, {"max_regression": 0.02}, baseline=base)["state"] == "passed"
    assert outcome(base, {"max_regression": 0.02}, baseline=own)["state"] == "failed"


def test_clean_items_have_a_gate_of_their_own() -> None:
    right = [1.0] * 100 + [0.0] * 100
    table = made.contaminated(range(100), 200)
    gates = {"tasks": {"sums": [{"min": 0.5}, {"min": 0.5, "on": "clean"}]}}
    facts = report.report(made.results(right), Beside(table, gates=read_gates(gates, "gates")))
    assert [g["state"] for g in facts["gates"]] == ["passed", "failed"]


def test_too_few_clean_items_pass_no_gate() -> None:
    table = made.contaminated(range(980), 1000)
    found = outcome(made.results(GOOD), {"tasks": {"sums": {"min": 0.0, "on": "clean"}}}, contamination=table)
    assert found["state"] == "failed" and "too few clean items: 20" in found["says"]


@pytest.mark.parametrize("table, state", [(None, "failed"), (range(10), "passed"), (range(200), "failed")])
def test_contamination_has_a_limit_and_not_knowing_is_no_pass(table: Any, state: str) -> None:
    known = None if table is None else made.contaminated(table, 1000)
    assert outcome(made.results(GOOD), {"max_contaminated": 0.05}, contamination=known)["state"] == state


@pytest.mark.parametrize("gate, state", [("snapshot", "passed"), ("dataset", "failed")])
def test_the_ids_must_be_those(gate: str, state: str) -> None:
    assert outcome(made.results(GOOD), {gate: made.SNAPSHOT})["state"] == state


def test_a_part_of_the_items_passes_no_gate() -> None:
    facts = report.report(made.results(GOOD, limit=1000), Beside(gates=read_gates({"max_failed": 0}, "gates")))
    assert facts["passed"] is False and "--limit" in facts["gates"][0]["says"]


def test_items_that_are_not_there_pass_no_gate() -> None:
    facts = report.report(made.results(GOOD, wanted=1003), Beside(gates=read_gates({"max_failed": 1}, "gates")))
    assert facts["passed"] is False and "3 of 1,003 items" in facts["gates"][0]["says"]


def test_a_file_takes_no_frozen_gate_back() -> None:
    own = made.results(GOOD, gates={"max_failed": 0, "tasks": {"*": {"min": 0.95}}})
    facts = report.report(own, Beside(gates=read_gates({"tasks": {"sums": {"min": 0.1}}}, "gates")))
    assert sorted(g["state"] for g in facts["gates"]) == ["failed", "passed", "passed"]


@pytest.mark.parametrize(
    "gates, said",
    [
        ({"minn": 1}, "no key 'minn'"),
        ({"max_invalid": 2}, "a share of the items, 0 to 1"),
        ({"max_invalid": "2%"}, "a number was wanted"),
        ({"max_regression": 0}, "no sample can show"),
        ({"tasks": {"sums": {"on": "clean"}}}, "it asks for nothing"),
        ({"tasks": {"sums": {"min": True}}}, "a number was wanted"),
        ({"tasks": {"sum": {"min": 1}}}, "no task 'sum'; did you mean 'sums'"),
        ({"tasks": {"sums": {"min": 1, "metric": "exact"}}}, "no metric 'exact'"),
        ({"snapshot": "docs@1"}, "sha256"),
        ({"confidence": 95}, "between 0.5 and 1"),
        (["min"], "a mapping of gates"),
    ],
)
def test_a_gate_that_means_nothing_is_refused(gates: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        outcome(made.results(GOOD), gates)


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "no gate in it"),
        ("min: [", "not YAML"),
        ("max_failed: 0\nmax_failed: 1\n", "given twice"),
        ("tasks: {}\n", "no gate"),
    ],
)
def test_a_file_of_gates_has_gates(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "gates.yaml").write_text(text)
    with pytest.raises(UsageError, match=said):
        load_gates(tmp_path / "gates.yaml")


def test_junit_has_a_case_for_every_gate_and_says_why() -> None:
    facts = report.report(
        made.results(WORSE), Beside(gates=read_gates({"max_failed": 0, "tasks": {"sums": {"min": 0.9}}}, "g"))
    )
    root = ET.fromstring(junit(facts))
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("3", "1", "0")
    failure = root.find(".//failure")
    assert failure is not None and "0.850, and at least 0.9 is wanted" in (failure.get("message") or "")
