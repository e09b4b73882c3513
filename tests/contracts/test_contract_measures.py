"""What tamis measures of data for language models: lengths, agreement, rubrics, and what stages decide."""

from __future__ import annotations

import json

import naive_agreement
import numpy as np
import polars as pl
import pytest
from contract_text import action, written
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.contracts import broken, check, row_rules
from tamis.contracts.agreement import agreement

ENGLISH = "The quick brown fox jumps over the lazy dog and runs away from the hunter, who is not amused by it at all."
GERMAN = "Ich bin ein Berliner und schreibe deutsch, weil ich es kann und weil es mir sehr viel Freude macht."


def measure(name, arguments=None, **promised):
    implementation = {"measure": name, **({"arguments": arguments} if arguments else {}), **promised}
    return {"id": "m", "type": "custom", "engine": "tamis", "implementation": implementation}


def outcome(folder, frame, rule, column="text", flow=None, **prop):
    names = [{"name": n} for n in (frame.columns if hasattr(frame, "columns") else ["id", "text"]) if n != column]
    contract = written(folder, [*names, {"name": column, "quality": [rule], **prop}])
    return next(o for o in check(frame, contract, flow=flow).outcomes if o.id == f"{column}.m")


TEXTS = pl.DataFrame(
    {
        "id": ["a", "b", "c", "d"],
        "text": [
            ENGLISH,
            ENGLISH.upper(),
            GERMAN,
            "Please write to joe.miller@example.org, he is the one who knows about it all.",
        ],
    }
)


@pytest.mark.parametrize(
    ("rule", "value", "ids"),
    [
        (measure("pii", mustBe=0), 1, ["d"]),
        (measure("pii", {"entities": ["CREDIT_CARD"]}, mustBeGreaterThan=0), 0, []),
        (measure("duplicates", mustBeLessThan=20, unit="percent"), 25.0, ["b"]),
        (measure("near", {"threshold": 0.8}, mustBe=0), 1, ["b"]),
        (measure("language", {"languages": ["en"]}, mustBeGreaterThan=90), 75.0, ["c"]),
        (measure("stage", {"stage": "quality.gopher@1", "params": {"min_words": 15}}, mustBe=0), 1, ["c"]),
    ],
)
def test_what_a_stage_decides_is_counted_and_named(tmp_path, rule, value, ids):
    found = outcome(tmp_path, TEXTS, rule)
    assert (found.value, [e.id for e in found.examples]) == (value, ids)
    assert found.status == "broken"


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_rows_of_several_files_are_named_by_their_file(tmp_path, suffix):
    for k, part in enumerate((TEXTS[:2], TEXTS[2:])):
        part.write_parquet(tmp_path / f"{k}.parquet") if suffix == "parquet" else part.write_ndjson(
            tmp_path / f"{k}.jsonl"
        )
    found = outcome(tmp_path, str(tmp_path / f"*.{suffix}"), measure("pii", mustBe=0))
    assert [(e.file, e.row) for e in found.examples] == [(f"1.{suffix}", 2)]


def test_contamination_is_looked_for_in_the_files_beside_the_contract(tmp_path):
    item = "Natalia sold clips to forty eight of her friends in April and then she sold half as many clips in May"
    (tmp_path / "eval.jsonl").write_text(json.dumps({"id": "q1", "question": item, "answer": "72"}) + "\n")
    frame = pl.DataFrame({"id": ["x", "y"], "text": [f"They said: {item}. How many?", GERMAN]})
    found = outcome(tmp_path, frame, measure("contamination", {"against": ["eval.jsonl"]}, mustBe=0))
    assert [e.id for e in found.examples] == ["x"]


def test_a_stage_that_cannot_be_carried_out_is_no_pass(tmp_path):
    found = outcome(tmp_path, TEXTS, measure("stage", {"stage": "gopher"}, mustBe=0))
    assert found.status == "unchecked" and found.stops and "no stage is called 'gopher'" in found.message


def test_a_licence_policy_is_of_the_table(tmp_path):
    frame = pl.DataFrame(
        {"id": ["a", "b", "c"], "text": ["x y", "y z", "z x"], "license": ["MIT", "CC-BY-NC-4.0", None]}
    )
    rule = measure("license", {"deny": ["*-NC-*"]}, mustBe=0)
    (found,) = [o for o in check(frame, written(tmp_path, [{"name": "id"}], quality=[rule])).outcomes if o.id == "m"]
    assert [e.id for e in found.examples] == ["b", "c"]


LENGTHS = st.lists(st.text("ab é\n", max_size=12) | st.none(), min_size=1, max_size=20)


@settings(deadline=None, max_examples=25)
@given(LENGTHS, st.sampled_from(["mean", "median", "min", "max", "p90"]), st.sampled_from(["characters", "words"]))
def test_lengths_are_those_of_plain_python(tmp_path_factory, texts, statistic, of):
    folder = tmp_path_factory.mktemp("length")
    rule = measure("length", {"of": of, "statistic": statistic}, mustBeGreaterOrEqualTo=0)
    found = outcome(folder, pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)}), rule)
    lengths = sorted(len(t) if of == "characters" else len(t.split()) for t in texts if t is not None)
    if not lengths:
        assert "there is no text" in found.message
        return
    share = {"min": 0.0, "median": 0.5, "max": 1.0, "p90": 0.9}
    at = max(int(np.ceil(share.get(statistic, 0) * len(lengths) - 1e-9)) - 1, 0)
    assert found.value == pytest.approx(sum(lengths) / len(lengths) if statistic == "mean" else lengths[at])


