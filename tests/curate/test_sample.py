import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import digests, recipe
from naive_quality import words
from naive_sample import Record, left_out

import tamis
from tamis.curate.sample import Sample
from tamis.engine.desk import MemoryDesk
from tamis.errors import UsageError

RECORDS = st.lists(
    st.builds(
        Record,
        st.integers(0, 10**6).map(lambda n: hashlib.md5(b"%d" % n).digest()),
        st.sampled_from(["web", "code", "books", ""]),
        st.integers(0, 9),
    ),
    unique_by=lambda record: record.record_id,
    max_size=40,
)
BUDGETS = st.one_of(
    st.fixed_dictionaries({"size": st.integers(1, 50)}),
    st.fixed_dictionaries({"fraction": st.floats(0.01, 1)}),
    st.fixed_dictionaries({"tokens": st.integers(1, 150)}),
)
MIXES = st.one_of(
    st.fixed_dictionaries({"temperature": st.sampled_from([1.0, 2.0, 0.5, 100.0])}),
    st.fixed_dictionaries({"weights": st.sampled_from([{"web": 3, "": 1, "code": 0, "books": 0.5}])}),
)
MORE = st.fixed_dictionaries({}, optional={"cap": st.integers(1, 15), "seed": st.integers(-3, 3)})


def desk_of(stage: Sample, rows: list[Record], fragments: int = 1, share: int = 1 << 30) -> MemoryDesk:
    """A desk on which `rows` have been settled, in so many fragments, tasks taking `share` bytes each."""
    parts, ids = [], []
    for own in np.array_split(np.arange(len(rows)), fragments):
        record_id = pa.array([rows[k].record_id for k in own], pa.binary(16))
        columns = {
            "row": pa.array(range(len(own)), pa.uint32()),
            "record_id": record_id,
            "alive": pa.array([True] * len(own), pa.bool_()),
            "stratum": pa.array([rows[k].stratum for k in own], pa.string()),
            "cost": pa.array([1 if stage.tokens is None else rows[k].cost for k in own], pa.int64()),
        }
        parts.append(dict(stage.index(pa.table(columns))))
        ids.append(record_id)
    desk = MemoryDesk(stage, parts, ids, (), share=share)
    stage.settle(desk)
    return desk


def gone(desk: MemoryDesk) -> dict[int, tuple[str, float]]:
    """Rule and value of each record that goes, by its place."""
    tables = [desk.table("resolved", k) for k in range(desk.count("resolved"))]
    return {row["ordinal"]: (row["rule"], row["value"]) for row in pa.concat_tables(tables).to_pylist()}


def taken(rows: list[Record], **params: Any) -> set[bytes]:
    out = gone(desk_of(Sample(**params), rows))
    return {row.record_id for k, row in enumerate(rows) if k not in out}


def made(counts: dict[str, int], cost: int = 1) -> list[Record]:
    """So many records of each stratum."""
    return [
        Record(hashlib.md5(f"{name}{k}".encode()).digest(), name, cost) for name, n in counts.items() for k in range(n)
    ]


@settings(max_examples=200)
@given(RECORDS, BUDGETS, MIXES, MORE, st.integers(1, 4), st.sampled_from([1 << 30, 4096, 1024]))
def test_a_sample_is_the_naive_one_however_the_work_is_cut(
    rows: list[Record], budget: Any, mix: Any, more: Any, fragments: int, share: int
) -> None:
    params = budget | mix | more
    if "tokens" not in budget:
        rows = [row._replace(cost=1) for row in rows]
    weights = {name: w for name, w in mix.get("weights", {}).items() if name in {row.stratum for row in rows}}
    if "weights" in mix:
        params["weights"] = weights
        if not any(weights.values()):
            return
    got = gone(desk_of(Sample(**params), rows, fragments, share))
    wanted = left_out(rows, **params)
    assert {k: rule for k, (rule, _) in got.items()} == {k: rule for k, (rule, _) in wanted.items()}
    assert [got[k][1] for k in sorted(got)] == pytest.approx([wanted[k][1] for k in sorted(wanted)], rel=1e-6)


