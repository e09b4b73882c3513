"""What a report says, and that it says the same wherever it is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import evaluated as made
import naive_evaluate as naive
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.errors import GateError, InputError, UsageError
from tamis.evaluate import contamination, report
from tamis.evaluate.report import Beside
from tamis.evaluate.results import read_results
from tamis.evaluate.scored import scored

HALF = [k % 2 for k in range(80)]


def number(facts: dict[str, Any], metric: str = "exact_match") -> dict[str, Any]:
    return next(n for n in facts["tasks"][0]["numbers"] if n["metric"] == metric)


def test_the_order_of_the_rows_and_the_folder_change_no_byte(tmp_path: Path) -> None:
    for name, backwards in (("a", False), ("b/c", True)):
        report.write(tmp_path / name, made.results([*HALF, None], backwards=backwards))
    for file in ("report.json", "samples.parquet", "scores.parquet", "report.md", "junit.xml"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b/c" / file).read_bytes()


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    facts = report.write(tmp_path / "a", made.results(HALF))
    again = report.write(tmp_path / "b", read_results(tmp_path / "a"))
    assert again == facts == json.loads((tmp_path / "b/report.json").read_text())


def test_answers_changed_after_the_report_are_refused(tmp_path: Path) -> None:
    report.write(tmp_path / "a", made.results(HALF))
    report.write(tmp_path / "b", made.results([1] * 80))
    (tmp_path / "a/scores.parquet").write_bytes((tmp_path / "b/scores.parquet").read_bytes())
    with pytest.raises(GateError, match="its sha256 differs"):
        read_results(tmp_path / "a")


@pytest.mark.parametrize("text", ["", "[1]", '{"tamis_report": "1"}', '{"tamis_report": 1, "files": []}', "{" * 9000])
def test_what_is_no_report_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(InputError, match="is no report"):
        read_results(tmp_path)


def overall(*tasks: list[float]) -> dict[str, Any]:
    """The mean of the tasks, each of them with these scores."""
    samples, scores, told = [], [], []
    for t, right in enumerate(tasks):
        name = f"t{t}"
        samples += [made.sample(name, f"q{k}") for k in range(len(right))]
        scores += [
            {"task": name, "item_id": f"q{k}", "repeat": 0, "metric": "f1", "value": v} for k, v in enumerate(right)
        ]
        told.append({"name": name, "type": "generation", "items": len(right), "metrics": ["f1"], "primary": "f1"})
    facts = report.report(made.build(told, samples, scores))
    return facts["overall"] | {"own": [task["numbers"][0] for task in facts["tasks"]]}


def test_a_mean_of_tasks_at_both_ends_is_not_certain() -> None:
    found = overall([1.0] * 3, [0.0] * 3)
    low, high = found["own"][0]["low"], found["own"][1]["high"]
    assert found["value"] == 0.5 and (low, high) == pytest.approx((0.139, 0.861), abs=5e-4)
    assert found["low"] == pytest.approx(0.5 - (1 - low) / 2) and found["high"] == pytest.approx(0.5 + high / 2)


@given(st.lists(st.lists(st.sampled_from([0.0, 0.1, 1.0]), min_size=2, max_size=12), min_size=2, max_size=5))
@settings(deadline=None, max_examples=20)
def test_a_mean_of_tasks_has_an_interval_within_those_of_its_tasks(tasks: list[list[float]]) -> None:
    found = overall(*tasks)
    low, high = (sum(own[end] for own in found["own"]) / len(tasks) for end in ("low", "high"))
    assert low - 1e-8 <= found["low"] < found["high"] <= high + 1e-8
    assert found["low"] <= found["value"] <= found["high"]


def test_scores_that_are_all_alike_but_for_rounding_are_not_certain() -> None:
    found = number(report.report(made.results([0.1] * 3, metrics=["f1"])), "f1")
    assert found["error"] == 0 and found["high"] - found["low"] > 0.5


def test_what_never_came_counts_as_wrong() -> None:
    facts = report.report(made.results([1.0] * 9 + [None]))
    assert number(facts)["value"] == 0.9
    assert facts["tasks"][0]["counts"]["missing"] == 1 and "never came" in facts["warnings"][0]


def test_less_is_better_has_no_number_where_an_answer_is_missing() -> None:
    facts = report.report(made.results([1.0] * 9 + [None], metrics=["refusal"]))
    assert number(facts, "refusal")["value"] is None and "1 of 10 items" in number(facts, "refusal")["note"]


def test_nan_is_no_number() -> None:
    facts = report.report(made.results([1.0, float("nan")]))
    assert number(facts)["value"] is None


def test_repeats_of_an_item_are_one_item() -> None:
    samples = [made.sample("t", "a") | {"repeat": k} for k in range(3)] + [made.sample("t", "b")]
    values = [("a", 0, 1.0), ("a", 1, 0.0), ("a", 2, 0.0), ("b", 0, 1.0)]
    scores = [{"task": "t", "item_id": i, "repeat": r, "metric": "f1", "value": v} for i, r, v in values]
    task = {"name": "t", "type": "generation", "items": 2, "metrics": ["f1"], "primary": "f1"}
    assert scored(made.build([task], samples, scores), "t", "f1").values.tolist() == pytest.approx([1 / 3, 1.0])


def test_two_answers_to_one_item_are_refused() -> None:
    task = {"name": "t", "type": "generation", "items": 1, "metrics": ["f1"], "primary": "f1"}
    with pytest.raises(InputError, match="'a' of task 't' has two samples"):
        made.build([task], [made.sample("t", "a")] * 2, [])


def test_items_of_a_cluster_widen_the_interval() -> None:
    alike = [float(k // 10 % 2) for k in range(200)]
    alone, together = (
        number(report.report(made.results(alike, clusters=c))) for c in (None, [f"c{k // 10}" for k in range(200)])
    )
    assert together["items"] == 20 and alone["items"] == 200
    assert together["high"] - together["low"] > 2.5 * (alone["high"] - alone["low"])


def test_an_item_alone_is_no_cluster_of_its_name() -> None:
    own = scored(made.results([1, 0, 1], clusters=["q00001", None, None]), "sums", "exact_match")
    assert len(set(own.clusters.tolist())) == 3


def test_a_perplexity_is_of_sums_with_an_interval_around_it() -> None:
    samples = [
        made.sample("t", f"q{k}") | {"loglikelihoods": [-10.0 - k], "prompt": "four words of text"} for k in range(5)
    ]
    scores = [
        {"task": "t", "item_id": s["item_id"], "repeat": 0, "metric": "word_perplexity", "value": 9.9} for s in samples
    ]
    task = {"name": "t", "type": "perplexity", "items": 5, "metrics": ["word_perplexity"], "primary": "word_perplexity"}
    found = number(report.report(made.build([task], samples, scores)), "word_perplexity")
    assert found["value"] == float(f"{np.exp(60 / 20):.6g}") and found["low"] < found["value"] < found["high"]


def test_clean_dirty_and_gain(tmp_path: Path) -> None:
    right = [1.0] * 60 + [0.0, 1.0] * 30
    facts = report.report(made.results(right), Beside(made.contaminated(range(60), 120)))
    found = facts["tasks"][0]["contamination"]
    assert (found["clean"]["value"], found["dirty"]["value"]) == (0.5, 1.0)
    assert found["gain"]["value"] == 0.25 and found["share"] == 0.5 and found["answers"] == 60
    assert [t["excluded"] for t in found["thresholds"]] == [60] * 4


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 40)), min_size=80, max_size=120))
@settings(deadline=None, max_examples=20)
def test_the_error_of_the_gain_is_what_moving_a_cluster_does(rows: list[tuple[bool, bool, int]]) -> None:
    right, clean, clusters = ([*column] for column in zip(*rows, strict=True))
    own = scored(made.results(right, clusters=[f"c{c}" for c in clusters]), "sums", "exact_match")
    keep = np.array(clean)
    found = contamination.gain(own, keep)
    if found.low is None or found.high is None:
        return
    from tamis.statistics.student import quantile

    half = quantile(0.95, found.items - 1) * naive.gain_error([float(r) for r in right], clean, clusters)
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=1e-5)


def test_too_few_clean_items_is_a_result() -> None:
    facts = report.report(made.results(HALF), Beside(made.contaminated(range(51), 80)))
    found = facts["tasks"][0]["contamination"]
    assert found["clean"]["value"] is None and found["clean"]["note"] == "too few clean items: 29, and a score wants 30"
    assert not found["enough"] and "too few clean items are left" in facts["warnings"][0]


def test_items_that_nobody_looked_for_are_not_clean() -> None:
    table = made.contaminated([0], 40)
    found = report.report(made.results(HALF), Beside(table))["tasks"][0]["contamination"]
    assert found["items"] == {"clean": 39, "dirty": 1, "too_short": 0, "unknown": 40}


def test_another_name_of_the_set_is_found_by_its_items() -> None:
    table = made.contaminated([0], 80, eval="gsm8k_test")
    assert report.report(made.results(HALF), Beside(table))["tasks"][0]["contamination"]["eval"] == "gsm8k_test"


@pytest.mark.parametrize(
    "table, said",
    [
        ({"eval": ["a"], "id": ["b"]}, "no column 'status'"),
        ({"eval": ["a"], "id": ["b"], "status": ["filthy"]}, "status is 'filthy'"),
        ({"eval": ["a"], "id": ["b"], "status": [None]}, "status is None"),
        ({"eval": ["a"], "id": ["b"], "status": ["clean"], "run": ["much"]}, "column 'run' is of String"),
        ({"eval": ["a"], "id": ["b"], "status": ["clean"], "answer": ["yes"]}, "column 'answer' is of String"),
        ({"eval": ["a"] * 2, "id": ["b"] * 2, "status": ["clean"] * 2}, "names item 'b' of 'a' twice"),
    ],
)
def test_a_table_of_something_else_is_refused(table: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        report.report(made.results(HALF), Beside(pa.table(table)))


def test_two_snapshots_are_not_compared() -> None:
    with pytest.raises(InputError, match="different evaluation snapshots"):
        report.report(made.results(HALF), Beside(baseline=made.results(HALF, snapshot="sha256:" + "0" * 64)))


def test_a_part_is_not_held_against_a_whole() -> None:
    with pytest.raises(UsageError, match="--limit"):
        report.report(made.results(HALF, limit=80), Beside(baseline=made.results(HALF)))


def test_a_better_model_is_better_and_p_is_adjusted() -> None:
    facts = report.report(made.results([1.0] * 80, name="b"), Beside(baseline=made.results(HALF, name="a")))
    found = facts["tasks"][0]["baseline"]
    assert found["difference"]["value"] == 0.5 and found["difference"]["low"] > 0.3
    assert (found["won"], found["lost"], found["same"]) == (40, 0, 40) and found["p_holm"] == found["p"] < 1e-9


@pytest.mark.parametrize("metric, won", [("exact_match", 40), ("refusal", 0)])
def test_won_is_what_is_better(metric: str, won: int) -> None:
    own = made.results([1.0] * 80, metrics=[metric])
    facts = report.report(own, Beside(baseline=made.results(HALF, metrics=[metric])))
    assert facts["tasks"][0]["baseline"]["won"] == won


def test_names_make_no_table_and_no_tag(tmp_path: Path) -> None:
    report.write(tmp_path, made.results(HALF, name="a|b <img src=x> \x1b[31m"))
    said = (tmp_path / "report.md").read_text()
    assert "a\\|b \\<img src=x\\>" in said and "\x1b" not in said + (tmp_path / "junit.xml").read_text()


@pytest.mark.parametrize("metric", ["bleu", "chrf"])
def test_a_number_that_is_no_mean_has_a_p_value_too(metric: str) -> None:
    pytest.importorskip("sacrebleu", reason="the extra eval is not installed")
    words = [f"the number of item {k} is {k * 37 % 101}" for k in range(24)]

    def said(spoiled: int) -> Any:
        rows = [
            made.sample("sums", f"q{k:05}") | {"target": w, "extracted": w if k % spoiled else "no such thing at all"}
            for k, w in enumerate(words)
        ]
        scores = [{"task": "sums", "item_id": r["item_id"], "repeat": 0, "metric": metric, "value": 1.0} for r in rows]
        task = {"name": "sums", "type": "generation", "items": 24, "metrics": [metric], "primary": metric}
        return made.build([task], rows, scores)

    better = report.report(said(12), Beside(baseline=said(2)))["tasks"][0]["baseline"]
    assert better["difference"]["value"] > 0 and better["p_holm"] == better["p"] < 0.01
    assert report.report(said(2), Beside(baseline=said(2)))["tasks"][0]["baseline"]["p"] == 1.0