def test_drift_is_percent_from_the_baseline(tmp_path):
    rule = measure("length", {"baseline": 4}, mustBeLessThan=25)
    found = outcome(tmp_path, pl.DataFrame({"text": ["abcde"]}), rule)
    assert (found.value, found.status) == (25.0, "broken")


LABELS = st.lists(st.lists(st.sampled_from("abc"), max_size=4), min_size=1, max_size=8)


@settings(deadline=None, max_examples=60)
@given(LABELS)
def test_agreement_is_that_of_the_definition(items):
    rows = [(str(i), str(r), label) for i, labels in enumerate(items) for r, label in enumerate(labels)]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(("item", "rater", "label"), pl.String), orient="row")
    several = [labels for labels in items if len(labels) > 1]
    if not several:
        assert agreement(frame, "alpha").value is None
        return
    assert agreement(frame, "raw").value == pytest.approx(naive_agreement.raw(items))
    expected = naive_agreement.alpha(items)
    assert agreement(frame, "alpha").value == (None if expected is None else pytest.approx(expected))


def test_minimum_agreement_is_a_promise(tmp_path):
    frame = pl.DataFrame({"item": [1, 1, 2, 2], "who": ["x", "y", "x", "y"], "label": ["a", "a", "a", "b"]})
    rule = measure("agreement", {"item": "item", "rater": "who"}, mustBeGreaterOrEqualTo=0.7)
    found = outcome(tmp_path, frame, rule, "label")
    assert found.status == "broken" and found.value == pytest.approx(0.0)
    twice = pl.concat([frame, frame[:1]])
    assert "had labelled before" in outcome(tmp_path, twice, rule, "label").message


SCORES = {"logicalType": "object", "properties": [{"name": n, "logicalType": "integer"} for n in ("a", "b")]}


def test_a_review_without_its_whole_rubric_is_set_aside(tmp_path):
    rule = measure("rubric", {"criteria": ["a", "b"], "low": 1, "high": 5}, mustBe=0) | {
        "customProperties": action("quarantine")
    }
    frame = pl.DataFrame({"s": [{"a": 1, "b": 5}, {"a": 1, "b": None}, {"a": 0, "b": 2}, None]})
    contract = written(tmp_path, [{"name": "s", "quality": [rule], **SCORES}])
    assert next(o for o in check(frame, contract).outcomes if o.id == "s.m").failed == 3
    (batch,) = frame.to_arrow().to_batches()
    rules = [r for r in row_rules(contract, batch.schema) if r.action == "quarantine"]
    assert broken(batch, rules).tolist() == [0, 1, 1, 1]


@pytest.mark.parametrize(("by", "value"), [("run", 40.0), ("source", 80.0)])
def test_attrition_is_of_the_run_or_its_worst_source(tmp_path, by, value):
    flow = {
        "rows": {"in": 10, "kept": 6},
        "sources": [{"source": "a", "in": 5, "kept": 5}, {"source": "b", "in": 5, "kept": 1}],
    }
    rule = measure("attrition", {"by": by}, mustBeLessThan=50)
    contract = written(tmp_path, [{"name": "id"}], quality=[rule])
    (found,) = [o for o in check(pl.DataFrame({"id": ["1"]}), contract, flow=flow).outcomes if o.id == "m"]
    assert found.value == value
    (alone,) = [o for o in check(pl.DataFrame({"id": ["1"]}), contract).outcomes if o.id == "m"]
    assert alone.status == "unchecked"


def test_a_text_rule_is_told_and_never_fails(tmp_path):
    rule = {"id": "polite", "type": "text", "description": "Every answer is polite."}
    result = check(TEXTS, written(tmp_path, [{"name": "text", "quality": [rule]}]))
    assert result.passed and [o.message for o in result.reviews] == ["text: Every answer is polite."]


def test_no_value_of_a_classified_column_is_told(tmp_path):
    prop = {
        "logicalType": "string",
        "classification": "restricted",
        "logicalTypeOptions": {"maxLength": 3, "pattern": "^x"},
    }
    result = check(TEXTS, written(tmp_path, [{"name": "text", "quality": [measure("pii", mustBe=0)], **prop}]))
    assert all(e.value is None for o in result.outcomes for e in o.examples)
    assert "joe" not in result.to_json() and "characters" not in result.to_json()


def test_maps_are_checked_entry_by_entry(tmp_path):
    entry = {
        "key": {"logicalType": "string", "logicalTypeOptions": {"maxLength": 1}},
        "value": {"logicalType": "integer"},
    }
    contract = written(tmp_path, [{"name": "m", "logicalType": "map", "map": entry}], api="v3.2.0")
    path = tmp_path / "t.jsonl"
    path.write_text('{"m": {"a": 1}}\n{"m": {"long": 1}}\n{"m": {"b": "x"}}\n{"m": 3}\n')
    found = {o.id: o.failed for o in check(path, contract).broken}
    assert found == {"m.type": 2, "m[].key.maxLength": 1}