@settings(max_examples=50)
@given(RECORDS, BUDGETS, MORE, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(rows: list[Record], budget: Any, more: Any, rnd: Any) -> None:
    before = taken(rows, **budget, **more)
    rnd.shuffle(rows)
    assert taken(rows, **budget, **more) == before


@settings(max_examples=50)
@given(RECORDS, st.integers(1, 40), st.integers(1, 40))
def test_a_larger_sample_holds_the_smaller(rows: list[Record], size: int, more: int) -> None:
    assert taken(rows, size=size) <= taken(rows, size=size + more)


@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        ({"size": 70}, [50.05, 15.05, 4.9]),
        ({"fraction": 0.5}, [71.5, 21.5, 7]),
        ({"tokens": 140, "tokens_by": "n"}, [50.05, 15.05, 4.9]),
        ({"size": 60, "temperature": 1e9}, [23, 23, 14]),
        ({"size": 60, "temperature": 2.0}, [32.2, 17.7, 10.1]),
        ({"size": 70, "weights": {"a": 1, "b": 2, "c": 4}}, [18.7, 37.3, 14]),
        ({"size": 70, "weights": {"a": 0, "*": 1}}, [0, 43, 14]),
        ({"size": 60, "weights": {"a": 1e308, "b": 1e308, "c": 1e308}}, [23, 23, 14]),
        ({"cap": 20}, [20, 20, 14]),
        ({"size": 40, "cap": 30}, [16.2, 16.2, 7.6]),
        ({"size": 1000}, [143, 43, 14]),
    ],
)
def test_every_stratum_has_its_share_and_others_make_up_for_what_it_lacks(params: Any, wanted: list[float]) -> None:
    rows = made({"a": 143, "b": 43, "c": 14}, cost=2)
    kept = taken(rows, **params)
    got = [sum(r.record_id in kept and r.stratum == name for r in rows) for name in "abc"]
    assert all(abs(g - w) < 1.01 for g, w in zip(got, wanted, strict=True)), got
    assert sum(got) == round(sum(wanted))


def test_a_stratum_of_one_record_comes_in_as_often_as_its_share() -> None:
    rows = made({f"s{k}": 1 for k in range(20)} | {"many": 80})
    singles = sum(len(taken(rows, size=25, seed=seed) - {r.record_id for r in rows[20:]}) for seed in range(100))
    assert abs(singles - 100 * 5) < 60  # 3 standard deviations


@settings(max_examples=60)
@given(RECORDS, st.integers(1, 150), MIXES.filter(lambda mix: "weights" not in mix))
def test_a_budget_of_tokens_is_kept_and_used_up_but_for_the_next_record(
    rows: list[Record], tokens: int, mix: Any
) -> None:
    out = gone(desk_of(Sample(tokens=tokens, **mix), rows))
    spent = sum(row.cost for k, row in enumerate(rows) if k not in out)
    assert spent <= tokens
    next_up = [value for k, (_, value) in out.items() if rows[k].cost <= tokens]
    assert not next_up or min(next_up) > tokens


def test_what_there_was_what_was_wanted_and_what_was_taken_is_told() -> None:
    stage = Sample(size=60, weights={"a": 1, "b": 2})
    facts = stage.facts(desk_of(stage, made({"a": 100, "b": 10})))
    assert facts == {
        "in": "records",
        "wanted": 60,
        "taken": 60,
        "strata": {"a": {"there": 100, "wanted": 20, "taken": 50}, "b": {"there": 10, "wanted": 40, "taken": 10}},
        "strata_not_listed": 0,
    }


