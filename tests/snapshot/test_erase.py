"""Records erased from a store: closure, new versions, tombstones, runs, receipt, and nothing left to find."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from naive_lineage import remains
from storing import frozen, made, person, store_of

from tamis.errors import GateError, InputError, UsageError
from tamis.recipes.replay import replay
from tamis.recipes.retold import explain
from tamis.report import write
from tamis.runs import open_run
from tamis.runs import verify as verify_run
from tamis.snapshot import freeze, select
from tamis.snapshot.closure import plan
from tamis.snapshot.erase import erase
from tamis.snapshot.folder import Snapshot
from tamis.snapshot.holds import hold, holds, release
from tamis.snapshot.models import add_model, model
from tamis.snapshot.receipt import commitment, receipts
from tamis.snapshot.sign import opened
from tamis.snapshot.store import Store
from tamis.snapshot.trace import trace
from tamis.snapshot.verify import verify

P1 = [select.match("meta.author.email=p1@example.org")]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """docs@1.0.0, docs@1.1.0, synth@1.0.0 and a model, in one folder with their runs."""
    folder = tmp_path_factory.mktemp("first")
    store_of(folder)
    add_model(Store(folder / "store"), "on-synth", ["synth@1.0.0"])
    return folder


@pytest.fixture
def store(first: Path, tmp_path: Path) -> Store:
    """A copy of that."""
    shutil.copytree(first / "store", tmp_path / "store")
    return Store(tmp_path / "store")


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes that wait for the disk are most of the time of these tests; the file system has them without."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def live(store: Store) -> list[str]:
    """References of the snapshots that have their data."""
    return [f"{e.name}@{e.version}" for e in store.snapshots() if e.state == "live"]


def test_the_plan_follows_what_was_made_of_it_everywhere(store: Store) -> None:
    found = plan(store, P1)
    assert [(h.ref, h.meant, h.derived) for h in found.holdings] == [
        ("docs@1.0.0", 1, 0),
        ("docs@1.1.0", 1, 0),
        ("synth@1.0.0", 0, 2),
    ]
    assert [m.name for m in found.models] == ["on-synth"]
    assert sorted(found.runs.values()) == [1, 1, 2]


def test_nothing_of_it_is_left_in_the_store_or_its_runs(store: Store) -> None:
    done = erase(store, P1, report=write)
    assert done.residue is not None and done.residue.found == [] and done.residue.unread == {}
    for value in (b"p1@example.org", b"Person 1 wrote", b"summary number 1", b"a translation of one of them"):
        assert remains(store.root, value) == []
    assert remains(store.root, b"p2@example.org") != []


def test_new_versions_take_the_place_of_the_old_and_are_whole(store: Store) -> None:
    before = {s: Snapshot(store.resolve(s)).id for s in live(store)}
    erase(store, P1)
    assert live(store) == ["docs@1.0.1", "docs@1.1.1", "synth@1.0.1"]
    for ref, rows in (("docs@1.0.1", 8), ("docs@1.1.1", 9), ("synth@1.0.1", 3)):
        new = Snapshot(store.resolve(ref))
        assert verify(new.path).findings == []
        assert len(new.data()) == rows
        assert new.facts["parents"] == [before[ref[:-1] + "0"]]
    assert store.current("docs") == Snapshot(store.resolve("docs@1.1.1")).id


def test_a_record_that_stays_keeps_its_salt_and_so_its_leaf(store: Store) -> None:
    before = {row["record_id"]: row for row in Snapshot(store.resolve("docs@1.0.0")).leaves().to_pylist()}
    erase(store, P1)
    after = Snapshot(store.resolve("docs@1.0.1")).leaves().to_pylist()
    assert len(after) == 8 and all(before[row["record_id"]] == row for row in after)


def test_the_old_root_still_verifies_with_a_tombstone(store: Store) -> None:
    old = store.resolve("docs@1.0.0")
    id = Snapshot(old).id
    erase(store, P1)
    assert Snapshot(old).id == id
    found = verify(old)
    assert found.findings == [] and "withdrawn" in found.notes[0] and "docs@1.0.1" in found.notes[0]
    assert Snapshot(old).leaves().column("record_id").null_count == 1
    assert not (old / "data").exists()


def test_a_withdrawn_version_that_was_changed_is_found_out(store: Store) -> None:
    old = store.resolve("docs@1.0.0")
    erase(store, P1)
    table = pq.read_table(old / "leaves.parquet")
    pq.write_table(table.slice(1), old / "leaves.parquet")
    assert "does not give the root of snapshot.json" in [f.problem for f in verify(old).findings]


def test_runs_are_whole_and_balance_without_it(store: Store, tmp_path: Path) -> None:
    erase(store, P1, report=write)
    docs = open_run(tmp_path / "store/runs/docs")
    assert verify_run(docs.path) == []
    assert docs.rows == {"in": 9, "kept": 8, "dropped": 0, "quarantined": 0, "derived": 0, "erased": 1}
    assert (docs.path / "report.html").is_file()


def test_a_run_that_lost_a_record_can_be_frozen(store: Store, tmp_path: Path) -> None:
    erase(store, P1)
    again = freeze(tmp_path / "store/runs/docs", tmp_path / "store/docs/2.0.0")
    assert verify(again.path).findings == []
    assert again.facts["conservation"] == Snapshot(store.resolve("docs@1.0.1")).facts["conservation"]


def test_without_a_report_the_old_one_goes(store: Store, tmp_path: Path) -> None:
    erase(store, P1)
    assert not (tmp_path / "store/runs/docs/report.html").exists() and verify_run(tmp_path / "store/runs/docs") == []


def test_the_receipt_says_what_was_done_and_no_value(store: Store) -> None:
    done = erase(store, P1, note="request 7")
    receipt = json.loads(done.path.read_bytes())
    assert receipt["note"] == "request 7" and receipts(store) == [receipt]
    assert receipt["closure"]["meant"] == 1 and receipt["closure"]["derived"] == 2
    assert [(s["old"]["ref"], s["new"]["ref"], s["tombstones"]) for s in receipt["snapshots"]] == [
        ("docs@1.0.0", "docs@1.0.1", 1),
        ("docs@1.1.0", "docs@1.1.1", 1),
        ("synth@1.0.0", "synth@1.0.1", 2),
    ]
    assert receipt["models"] == [{"name": "on-synth", "snapshots": ["synth@1.0.0"], "records": 2}]
    assert receipt["residual"]["found"] == [] and receipt["residual"]["files"] > 50
    assert receipt["request"][0]["value"] == commitment(done.nonces[0], "p1@example.org")
    assert any("docs.jsonl" in line for line in receipt["not_proved"])
    assert "p1@example.org" not in done.path.read_text()


def test_a_model_knows_of_the_erasure(store: Store) -> None:
    done = erase(store, P1)
    assert [e["receipt"] for e in model(store, "on-synth")["erasures"]] == [done.receipt["receipt"]]


def test_erasing_again_finds_nothing(store: Store) -> None:
    erase(store, P1)
    before = live(store)
    with pytest.raises(GateError, match="nothing is meant"):
        erase(store, P1)
    assert live(store) == before


def test_a_second_erasure_reaches_versions_that_were_withdrawn_before(store: Store) -> None:
    old = store.resolve("docs@1.0.0")
    erase(store, P1)
    erase(store, [select.record("d2")])
    assert live(store) == ["docs@1.0.2", "docs@1.1.2", "synth@1.0.2"]
    assert Snapshot(old).leaves().column("salt").null_count == 2
    for entry in store.snapshots():
        assert verify(entry.path).findings == [], entry
    assert len((old / "tombstones.jsonl").read_text().splitlines()) == 2


def test_a_hold_on_a_record_that_was_made_of_it_forbids_it(store: Store) -> None:
    (held,) = hold(store, "t1", "case 12")
    before = {p: p.read_bytes() for p in store.root.rglob("*") if p.is_file() and p.name != "lock"}
    with pytest.raises(GateError, match=r"is held \(case 12; hold "):
        erase(store, P1)
    assert {p: p.read_bytes() for p in store.root.rglob("*") if p.is_file() and p.name != "lock"} == before
    release(store, held.id, "closed")
    assert holds(store) == []
    assert erase(store, P1).residue.found == []  # type: ignore[union-attr]
    assert [h.words for h in holds(store, all=True)] == [f"a record that was erased was held (case 12; hold {held.id})"]


def test_a_hold_on_a_snapshot_forbids_it_too(store: Store) -> None:
    hold(store, "docs@1.1.0", "audit")
    with pytest.raises(GateError, match=r"docs@1\.1\.0 is held"):
        erase(store, P1)


def test_a_hold_needs_a_reason(store: Store) -> None:
    with pytest.raises(UsageError, match="a hold needs its reason"):
        hold(store, "t1", " ")


def test_what_would_leave_a_snapshot_empty_needs_more_than_one_word(store: Store) -> None:
    everything = [select.match("any~e")]
    with pytest.raises(GateError, match=r"would leave no record in docs@1\.0\.0, docs@1\.1\.0, synth@1\.0\.0"):
        erase(store, everything)
    erase(store, everything, all_records=True)
    assert all(len(Snapshot(store.resolve(ref)).data()) == 0 for ref in live(store))
    assert all(verify(e.path).findings == [] for e in store.snapshots())


@pytest.mark.parametrize("value", ["p1.example.org", "p[0-9]@example.org", ".*", "P1@EXAMPLE.ORG", "p1@example.or"])
def test_values_are_no_patterns(store: Store, value: str) -> None:
    assert plan(store, [select.match(f"meta.author.email={value}")]).is_empty


def test_a_record_id_that_is_not_there_is_told(store: Store) -> None:
    with pytest.raises(GateError, match="nothing is meant"):
        erase(store, [select.record("00" * 16)])


def test_both_of_a_record_that_differs_between_snapshots_go(tmp_path: Path) -> None:
    frozen(tmp_path, "docs", [person(1), person(2)])
    other = {**person(1), "text": "changed since", "author": {"email": "anonymous"}}
    later = made(tmp_path, "later", [{**other, "source": "docs"}, {**person(2), "source": "docs"}])
    freeze(later, tmp_path / "store/docs/1.1.0")
    store = Store(tmp_path / "store")
    erase(store, P1)
    assert remains(store.root, b"changed since") == [] == remains(tmp_path / "store/runs", b"changed since")


def test_what_was_made_of_a_parent_in_another_store_goes_by_its_id(tmp_path: Path) -> None:
    docs = frozen(tmp_path / "one", "docs", [person(1), person(2)])
    rows = [{"id": f"s{k}", "text": f"made of {k}", "derived_from": f"d{k}"} for k in (1, 2)]
    frozen(tmp_path / "two", "synth", rows, parents=[docs])
    parent = next(r["record_id"].hex() for r in docs.data().to_pylist() if r["id"] == "d1")
    other = Store(tmp_path / "two/store")
    assert plan(other, [select.record(parent)]).holdings[0].derived == 1
    erase(other, [select.record(parent)])
    assert remains(other.root, b"made of 1") == [] and remains(docs.path, b"p1@example.org") != []


def test_duplicates_that_lost_to_it_are_told_and_go_where_wanted(tmp_path: Path) -> None:
    rows = [{"id": "a", "text": "the same"}, {"id": "b", "text": "the same"}, {"id": "c", "text": "another"}]
    frozen(tmp_path, "dup", rows, "exact@1")
    store = Store(tmp_path / "store")
    dropped = [select.record("b")]
    found = plan(store, dropped)
    assert (len(found.reached), found.alike) == (1, 1)
    assert len(plan(store, dropped, alike=True).reached) == 2
    erase(store, dropped, alike=True)
    assert Snapshot(store.resolve("dup")).data().column("id").to_pylist() == ["c"]
    run = open_run(tmp_path / "store/runs/dup")
    assert verify_run(run.path) == [] and run.rows["erased"] == 2 and len(run.verdicts()) == 0


def test_lines_that_could_not_be_read_go_with_the_value_in_them(tmp_path: Path) -> None:
    lines = [person(1), b'{"broken p1@example.org', b'{"broken p2@example.org', person(2)]
    frozen(tmp_path, "bad", lines, "clean@1")
    erase(Store(tmp_path / "store"), P1)
    assert open_run(tmp_path / "store/runs/bad").quarantine().num_rows == 1
    assert remains(tmp_path / "store", b"p1@example.org") == []


def test_everything_a_run_measured_and_decided_of_it_goes(tmp_path: Path) -> None:
    rows = [{**person(k), "text": f"{person(k)['text']} " * 20} for k in range(6)]
    done = made(tmp_path, "all", rows, "clean@1", "exact@1", {"near@1": {"threshold": 0.5}}, "quality.repetition@1")
    freeze(done, tmp_path / "store/all/1.0.0")
    erase(Store(tmp_path / "store"), P1)
    after = open_run(done.path)
    assert verify_run(done.path) == []
    at = after.fates().column("fate").to_pylist().index("erased")
    assert set(after.scores().slice(at, 1).to_pylist()[0].values()) == {None}
    for part in after.parts("edges"):
        table = pq.read_table(part)
        assert at not in table.column("left").to_pylist() + table.column("right").to_pylist()


def test_a_record_that_a_run_dropped_is_found_in_its_input(tmp_path: Path) -> None:
    rows = [{**person(1), "text": "the same"}, {**person(2), "text": "the same"}, person(3)]
    frozen(tmp_path, "dup", rows, "exact@1")
    store, gone = Store(tmp_path / "store"), [select.match("meta.author.email=p2@example.org")]
    assert (plan(store, gone).reached.seeds, plan(store, gone).unread) == (1, {})
    (tmp_path / "in/dup.jsonl").unlink()
    found = plan(store, gone)
    assert found.is_empty and "is not there any more" in next(iter(found.unread.values()))


def test_a_run_that_is_gone_is_named_in_the_receipt(store: Store, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "store/runs/docs")
    receipt = erase(store, P1).receipt
    assert [line for line in receipt["scanned"]["not_there"] if "run at" in line and "docs" in line]


def test_objects_and_caches_of_the_store_go(store: Store) -> None:
    (store.inside / "cache").mkdir()
    (store.inside / "cache/answer.json").write_text("p1@example.org said")
    done = erase(store, P1)
    assert done.receipt["caches_removed"] == 1 and done.receipt["objects_removed"] == 3
    wanted = {f["sha256"] for s in live(store) for f in Snapshot(store.resolve(s)).facts["files"]}
    assert {p.name for p in (store.inside / "objects/sha256").rglob("*") if p.is_file()} <= wanted


def test_what_is_not_the_stores_is_left_and_told(store: Store) -> None:
    note = store.resolve("docs@1.0.0") / "notes.txt"
    note.write_text("ask p1@example.org")
    done = erase(store, P1)
    assert note.is_file()
    assert done.receipt["residual"]["found"] == [{"file": "docs/1.0.0/notes.txt", "what": "value 1", "column": None}]


def test_a_trace_after_it_finds_nothing(store: Store) -> None:
    erase(store, P1)
    with pytest.raises(Exception, match="no record of the 3 snapshots"):
        trace(store, P1)


def test_a_signed_receipt_can_be_checked_and_read(store: Store, tmp_path: Path) -> None:
    for command in (
        ["genpkey", "-algorithm", "ed25519", "-out", "key.pem"],
        ["pkey", "-in", "key.pem", "-pubout", "-out", "key.pub"],
    ):
        subprocess.run(["openssl", *command], cwd=tmp_path, check=True)
    done = erase(store, P1, sign=tmp_path / "key.pem")
    payload, _ = opened(done.path.read_bytes(), tmp_path / "key.pub")
    assert payload == done.receipt == receipts(store)[0]


def test_conversations_go_by_what_was_said_in_them(tmp_path: Path) -> None:
    rows = [
        {
            "id": str(k),
            "messages": [{"role": "user", "content": f"I am {who}"}, {"role": "assistant", "content": "hello"}],
        }
        for k, who in enumerate(("Alice Adams", "Bob"))
    ]
    frozen(tmp_path, "talk", rows)
    store = Store(tmp_path / "store")
    erase(store, [select.match("messages~Alice Adams")])
    assert Snapshot(store.resolve("talk")).data().column("id").to_pylist() == ["1"]
    assert remains(store.root, b"Alice Adams") == []


def test_a_run_can_still_be_explained_and_replayed(tmp_path: Path) -> None:
    rows = [person(k) for k in range(5)] + [{**person(9), "text": person(2)["text"]}]
    done = made(tmp_path, "docs", rows, "exact@1", {"near@1": {"threshold": 0.98}})
    freeze(done, tmp_path / "store/docs/1.0.0")
    erase(Store(tmp_path / "store"), P1)
    assert explain(done.path, "d3").fate == "kept"
    again = replay(done.path, ["near.threshold=0.99"])
    assert len(again.back) == len(again.gone) == 0 and again.rows["before"]["kept"] == 4


def test_a_copy_of_a_run_from_before_is_not_frozen_again(store: Store, tmp_path: Path) -> None:
    shutil.copytree(store.root / "runs/docs", tmp_path / "kept")
    erase(store, P1)
    with pytest.raises(InputError, match="from before records were erased"):
        freeze(tmp_path / "kept", store.root / "docs/9.0.0")
    assert freeze(store.root / "runs/docs", store.root / "docs/9.0.1").splits
