"""Labels that came back: what counts, what does not and why, and what they say of raters and of models."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import write_lines
from reviewing import GOLD, MODELS, answered, exported, key_of, lines, prefers, saved

from tamis.contracts import check, load
from tamis.errors import InputError
from tamis.judge.reading import read_judgments, read_labels
from tamis.judge.review import Criterion, agreement, conflicts, judgments, raters, read_votes, settle
from tamis.judge.review.incoming import frame
from tamis.judge.review.key import Key
from tamis.judge.review.log import Log
from tamis.judge.review.vote import vote

Cli = Callable[..., tuple[int, str]]


@pytest.fixture
def key(tmp_path: Path) -> Key:
    return key_of(exported(tmp_path, gold=GOLD, repeats=0.2))


def read(tmp_path: Path, key: Key, *rows: Any, **how: Any) -> Any:
    return read_votes([write_lines(tmp_path / "labels.jsonl", rows)], key, **how)


def test_labels_become_judgments_of_models(tmp_path: Path, key: Key) -> None:
    best = MODELS[1]
    came = read(tmp_path, key, *lines(key, "ann", prefers(best)))
    rows = judgments(came.votes, key)
    assert len(rows) == len(key.asked) == 18
    for row in rows:
        pair = (row["model_a"], row["model_b"])
        assert row["verdict"] == ("tie" if best not in pair else "ab"[pair.index(best)])


def test_what_is_written_is_read_as_judgments_and_as_labels(tmp_path: Path, key: Key, tamis: Cli) -> None:
    rows = [*lines(key, "ann", prefers(MODELS[0])), *lines(key, "bob", prefers(MODELS[1]))]
    path = write_lines(tmp_path / "labels.jsonl", rows)
    for out in (tmp_path / "people.jsonl", tmp_path / "people.parquet"):
        assert tamis("review", "import", path, "--key", tmp_path / "review.key.json", "-o", out)[0] == 0
        assert read_judgments([out]).rows.height == 36 and not read_judgments([out]).problems
        assert set(read_labels([out]).rows["rater"]) == {"ann", "bob"}


BAD = [
    ({"task": "99"}, "not of this export"),
    ({"task": None}, "not of this export"),
    ({"export": "f" * 32}, "another export"),
    ({"rater": None}, "names who gave it"),
    ({"rater": "  "}, "can be seen"),
    ({"rater": "a\x07"}, "can be seen"),
    ({"label": "a"}, "one of first, second, tie"),
    ({"label": ["first"]}, "one of first, second, tie"),
    ({"note": 7}, "note is 7"),
    ({"revision": -1}, "counts from 0"),
]


@pytest.mark.parametrize(("wrong", "says"), BAD)
def test_a_line_that_does_not_count_is_named(wrong: dict[str, Any], says: str, tmp_path: Path, key: Key) -> None:
    good = {"task": next(iter(key.tasks)), "rater": "ann", "label": "first"}
    came = read(tmp_path, key, good, {**good, "rater": "bob", **wrong})
    assert [v.rater for v in came.votes] == ["ann"]
    assert len(came.problems) == 1 and came.problems[0].startswith("labels.jsonl:2: ") and says in came.problems[0]


VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.just(["1"])
    | st.just({"score": 1})
)


@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("task", "export", "rater", "label", "scores", "note", "revision"), VALUES)
    )
)
def test_no_line_breaks_the_reader(row: dict[str, Any]) -> None:
    from tamis.judge.review.form import form

    for kind in ("pair", "score"):
        try:
            vote({"task": "1", **row}, form(kind), {"1"}, "x")  # type: ignore[arg-type]
        except ValueError:
            continue


def test_the_last_answer_of_a_rater_counts(tmp_path: Path, key: Key) -> None:
    one = {"task": next(iter(key.tasks)), "rater": "ann"}
    came = read(tmp_path, key, {**one, "label": "tie", "revision": 1}, {**one, "label": "first"})
    assert [v.label for v in came.votes] == ["tie"] and came.changed == 1


def test_two_people_of_one_name_are_noticed_and_can_be_told_apart(tmp_path: Path, key: Key) -> None:
    task = next(iter(key.tasks))
    files = [
        write_lines(tmp_path / name, [{"task": task, "rater": "ann", "label": label, "revision": revision}])
        for name, label, revision in (("one.jsonl", "first", 0), ("two.jsonl", "second", 1))
    ]
    came = read_votes(files, key)
    assert came.votes == [] and "two people?" in came.problems[0]
    came = read_votes(files, key, {"two.jsonl:ann": "ann 2"})
    assert came.raters == ["ann", "ann 2"] and not came.problems


def test_names_that_differ_by_case_alone_are_told(tmp_path: Path, key: Key) -> None:
    task = next(iter(key.tasks))
    came = read(tmp_path, key, *({"task": task, "rater": r, "label": "tie"} for r in ("Ann", "ann", " ann ")))
    assert (came.raters, came.repeated) == (["Ann", "ann"], 1) and "'Ann' and 'ann'" in came.problems[0]


def test_gold_and_repeats_tell_who_guesses(tmp_path: Path, key: Key) -> None:
    rows = [*lines(key, "careful", prefers(MODELS[1])), *lines(key, "first", lambda entry: "first")]
    people = {p.rater: p for p in raters(read(tmp_path, key, *rows), key)}
    assert people["careful"].gold.value == people["careful"].repeats.value == 1
    assert people["first"].gold.value == 0.5  # its sides are in balance
    assert people["first"].repeats.value == 0
    assert people["first"].first is not None and people["first"].first.value == 1


def test_raters_below_the_least_gold_are_left_out(tmp_path: Path, key: Key, tamis: Cli) -> None:
    rows = [*lines(key, "careful", prefers(MODELS[1])), *lines(key, "first", lambda entry: "first")]
    path, out = write_lines(tmp_path / "labels.jsonl", rows), tmp_path / "people.jsonl"
    told = tamis("review", "import", path, "--key", tmp_path / "review.key.json", "-o", out, "--min-gold", "0.8")
    assert told[0] == 0 and "first: 18 labels" in told[1] and "left out" in told[1]
    assert {row["judge"] for row in saved(out)} == {"careful"}


def test_an_export_of_label_studio_comes_back(tmp_path: Path, key: Key) -> None:
    tasks = json.loads((exported_others(tmp_path) / "labelstudio.json").read_text())
    for k, task in enumerate(tasks):
        result = [{"from_name": "label", "to_name": "prompt", "type": "choices", "value": {"choices": ["first"]}}]
        note = [{"from_name": "note", "to_name": "prompt", "type": "textarea", "value": {"text": ["so", "and so"]}}]
        task |= {"id": k, "annotations": [{"completed_by": {"id": 3, "email": "ann@x.org"}, "result": result + note}]}
        task["annotations"].append({"completed_by": 4, "result": [], "was_cancelled": True})
    full = tmp_path / "full.json"
    full.write_text(json.dumps(tasks))
    short = tmp_path / "min.json"
    short.write_text(json.dumps([{**t["data"], "annotator": 7, "annotation_id": 1, "label": "tie"} for t in tasks]))
    other = key_of_other(tmp_path)
    came = read_votes([full, short], other, {"7": "bob"})
    assert came.problems == [] and came.raters == ["ann@x.org", "bob"]
    assert len(came.votes) == 2 * len(other.tasks) and came.votes[0].note == "so\nand so"


def test_records_of_argilla_come_back(tmp_path: Path) -> None:
    records = json.loads((exported_others(tmp_path) / "argilla.records.json").read_text())
    for record in records:
        record["responses"] = {"label": [{"value": "tie", "user_id": "u1"}, {"value": "first", "user_id": "u2"}]}
    path = tmp_path / "argilla.json"
    path.write_text(json.dumps(records))
    came = read_votes([path], key_of_other(tmp_path), {"u1": "ann"})
    assert came.problems == [] and came.raters == ["ann", "u2"] and len(came.votes) == 2 * len(records)


def exported_others(tmp_path: Path) -> Path:
    (tmp_path / "other").mkdir()
    return exported(tmp_path / "other", answered(3), formats=("labelstudio", "argilla")).folder


def key_of_other(tmp_path: Path) -> Key:
    from tamis.judge.review import open_key

    return open_key(tmp_path / "other" / "review.key.json")


def test_labels_keep_the_contract_that_was_written_with_them(tmp_path: Path, key: Key) -> None:
    came = read(tmp_path, key, *lines(key, "ann", prefers(MODELS[1])))
    contract = load(tmp_path / "review/contract.odcs.yaml")
    assert check(frame(came.votes, key.form), contract).passed
    foreign = frame([v._replace(label="good") for v in came.votes], key.form)
    assert [o.id for o in check(foreign, contract).broken] == ["label.allowed"]


def test_a_broken_contract_lets_nothing_in(tmp_path: Path, key: Key, tamis: Cli) -> None:
    rows = [*lines(key, "ann", lambda e: "first"), *lines(key, "bob", lambda e: "second")]
    path, out = write_lines(tmp_path / "labels.jsonl", rows), tmp_path / "people.jsonl"
    contract = tmp_path / "review/contract.odcs.yaml"
    contract.write_text(contract.read_text().replace("          # ", "          "))
    told = tamis("review", "import", path, "--key", tmp_path / "review.key.json", "-o", out, "-c", contract)
    assert told[0] == 1 and "alpha" in told[1] and not out.exists()


def scored(tmp_path: Path) -> Key:
    criteria = (Criterion("correct"), Criterion("clear", 0, 2))
    gold = [{"prompt": "1 + 1?", "answer": "2", "scores": {"correct": 5}}]
    return key_of(exported(tmp_path, kind="score", criteria=criteria, gold=gold))


def test_scores_are_judgments_of_an_aspect_each(tmp_path: Path) -> None:
    key = scored(tmp_path)
    rows = lines(key, "ann", lambda e: {"correct": 5, "clear": 0})
    came = read(tmp_path, key, *rows, {**rows[0], "rater": "bob", "scores": {"correct": 6}})
    assert "correct is 6; its scale goes from 1 to 5" in came.problems[0]
    own = judgments(came.votes, key)
    assert len(own) == 2 * 18 and {(r["aspect"], r["score"]) for r in own} == {("correct", 5.0), ("clear", 0.0)}
    assert raters(came, key)[0].gold.value == 1
    assert check(frame(came.votes, key.form), load(tmp_path / "review/contract.odcs.yaml")).passed


def test_half_a_rubric_is_no_label_yet(tmp_path: Path) -> None:
    key = scored(tmp_path)
    came = read(tmp_path, key, *lines(key, "ann", lambda e: {"correct": 5}))
    assert (came.votes, came.unfinished, came.problems) == ([], 19, [])


def test_who_always_takes_the_first_does_not_pass_for_agreement(tmp_path: Path, key: Key) -> None:
    came = read(tmp_path, key, *(row for r in ("ann", "bob") for row in lines(key, r, lambda e: "first")))
    (found,) = agreement(came, key, draws=50)
    assert found.alpha.value is None and "all labels are the same" in found.alpha.note


def test_the_gate_lets_in_what_people_agree_on(tmp_path: Path, key: Key, tamis: Cli) -> None:
    ann, bob = lines(key, "ann", prefers(MODELS[1])), lines(key, "bob", prefers(MODELS[1]))
    odd = next(row for row in bob if row["task"] in key.asked)
    odd["label"] = "tie" if odd["label"] != "tie" else "first"
    path, out = write_lines(tmp_path / "labels.jsonl", [*ann, *bob]), tmp_path / "settled.jsonl"
    gate = ("review", "gate", path, "--key", tmp_path / "review.key.json", "-o", out, "--draws", "200")
    code, told = tamis(*gate, "--min-alpha", "0.99")
    assert code == 1 and "nothing was written" in told and not out.exists()
    code, told = tamis(*gate, "--min-alpha", "0.8", "--bound", "lower", "--json")
    facts = json.loads(told)
    low = facts["agreement"][0]["alpha"]["low"]
    assert (code == 0) == (low >= 0.8) == out.exists()
    out.unlink(missing_ok=True)
    assert tamis(*gate, "--min-ac1", "0.8")[0] == 0
    assert len(saved(out)) == 17 and {row["how"] for row in saved(out)} == {"unanimous"}
    assert read_judgments([out]).rows["human"].all()


def test_a_decision_settles_a_conflict_and_keeps_what_was_decided_before(tmp_path: Path, key: Key, tamis: Cli) -> None:
    rows = [*lines(key, "ann", lambda e: "first"), *lines(key, "bob", lambda e: "second")]
    path, log = write_lines(tmp_path / "labels.jsonl", rows), tmp_path / "decisions.jsonl"
    task = next(iter(key.asked))
    base = ("review", "adjudicate", path, "--key", tmp_path / "review.key.json", "--decisions", log)
    for label, by in (("first", "cleo"), ("tie", "cleo"), ("second", "dora")):
        assert tamis(*base, "--decide", f"{task}={label}", "--by", by, "--because", "so")[0] == 0
    code, told = tamis(*base, "--json")
    first = json.loads(told)["conflicts"][0]
    assert code == 0 and first["decision"] == {"by": "dora", "label": "second", "note": "so"}
    assert [h["answer"] for h in first["history"]] == ["first", "tie", "second"]
    assert not [m for m in MODELS if m in told]
    done = settle(read_votes([path, log], key), key)
    assert (done.how, done.open) == ({"decided": 1}, 17)
    assert done.rows[0]["verdict"] == key.tasks[task].verdict("second")


def test_a_decision_on_what_nobody_differs_on_is_refused(tmp_path: Path, key: Key, tamis: Cli) -> None:
    path = write_lines(tmp_path / "labels.jsonl", lines(key, "ann", lambda e: "first"))
    log = tmp_path / "decisions.jsonl"
    task = next(iter(key.asked))
    told = tamis(
        "review",
        "adjudicate",
        path,
        "--key",
        tmp_path / "review.key.json",
        "--decisions",
        log,
        "--decide",
        f"{task}=tie",
        "--by",
        "cleo",
    )
    assert told[0] == 2 and "do not differ" in told[1] and log.read_bytes() == b""


def test_conflicts_are_never_written_over_labels(tmp_path: Path, key: Key, tamis: Cli) -> None:
    rows = [*lines(key, "ann", lambda e: "first"), *lines(key, "bob", lambda e: "second")]
    path, conflicts = write_lines(tmp_path / "labels.jsonl", rows), tmp_path / "conflicts.jsonl"
    before = Path(path).read_bytes()
    base = ("review", "adjudicate", path, "--key", tmp_path / "review.key.json", "-o")
    code, told = tamis(*base, path)
    assert (code, Path(path).read_bytes()) == (3, before) and "holds no conflicts" in told
    assert [tamis(*base, conflicts)[0] for _ in range(2)] == [0, 0]


def test_a_moment_past_the_end_of_time_is_none(tmp_path: Path, key: Key) -> None:
    row = {"task": next(iter(key.asked)), "rater": "ann", "label": "first", "at": "9999-12-31T23:59:59-23:59"}
    assert judgments(read(tmp_path, key, row).votes, key)[0]["judged_at"] is None


def test_a_majority_settles_where_it_may(tmp_path: Path, key: Key) -> None:
    rows = [
        row
        for r, label in (("a", "first"), ("b", "first"), ("c", "tie"))
        for row in lines(key, r, lambda e, said=label: said)
    ]
    came = read(tmp_path, key, *rows)
    assert settle(came, key).open == len(conflicts(came, key)) == 18
    assert settle(came, key, majority=True).how == {"majority": 18}


def test_scores_that_lie_close_have_their_median(tmp_path: Path) -> None:
    key = scored(tmp_path)
    rows = [
        row for n, r in enumerate("abc") for row in lines(key, r, lambda e, n=n: {"correct": (4, 5, 5)[n], "clear": 1})
    ]
    done = settle(read(tmp_path, key, *rows), key)
    assert {(r["aspect"], r["score"]) for r in done.rows} == {("correct", 5.0), ("clear", 1.0)}
    apart = read(
        tmp_path,
        key,
        *lines(key, "a", lambda e: {"correct": 2, "clear": 1}),
        *lines(key, "b", lambda e: {"correct": 4, "clear": 1}),
    )
    assert settle(apart, key).open == 18 and settle(apart, key, apart=2).open == 0


def test_a_log_goes_on_after_half_a_line(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"task": "1"}\n{"task": "2", "ra')
    with Log(path) as log:
        log.append({"task": "3"})
    assert path.read_bytes() == b'{"task": "1"}\n{"task": "2", "ra\n{"task": "3"}\n'


@pytest.mark.parametrize("text", ['{"task": "1", "prompt": "x"}\n', "[]\n", "task,rater\n", "{\n"])
def test_no_decision_is_added_to_a_file_of_something_else(text: str, tmp_path: Path, key: Key, tamis: Cli) -> None:
    rows = [*lines(key, "ann", lambda e: "first"), *lines(key, "bob", lambda e: "second")]
    path, other = write_lines(tmp_path / "labels.jsonl", rows), tmp_path / "other.jsonl"
    other.write_text(text)
    words = ("--decisions", other, "--decide", f"{next(iter(key.asked))}=tie", "--by", "cleo")
    code, told = tamis("review", "adjudicate", path, "--key", tmp_path / "review.key.json", *words)
    assert (code, other.read_text()) == (3, text) and "holds something else" in told


def test_two_do_not_write_one_log(tmp_path: Path) -> None:
    with Log(tmp_path / "log.jsonl"), pytest.raises(Exception, match="another process"):
        Log(tmp_path / "log.jsonl")


def test_labels_of_nothing_are_refused(tmp_path: Path, key: Key) -> None:
    with pytest.raises(InputError, match="no label in"):
        read(tmp_path, key)


def test_people_and_judges_stand_side_by_side(tmp_path: Path, tamis: Cli) -> None:
    (rows,) = [answered(8, MODELS[:2])]
    path = write_lines(tmp_path / "a.jsonl", rows)
    assert tamis("review", "export", path, "--rubric", "pairwise", "-o", tmp_path / "r", "--repeats", "0")[0] == 0
    from tamis.judge.review import open_key

    key = open_key(tmp_path / "r.key.json")
    votes = write_lines(
        tmp_path / "v.jsonl", [r for who in ("ann", "bob") for r in lines(key, who, prefers(MODELS[0]))]
    )
    people = tmp_path / "people.jsonl"
    assert tamis("review", "import", votes, "--key", tmp_path / "r.key.json", "-o", people)[0] == 0
    judge = [
        {**row, "judge": "j", "human": False, "verdict": "a", "order": o}
        for row in saved(people)[:8]
        for o in ("ab", "ba")
    ]
    mixed = read_labels([people, write_lines(tmp_path / "j.jsonl", judge)]).rows
    assert (
        mixed.group_by("item").len()["len"].to_list() == [3] * 8
        and mixed.select(pl.col("rater").n_unique()).item() == 3
    )


ODD = [
    {"data": {"task": "01"}, "annotations": 5},
    {
        "data": {"task": "01"},
        "annotations": [5, {"result": True}, {"result": [None, {"value": 3}], "completed_by": {}}],
    },
    {"annotator": 1, "task": "01", "label": {"choices": ["first", "second"]}},
    {"fields": {}, "responses": {"label": [{"value": ["first"], "user_id": []}, 7]}, "id": 1, "metadata": 4},
]


@pytest.mark.parametrize("row", ODD, ids=range(len(ODD)))
def test_an_odd_export_of_another_tool_is_named_and_nothing_else(row: Any, tmp_path: Path, key: Key) -> None:
    good = {"task": next(iter(key.tasks)), "rater": "ann", "label": "tie"}
    path = tmp_path / "odd.json"
    path.write_text(json.dumps([row, good, 5]))
    came = read_votes([path], key)
    assert (
        len(came.votes) == 1 and "odd.json, number 1: " in came.problems[0] and "number 3: a int" in came.problems[-1]
    )


def test_half_of_a_surrogate_pair_in_a_note_is_written(tmp_path: Path, key: Key, tamis: Cli) -> None:
    path, out = tmp_path / "labels.json", tmp_path / "people.jsonl"
    path.write_text(json.dumps([{"task": t, "rater": "ann", "label": "tie", "note": "a\ud800"} for t in key.tasks]))
    assert tamis("review", "import", path, "--key", tmp_path / "review.key.json", "-o", out)[0] == 0
    assert {row["reasons"] for row in saved(out)} == {"a?"}
