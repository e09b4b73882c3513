"""What a desk shows a stage: the same from files and from memory, however the work is cut."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import digests, recipe, sentences, write_lines

import tamis
from tamis import desk
from tamis.desk import KeyRange, key_ranges
from tamis.engine import merge
from tamis.engine.arrow import within
from tamis.engine.desk import MemoryDesk
from tamis.engine.exchange import InFragments, in_order, meet
from tamis.engine.work import Work
from tamis.recipes.budget import Budget

WITNESS = f"{Path(__file__).with_name('desk_stages.py')}:Witness"
CUTS = [("inline", 1, 1 << 20, 1 << 20), ("inline", 1, 1500, 8_000), ("local", 2, 4000, 30_000)]


def texts(count: int = 120) -> list[str]:
    return [row["text"] for row in sentences(count)]


def cut(monkeypatch: pytest.MonkeyPatch, size: int, share: int) -> None:
    """Make runs cut their work so."""
    monkeypatch.setattr(Budget, "of", lambda *_: Budget(size, share))


@pytest.mark.parametrize(("engine", "workers", "size", "share"), CUTS)
def test_a_desk_shows_the_records_that_are_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, engine: Any, workers: int, size: int, share: int
) -> None:
    cut(monkeypatch, size, share)
    lines = write_lines(tmp_path / "in.jsonl", sentences(120))
    stages = recipe({"own:Length": {"low": 30}}, "own:Shout", WITNESS)
    run = tamis.run(stages, lines, tmp_path / "run", engine=engine, workers=workers)
    saw, alive = run.steps[3]["facts"], [k for k, text in enumerate(texts()) if len(text) >= 30]
    edited = [text.replace("sieve", "SIEVE") for text in texts()]
    assert saw["records"] == 120 and saw["met"] == alive
    assert saw["keys"] == sorted(edited[k].encode()[0] << 56 for k in alive)
    assert saw["ids"] == [k.hex() for k in run.fates()["record_id"].to_pylist()][::-1]
    shown = {row["ordinal"]: row["text"] for row in saw["seen"]}
    assert shown.keys() <= set(alive) and len(shown) >= len(alive) // 2
    assert all(text == edited[k] for k, text in shown.items())


@pytest.mark.parametrize(("engine", "workers", "size", "share"), CUTS[1:])
def test_what_is_resolved_does_not_depend_on_the_cut(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, engine: Any, workers: int, size: int, share: int
) -> None:
    lines = write_lines(tmp_path / "in.jsonl", sentences(120))
    plain = tamis.run(recipe("exact@1", WITNESS), lines, tmp_path / "plain", engine="inline")
    cut(monkeypatch, size, share)
    run = tamis.run(recipe("exact@1", WITNESS), lines, tmp_path / "run", engine=engine, workers=workers)
    assert digests(run.path) == digests(plain.path)
    assert len({text[0] for text in run.data()["text"].to_pylist()}) == run.rows["kept"]


def test_a_stage_on_a_table_sees_what_it_sees_in_a_run(tmp_path: Path) -> None:
    run = tamis.run(recipe(WITNESS), write_lines(tmp_path / "in.jsonl", sentences(120)), tmp_path / "run")
    kept, verdicts = tamis.make(WITNESS)(pa.table({"text": texts()}))
    assert kept.column("text").to_pylist() == run.data()["text"].to_pylist()
    place = {k: n for n, k in enumerate(run.fates()["record_id"].to_pylist())}
    peers = {place[v["record_id"]]: place[v["peer_id"]] for v in run.verdicts().to_pylist()}
    assert peers == {int.from_bytes(v["record_id"]): int.from_bytes(v["peer_id"]) for v in verdicts.to_pylist()}


@pytest.mark.parametrize("size", [200, 1 << 20])
def test_earlier_corpora_come_first_and_stay(tmp_path: Path, size: int) -> None:
    write_lines(tmp_path / "a.jsonl", [{"text": "so"}, b"{not json", {"text": "and on"}])
    write_lines(tmp_path / "b.jsonl", [{"text": "it"}])
    lines = write_lines(
        tmp_path / "in.jsonl", [{"text": text} for text in ("a drum", "the drum", "a sieve", "the sieve")]
    )
    stages = recipe({WITNESS: {"against": [str(tmp_path / "b.jsonl"), str(tmp_path / "a.jsonl")]}})
    run = tamis.run(stages, lines, tmp_path / "run", partition_size=size)
    saw = run.steps[1]["facts"]
    assert (saw["records"], saw["met"]) == (7, list(range(7)))
    assert run.data()["text"].to_pylist() == ["the drum"]
    assert {row["text"] for row in saw["seen"]} >= {"it", "so", "a drum"}


def test_a_level_between_fragments_and_ranges_changes_no_byte(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rows = [{"text": row["text"]} for row in sentences(60) * 2]
    lines = write_lines(tmp_path / "in.jsonl", rows)
    stages = recipe("exact@1", {"near@1": {"threshold": 0.5, "ngram": 2}}, WITNESS)
    plain = tamis.run(stages, lines, tmp_path / "plain", engine="inline")
    cut(monkeypatch, 700, 3000)
    monkeypatch.setattr(merge, "MOST_READS", 8)
    said: set[str] = set()
    run = tamis.run(stages, lines, tmp_path / "run", engine="inline", on_progress=lambda p: said.add(p.what))
    assert {"record ids: merging", "near: merging bands", "exact: merging sketch"} <= said
    assert plain.rows["dropped"] and digests(run.path) == digests(plain.path)


@given(
    st.lists(st.lists(st.integers(0, 30), max_size=9), min_size=1, max_size=40),
    st.integers(0, 6).map(lambda k: 1 << k),
    st.sampled_from(["ordinal", "key"]),
)
def test_merged_entries_meet_as_those_of_fragments_do(fragments: list[list[int]], ranges: int, by: Any) -> None:
    bases = np.concatenate([[0], np.cumsum([len(fragment) for fragment in fragments])])
    with TemporaryDirectory() as name:
        work, places = Work(Path(name)), [(0, k) for k in range(len(fragments))]
        for k, fragment in enumerate(fragments):
            order = np.argsort(fragment, kind="stable").astype(np.uint32)
            key = pa.array([fragment[row] << 59 for row in order], pa.uint64())
            work.finish_tables(0, k, {"entries": pa.table({"row": order, "key": key})}, {})
        merged, tasks = merge.merging(work, "merged", "entries", places, bases, ranges)
        for task in tasks:
            merge.run_merge(task)
        for k in range(ranges):
            keys = KeyRange(k * 2**64 // ranges, (k + 1) * 2**64 // ranges - 1)
            tables = (found.tables(work, keys) for found in (merged, InFragments("entries", places, bases)))
            one, other = (in_order(each, by) for each in tables)
            assert one.equals(other)


@given(st.integers(0, 10_000_000), st.integers(1, 500), st.integers(1, 1 << 30))
def test_key_ranges_cover_all_keys_once(entries: int, entry_bytes: int, share: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk, "MOST_RANGES", most := 1 << 12)
        found = key_ranges(entries, entry_bytes, share)
    assert (found[0].low, found[-1].high, len(found) <= most) == (0, 2**64 - 1, True)
    assert all(one.high + 1 == other.low for one, other in pairwise(found))
    assert len(found) == most or entries * entry_bytes <= len(found) * share


@given(
    st.lists(st.lists(st.integers(0, 7), max_size=8), min_size=1, max_size=4),
    st.integers(0, 7),
    st.integers(0, 7),
    st.sampled_from(["ordinal", "key"]),
)
def test_records_of_all_fragments_meet_by_key(fragments: list[list[int]], low: int, high: int, by: Any) -> None:
    tables, entries = [], []
    for fragment in fragments:
        order = np.argsort(fragment, kind="stable").astype(np.uint32)
        key = pa.array([fragment[row] for row in order], pa.uint64())
        tables.append(pa.table({"row": order, "key": key}))
        entries += fragment
    bases = np.concatenate([[0], np.cumsum([len(fragment) for fragment in fragments])])
    met = meet((within(table, low, high) for table in tables), bases, by)
    expected = [(n, key) for n, key in enumerate(entries) if low <= key <= high]
    expected.sort(key=lambda entry: (entry[1], entry[0]) if by == "key" else entry)
    assert list(zip(met.column("ordinal").to_pylist(), met.column("key").to_pylist(), strict=True)) == expected


def test_a_desk_in_memory_has_one_fragment(tmp_path: Path) -> None:
    stage = tamis.make(WITNESS)
    ids = pa.array([b"%016d" % k for k in range(3)], pa.binary(16))
    batch = pa.record_batch({"text": ["c", "a", "b"]})
    desk = MemoryDesk(stage, [{"sketch": pa.table({"row": pa.array([1], pa.uint32()), "key": [5]})}], [ids], [batch])
    assert desk.bases.tolist() == [0, 3] and desk.alive(0).tolist() == [True] * 3
    assert [(b.to_pydict(), places.tolist()) for b, places in desk.rows(0, np.array([0, 2]))] == [
        ({"text": ["c", "b"]}, [0, 2])
    ]
    assert desk.record_ids(np.array([2, 0, 2])).to_pylist() == [ids[k].as_py() for k in (2, 0, 2)]
