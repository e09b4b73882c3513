"""A blind sample of a run, and what labels say of its rules."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import recipe, sentences, write_lines
from naive_wilson import naive_wilson

import tamis as library
from tamis.errors import InputError, OutputError, UsageError
from tamis.recipes.audited import sample
from tamis.runs import Run
from tamis.runs.audit import Sample, judge, open_key, read_labels, wilson

Command = Callable[..., tuple[int, str]]
GOPHER = {"quality.gopher@1": {"min_words": 20, "min_stop_words": 1}}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """500 records in two files: edited, dropped by gopher, some as duplicates; a bad line among them."""
    folder = tmp_path_factory.mktemp("audit")
    rows: list[Any] = sentences(500)
    (folder / "in").mkdir()
    write_lines(folder / "in/a.jsonl", [*rows[:100], b"{", *rows[100:250]])
    write_lines(folder / "in/b.jsonl", rows[250:])
    return library.run(recipe("own:Shout", GOPHER, "exact@1"), folder / "in", folder / "run", engine="inline")


@pytest.fixture
def drawn(run: Run, tmp_path: Path) -> Sample:
    """A sample of it, of at most 20 records a rule."""
    return sample(run, tmp_path / "sample.jsonl", per_rule=20)


def lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def fates(drawn: Sample) -> dict[str, str]:
    """dropped or kept, by task."""
    return {task: drawn.key.strata[k].fate for task, k in drawn.key.tasks.items()}


def labelled(drawn: Sample, wrong: set[str] = frozenset(), rater: str = "ana") -> Path:  # type: ignore[assignment]
    """Labels that agree with the run but for the tasks in `wrong`."""
    says = {("dropped", False): "drop", ("dropped", True): "keep", ("kept", False): "keep", ("kept", True): "drop"}
    rows = [{"task": t, "label": says[fate, t in wrong], "rater": rater} for t, fate in fates(drawn).items()]
    return write_lines(drawn.path.with_name(f"labels-{rater}.jsonl"), rows)


def test_raters_see_a_task_and_a_text_alone(drawn: Sample) -> None:
    assert {tuple(row) for row in lines(drawn.path)} == {("task", "text")}
    assert len(lines(drawn.path)) == drawn.tasks


def test_the_order_tells_nothing(drawn: Sample) -> None:
    found = fates(drawn)
    half = [found[row["task"]] for row in lines(drawn.path)][: drawn.tasks // 2]
    assert 0.2 < half.count("kept") / len(half) < 0.8


def test_a_sample_is_drawn_the_same_again(run: Run, drawn: Sample, tmp_path: Path) -> None:
    again = sample(run, tmp_path / "again.jsonl", per_rule=20)
    other = sample(run, tmp_path / "other.jsonl", per_rule=20, seed=1)
    assert again.path.read_bytes() == drawn.path.read_bytes() != other.path.read_bytes()


def test_a_text_is_the_one_that_the_rule_saw(run: Run, drawn: Sample) -> None:
    texts = {row["task"]: row["text"] for row in lines(drawn.path)}
    dropped = [texts[task] for task, fate in fates(drawn).items() if fate == "dropped"]
    assert "SIEVE" in " ".join(dropped) and "sieve" not in " ".join(dropped)
    kept = set(run.data(["text"]).column("text").to_pylist())
    assert {texts[task] for task, fate in fates(drawn).items() if fate == "kept"} <= kept


def test_every_task_is_of_the_rule_that_the_ledger_names(run: Run, drawn: Sample) -> None:
    verdicts = run.verdicts(["record_id", "rule", "action"]).to_pylist()
    by = {v["record_id"].hex(): v["rule"] for v in verdicts if v["action"] == "drop"}
    strata = drawn.key.strata
    assert all(by.get(drawn.key.record(task), "") == strata[k].rule for task, k in drawn.key.tasks.items())


def test_a_record_that_lost_to_another_is_left_out(run: Run, drawn: Sample, tmp_path: Path) -> None:
    assert [s.rule for s in drawn.left_out] == ["duplicate"]
    named = sample(run, tmp_path / "named.jsonl", rules=["duplicate"], per_rule=5)
    assert [s.rule for s in named.key.strata] == ["duplicate", ""]


def test_a_false_drop_is_counted_against_its_rule(run: Run, drawn: Sample) -> None:
    wrong = [task for task, fate in fates(drawn).items() if fate == "dropped"][:3]
    audit = judge(drawn.key, read_labels([labelled(drawn, set(wrong))], drawn.key.tasks))
    assert sum(rate.wrong for rate in audit.rules) == 3
    assert (audit.kept.wrong, audit.kept.rate) == (0, 0)


def test_the_majority_of_raters_decides(run: Run, drawn: Sample) -> None:
    task = next(task for task, fate in fates(drawn).items() if fate == "dropped")
    paths = [labelled(drawn, {task}, "ana"), labelled(drawn, set(), "bo"), labelled(drawn, set(), "cy")]
    audit = judge(drawn.key, read_labels(paths, drawn.key.tasks))
    assert audit.disputed == (task,) and not any(rate.wrong for rate in audit.rules)
    split = judge(drawn.key, read_labels(paths[:2], drawn.key.tasks))
    assert split.undecided == 1 and split.agreement["raw"] == pytest.approx(1 - 1 / drawn.tasks)


@pytest.mark.parametrize("bound, passed", [("upper", False), ("rate", True), ("lower", True)])
def test_a_limit_holds_for_the_bound_that_is_named(drawn: Sample, bound: Any, passed: bool) -> None:
    labels = read_labels([labelled(drawn)], drawn.key.tasks)
    assert judge(drawn.key, labels, max_false_drop=0.0001, bound=bound).passed is passed
    assert judge(drawn.key, labels, max_false_drop=0.5, bound=bound).passed


def test_a_rule_that_nobody_looked_at_passes_no_limit(drawn: Sample) -> None:
    empty = read_labels([write_lines(drawn.path.with_name("none.jsonl"), [])], drawn.key.tasks)
    audit = judge(drawn.key, empty, max_false_drop=1.0, bound="lower")
    assert not audit.passed and audit.missing == drawn.tasks


@pytest.mark.parametrize(
    "line, says",
    [
        ({"task": "999999", "label": "keep"}, "has no task '999999'"),
        ({"task": "TASK", "label": "maybe"}, "is 'maybe'; it can be keep or drop"),
        ({"label": "keep"}, "there is no task"),
        (b"{oops", "this is no JSON"),
        (b"[" * 9000, "this is no JSON"),
        ({"task": "TASK", "label": "drop", "rater": "ana"}, "and said keep in"),
    ],
)
def test_a_label_that_cannot_be_is_told_with_its_line(drawn: Sample, line: Any, says: str) -> None:
    task = next(iter(drawn.key.tasks))
    line = json.loads(json.dumps(line).replace("TASK", task)) if isinstance(line, dict) else line
    path = write_lines(drawn.path.with_name("bad.jsonl"), [{"task": task, "label": "keep", "rater": "ana"}, line])
    with pytest.raises(InputError, match=r"bad\.jsonl:2: ") as wrong:
        read_labels([path], drawn.key.tasks)
    assert says in str(wrong.value)


def test_a_key_that_was_changed_is_refused(run: Run, drawn: Sample) -> None:
    facts = json.loads(drawn.key.path.read_bytes())
    facts["tasks"][next(iter(facts["tasks"]))]["stratum"] = 1
    drawn.key.path.write_text(json.dumps(facts))
    with pytest.raises(InputError, match="changed since it was sealed"):
        open_key(drawn.key.path, run)


def test_a_sample_is_never_written_over(run: Run, drawn: Sample) -> None:
    with pytest.raises(OutputError, match="half labelled"):
        sample(run, drawn.path)
    with pytest.raises(OutputError, match="lies in the run"):
        sample(run, run.path / "sample.jsonl")


def test_a_rule_that_is_not_there_is_named_with_those_that_are(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'min_wrods' dropped a record.*min_words"):
        sample(run, tmp_path / "sample.jsonl", rules=["min_wrods"])


def test_private_data_can_be_masked(tmp_path: Path) -> None:
    rows = [{"id": f"r{k}", "text": f"write to ana{k}@example.com " * (1 + 9 * (k % 2))} for k in range(8)]
    path = write_lines(tmp_path / "in.jsonl", rows)
    run = library.run(recipe({"quality.gopher@1": {"min_words": 20, "min_stop_words": 0}}), path, tmp_path / "run")
    drawn = sample(run, tmp_path / "sample.jsonl", scrub=True)
    texts = [row["text"] for row in lines(drawn.path)]
    assert texts and all("<EMAIL_ADDRESS>" in text and "@" not in text for text in texts)


def test_the_command_is_a_gate(tamis: Command, run: Run, drawn: Sample) -> None:
    wrong = {task for task, fate in fates(drawn).items() if fate == "dropped"}
    assert tamis("audit", run.path, "--labels", labelled(drawn), "--max-false-drop", 0.5)[0] == 0
    code, out = tamis("audit", run.path, "--labels", labelled(drawn, wrong), "--max-false-drop", 0.5)
    assert code == 1 and "past it: quality.gopher@1 min_stop_words, quality.gopher@1 min_words" in out


# Newcombe, Statistics in Medicine 17 (1998), 857-872, table I, method 3; to four digits.
@pytest.mark.parametrize(
    "hits, seen, low, high",
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_the_published_one(hits: int, seen: int, low: float, high: float) -> None:
    assert wilson(hits, seen) == pytest.approx((low, high), abs=5e-5)


@given(st.data())
def test_the_interval_is_the_one_of_its_definition(data: st.DataObject) -> None:
    seen = data.draw(st.integers(1, 400))
    hits = data.draw(st.integers(0, seen))
    population = data.draw(st.none() | st.integers(seen, 10_000))
    assert wilson(hits, seen, population) == pytest.approx(naive_wilson(hits, seen, population), abs=1e-9)


def test_what_was_looked_at_whole_is_known() -> None:
    assert wilson(1, 3, 3) == pytest.approx((1 / 3, 1 / 3))
    assert wilson(0, 0) == (0, 1)
