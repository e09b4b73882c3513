"""A run as a whole: every record is accounted for, and nothing but input and recipe changes a byte."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import digests, recipe, sentences, write_lines

import tamis
from tamis.errors import RunError


def walk() -> dict[str, object]:
    return recipe("own:Shout", {"own:Length": {"low": 30}}, "exact@1", {"own:Length": {"low": 60}})


def test_every_record_has_a_fate(corpus: Path, tmp_path: Path) -> None:
    run = tamis.run(walk(), corpus, tmp_path / "run")
    fates = run.fates()
    assert fates.num_rows == 400 == run.rows["in"]
    assert len(set(fates.column("record_id").to_pylist())) == 400


def test_the_books_balance_at_every_step(corpus: Path, tmp_path: Path) -> None:
    run = tamis.run(walk(), corpus, tmp_path / "run")
    left = 400
    for step in run.steps:
        rows = step["rows"]
        assert rows["in"] == left == rows["kept"] + rows["dropped"] + rows["quarantined"]
        left = rows["kept"]
    assert left == run.data().num_rows


def test_a_verdict_stands_behind_every_record_that_is_gone(corpus: Path, tmp_path: Path) -> None:
    run = tamis.run(walk(), corpus, tmp_path / "run")
    gone = {r["record_id"] for r in run.fates().to_pylist() if r["fate"] != "kept"}
    assert gone == {v["record_id"] for v in run.verdicts().to_pylist() if v["action"] in ("drop", "quarantine")}


def test_an_edit_is_noted_with_both_hashes(corpus: Path, tmp_path: Path) -> None:
    run = tamis.run(walk(), corpus, tmp_path / "run")
    edits = [v for v in run.verdicts().to_pylist() if v["action"] == "edit"]
    assert edits
    assert all(v["before_hash"] != v["after_hash"] and None not in (v["before_hash"], v["after_hash"]) for v in edits)


def test_rows_stay_in_input_order(corpus: Path, tmp_path: Path) -> None:
    kept = tamis.run(walk(), corpus, tmp_path / "run").data(["id"]).column("id").to_pylist()
    assert kept == sorted(kept, key=lambda name: int(name[1:]))


@pytest.mark.parametrize("engine, workers", [("inline", 1), ("local", 1), ("local", 3)])
@pytest.mark.parametrize("size", [1_500, 7_001, 1 << 24])
def test_bytes_are_the_same_however_the_work_is_cut(
    corpus: Path, tmp_path: Path, engine: str, workers: int, size: int
) -> None:
    plain = digests(tamis.run(walk(), corpus, tmp_path / "plain").path)
    run = tamis.run(walk(), corpus, tmp_path / "cut", engine=engine, workers=workers, partition_size=size)
    assert digests(run.path) == plain


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.text(max_size=40), max_size=40),
    size=st.integers(20, 2000),
    bad=st.sets(st.integers(0, 39), max_size=5),
)
def test_any_texts_in_any_cut_give_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], size: int, bad: set[int]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    rows = [b'{"text": cut' if k in bad else {"text": text} for k, text in enumerate(texts)]
    path = write_lines(folder / "in.jsonl", [r if isinstance(r, bytes) else json.dumps(r).encode() for r in rows])
    stages = recipe({"own:Length": {"low": 3}}, "exact@1", input={"kind": "document"})
    one = tamis.run(stages, path, folder / "one")
    two = tamis.run(stages, path, folder / "two", workers=2, partition_size=size)
    assert digests(one.path) == digests(two.path)
    assert one.rows["in"] == len(texts)


def test_a_run_resumes_to_the_same_bytes(corpus: Path, tmp_path: Path) -> None:
    plain = digests(tamis.run(walk(), corpus, tmp_path / "plain").path)

    class Enough(Exception):
        pass

    for stop in (1, 3, 5, 8, 11):

        def interrupt(progress: object, stop: int = stop, seen: list[int] = [0]) -> None:  # noqa: B006
            seen[0] += 1
            if seen[0] % 12 == stop:
                raise Enough

        with pytest.raises(Enough):
            tamis.run(walk(), corpus, tmp_path / "again", resume=True, partition_size=4_000, on_progress=interrupt)
    run = tamis.run(walk(), corpus, tmp_path / "again", resume=True, partition_size=4_000)
    assert digests(run.path) == plain
    assert not (run.path / ".work").exists()


def test_a_damaged_work_file_is_made_again(corpus: Path, tmp_path: Path) -> None:
    plain = digests(tamis.run(walk(), corpus, tmp_path / "plain").path)

    def at_books(progress: tamis.recipes.run.Progress) -> None:  # type: ignore[name-defined]
        if progress.what == "balancing the books":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tamis.run(walk(), corpus, tmp_path / "hurt", on_progress=at_books)
    rows = next((tmp_path / "hurt" / ".work").rglob("*.rows"))
    rows.write_bytes(rows.read_bytes()[:-9] + b"\0" * 9)
    assert digests(tamis.run(walk(), corpus, tmp_path / "hurt", resume=True).path) == plain


def test_a_record_that_breaks_a_stage_is_set_aside(tmp_path: Path) -> None:
    rows = sentences(50)
    rows[17]["text"] = "a poison pill"
    run = tamis.run(recipe("own:Allergic"), write_lines(tmp_path / "in.jsonl", rows), tmp_path / "run")
    assert run.rows["quarantined"] == 1
    aside = run.quarantine().to_pylist()[0]
    assert (aside["id"], aside["rule"], aside["line"], aside["text"]) == ("r17", "stage_error", 18, "a poison pill")
    assert "ValueError" in aside["message"]


def test_a_record_that_kills_its_process_is_set_aside(tmp_path: Path) -> None:
    rows = sentences(20)
    rows[5]["text"] = "a poison pill"
    run = tamis.run(recipe("own:Deadly"), write_lines(tmp_path / "in.jsonl", rows), tmp_path / "run", workers=2)
    assert [r["id"] for r in run.quarantine().to_pylist()] == ["r5"]
    assert run.rows["kept"] == 19


def test_an_edit_that_is_not_told_stops_the_run(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"own\.sly@1 changed the text of \d+ records without saying so"):
        tamis.run(recipe("own:Sly"), corpus, tmp_path / "run")


def test_a_repeated_id_is_set_aside_and_found_by_its_first(tmp_path: Path) -> None:
    rows = [{"id": "same", "text": f"text number {k}"} for k in range(3)]
    run = tamis.run(recipe("own:Shout"), write_lines(tmp_path / "in.jsonl", rows), tmp_path / "run")
    assert run.rows == {"in": 3, "kept": 1, "dropped": 0, "quarantined": 2, "derived": 0}
    aside = run.quarantine().to_pylist()
    assert {r["rule"] for r in aside} == {"duplicate_id"} and [r["text"] for r in aside] == [
        "text number 1",
        "text number 2",
    ]
    assert len({r["record_id"] for r in run.fates().to_pylist()}) == 3


def test_the_ledger_is_small(corpus: Path, tmp_path: Path) -> None:
    rows = [{"id": f"k{k}", "text": f"text number {k} " * 3} for k in range(60_000)]
    rows += [{"id": f"d{k}", "text": rows[k]["text"]} for k in range(20_000)]
    run = tamis.run(recipe("exact@1"), write_lines(tmp_path / "in.jsonl", rows), tmp_path / "run")
    verdicts = sum(p.stat().st_size for p in run.parts("verdicts"))
    assert verdicts <= 40 * 20_000
    fates = (run.path / "fates.parquet").stat().st_size - 16 * 20_000
    assert fates <= 2 * 60_000


def test_the_run_names_no_path_of_this_machine(corpus: Path, tmp_path: Path) -> None:
    run = tamis.run(walk(), corpus, tmp_path / "run")
    data = pq.read_table(run.parts("data")[0])
    assert set(data.column("source").to_pylist()) == {"a", "b"}
    assert [f["file"] for f in run.facts["inputs"]] == ["a.jsonl", "b.jsonl"]


def test_a_repeated_id_is_new_in_every_file(tmp_path: Path) -> None:
    rows = [{"id": "same", "text": f"text {k}"} for k in range(2)]
    run = tamis.run(recipe("license@1"), write_lines(tmp_path / "in.jsonl", rows), tmp_path / "run")
    ids = run.fates().column("record_id").to_pylist()
    assert run.quarantine().column("record_id").to_pylist() == ids and len(set(ids)) == 2