def test_tokens_are_words_or_what_a_column_says() -> None:
    texts = ["one two", "日本 three", ""]
    batch = pa.record_batch({"text": texts, "source": ["a", None, "b"], "n": pa.array([7, 8, 9], pa.uint8())})
    assert Sample(tokens=5).sketch(batch).column("cost").to_pylist() == [len(words(text)) for text in texts]
    assert Sample(tokens=5, tokens_by="n").sketch(batch).column("cost").to_pylist() == [7, 8, 9]
    assert Sample(size=5).sketch(batch).column("stratum").to_pylist() == ["a", "", "b"]
    assert Sample(size=5, by="n").sketch(batch).column("stratum").to_pylist() == ["7", "8", "9"]


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({}, "nothing says how much to take; give size, fraction, tokens or cap"),
        ({"size": 1, "tokens": 1}, "size and tokens are given; leave one"),
        ({"size": 0}, "size is 0; it must be 1 or more"),
        ({"tokens": -5}, "tokens is -5; it must be 1 or more"),
        ({"cap": -1}, "cap is -1; it must be 1 or more"),
        ({"fraction": 0.0}, "fraction is 0.0; it must be over 0 and at most 1"),
        ({"fraction": 1.5}, "fraction is 1.5"),
        ({"fraction": float("nan")}, "fraction is nan"),
        ({"size": 1, "temperature": 0.0}, "temperature is 0.0; it must be over 0"),
        ({"cap": 1, "temperature": 2.0}, "share out a budget; give size, fraction or tokens"),
        ({"size": 1, "temperature": 2.0, "weights": {"a": 1}}, "weights and temperature are given"),
        ({"size": 1, "by": None, "weights": {"a": 1}}, "by is null"),
        ({"size": 1, "weights": {"a": -1}}, "the weight of 'a' is -1; it must be a number, 0 or more"),
        ({"size": 1, "weights": {"a": "much"}}, "the weight of 'a' is 'much'"),
        ({"size": 1, "weights": {"a": 0}}, "nothing would be taken; raise one"),
        ({"size": 1, "weights": {}}, "nothing would be taken; raise one"),
        ({"size": 1, "tokens_by": "n"}, "there is no budget of tokens"),
    ],
)
def test_what_cannot_be_sampled_is_refused(params: Any, says: str) -> None:
    with pytest.raises(UsageError, match=f"^sample: .*{says}"):
        Sample(**params)


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ({"a": 1, "wbe": 1}, "weights name 'wbe', but the strata are 'a', 'b'"),
        ({"a": 1}, "weights do not name 'b'; give each a weight"),
    ],
)
def test_weights_that_do_not_fit_the_strata_are_refused(weights: dict[str, float], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        desk_of(Sample(size=1, weights=weights), made({"a": 1, "b": 1}))


@pytest.mark.parametrize("column", [["x"], [None], [-1], [1.5]])
def test_tokens_that_are_no_counts_are_refused(column: list[Any]) -> None:
    batch = pa.record_batch({"text": ["a"], "source": ["s"], "n": column})
    with pytest.raises(UsageError, match=r"^sample: tokens_by is 'n', which is (not a whole number|null or below 0)"):
        Sample(tokens=5, tokens_by="n").sketch(batch)


def test_a_run_says_of_every_record_why_it_was_not_taken(corpus: Path, tmp_path: Path) -> None:
    run = tamis.run(recipe("exact@1", {"sample@1": {"size": 100, "cap": 90}}), corpus, tmp_path / "run")
    step = run.steps[-1]
    assert step["rows"]["kept"] == 100 == step["facts"]["taken"] == run.data().num_rows
    told = [v for v in run.verdicts().to_pylist() if v["stage"] == "sample@1"]
    assert len(told) == step["rows"]["dropped"]
    assert all(not v["value"] <= v["threshold"] and v["comparator"] == "<=" for v in told)
    assert {(v["rule"], v["threshold"]) for v in told} == {("not_sampled", 100), ("over_cap", 90)}


def test_a_run_has_the_same_bytes_however_it_is_cut(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = recipe("exact@1", {"sample@1": {"tokens": 3000, "temperature": 2}}, {"sample@1": {"fraction": 0.5}})
    whole = tamis.run(walk, corpus, tmp_path / "whole", workers=1)
    monkeypatch.setattr("tamis.curate.sample.stage.ENTRY_BYTES", 1 << 20)  # a task has room for 32 records
    cut = tamis.run(walk, corpus, tmp_path / "cut", workers=3, partition_size=7000)
    assert digests(whole.path) == digests(cut.path)
    assert [step["facts"] for step in whole.steps[2:]] == [step["facts"] for step in cut.steps[2:]]
