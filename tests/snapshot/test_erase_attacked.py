"""An erasure in a store that somebody packed, damaged or moved: it takes nothing that is not the store's, and says what it left."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from storing import frozen, person

from tamis.errors import InputError, OutputError
from tamis.runs.manifest import seal
from tamis.snapshot import freeze, select
from tamis.snapshot.closure import plan
from tamis.snapshot.erase import erase
from tamis.snapshot.folder import Snapshot
from tamis.snapshot.holds import hold, holds
from tamis.snapshot.models import add_model
from tamis.snapshot.store import Store

Command = Callable[..., tuple[int, str]]

P1 = [select.match("meta.author.email=p1@example.org")]


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes that wait for the disk are most of the time of these tests; the file system has them without."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attacked")
    frozen(folder, "docs", [person(k) for k in range(4)])
    return folder


@pytest.fixture
def store(first: Path, tmp_path: Path) -> Store:
    """docs@1.0.0 of four records, and its run."""
    shutil.copytree(first / "store", tmp_path / "store")
    return Store(tmp_path / "store")


def catalogued(store: Store, what: str) -> tuple[Path, dict[str, object]]:
    (path,) = (store.inside / what).glob("*.json")
    return path, json.loads(path.read_bytes())


def held(folder: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_run_elsewhere_that_was_not_frozen_into_the_store_is_left(store: Store, tmp_path: Path) -> None:
    frozen(tmp_path / "mine", "docs", [person(1), person(9)])
    mine, before = tmp_path / "mine/store/runs/docs", held(tmp_path / "mine")
    path, facts = catalogued(store, "runs")
    path.write_text(json.dumps({**facts, "path": str(mine)}))
    done = erase(store, P1)
    assert held(tmp_path / "mine") == before
    assert [
        line for line in done.receipt["scanned"]["not_there"] if str(mine) in line and "another than was frozen" in line
    ]


def test_a_link_to_such_a_run_leads_no_further(store: Store, tmp_path: Path) -> None:
    frozen(tmp_path / "mine", "docs", [person(1), person(9)])
    before = held(tmp_path / "mine")
    shutil.rmtree(store.root / "runs/docs")
    (store.root / "runs/docs").symlink_to(tmp_path / "mine/store/runs/docs")
    done = erase(store, P1)
    assert held(tmp_path / "mine") == before and done.receipt["residual"]["unread"]


def test_a_snapshot_of_another_store_is_left(store: Store, tmp_path: Path) -> None:
    mine = frozen(tmp_path / "mine", "docs", [person(1), person(9)])
    before = held(tmp_path / "mine")
    path, facts = catalogued(store, "snapshots")
    path.write_text(json.dumps({**facts, "path": str(mine.path)}))
    assert "not what was frozen" in plan(store, P1).unseen[0]
    (path.with_name(f"{mine.id[7:]}.json")).write_text(json.dumps({**facts, "id": mine.id, "path": str(mine.path)}))
    assert any("erase it there" in why for why in plan(store, P1).unseen)
    erase(store, P1)
    assert held(tmp_path / "mine") == before


@pytest.mark.parametrize("inner", ["work", "journal", "objects", "objects/sha256", "cache", "."])
def test_a_folder_of_the_store_that_is_a_link_is_not_emptied(inner: str, store: Store, tmp_path: Path) -> None:
    shutil.copytree(store.inside / "objects/sha256", tmp_path / "mine/ab")
    (tmp_path / "mine/ab/letters.txt").write_text("mine")
    place = Path(os.path.normpath(store.inside / inner))
    if place.exists():
        shutil.move(place, tmp_path / "away")
    place.symlink_to(tmp_path / ("away" if inner == "." else "mine"))
    before = held(tmp_path / "mine")
    with pytest.raises(OutputError, match="is a link"):
        erase(store, P1)
    assert held(tmp_path / "mine") == before


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x"])
def test_a_manifest_does_not_say_what_is_removed_outside_its_folder(name: str, store: Store) -> None:
    old = store.resolve("docs@1.0.0")
    lines = (old / "MANIFEST.sha256").read_text().splitlines(keepends=True)
    (old / "MANIFEST.sha256").write_text("".join([f"{'0' * 64}  {name}\n", *lines]))
    with pytest.raises(InputError, match="is not what was frozen"):
        erase(store, P1)
    assert Snapshot(old).data().num_rows == 4


def test_what_was_tampered_with_is_not_made_to_look_right(store: Store) -> None:
    old = store.resolve("docs@1.0.0")
    (old / "evidence/recipe.yaml").unlink()
    (old / "evidence/recipe.yaml").write_text("name: another\n")
    seal(old, {})
    with pytest.raises(InputError, match=r"evidence/recipe\.yaml"):
        erase(store, P1)
    assert not list((store.inside / "receipts").iterdir())


@pytest.mark.parametrize("kind", ["fifo", "cut", "folder"])
@pytest.mark.parametrize(
    "name", ["data/part-00000.parquet", "fates.parquet", "verdicts/part-00000.parquet", "MANIFEST.sha256"]
)
def test_a_damaged_run_is_told(kind: str, name: str, store: Store, tamis: Command) -> None:
    path = store.root / "runs/docs" / name
    raw = path.read_bytes()
    path.unlink()
    if kind == "cut":
        path.write_bytes(raw[: len(raw) // 2])
    else:
        (os.mkfifo if kind == "fifo" else Path.mkdir)(path)
    code, said = tamis("erase", store.root, "--record", "d1", "--yes")
    assert "Traceback" not in said and code in (1, 2) and name in said
    assert store.current("docs") == Snapshot(store.root / "docs/1.0.0").id


@pytest.mark.parametrize("what", ["snapshots", "runs", "models", "holds", "receipts", "names"])
@pytest.mark.parametrize("said", ["[]", '{"id": 7, "name": "../../x", "path": "a"}', "[" * 100_000, None])
def test_a_damaged_catalog_is_told(what: str, said: str | None, store: Store, tamis: Command) -> None:
    path = store.inside / what / f"{'docs' if what == 'names' else 'ab'}.json"
    path.unlink(missing_ok=True)
    os.mkfifo(path) if said is None else path.write_text(said)
    for command in (
        ["freeze", store.root / "runs/docs", "-o", store.root / "docs/1.1.0", "--quiet"],
        ["erase", store.root, "--record", "d1", "--yes"],
        ["snapshots", "list", "--store", store.root],
        ["hold", "list", "--store", store.root],
        ["trace", store.root / "docs/1.0.0", "--record", "d2"],
    ):
        code, text = tamis(*command)
        assert "Traceback" not in text and code in (0, 1, 2, 3), command


def test_a_model_of_a_version_that_was_withdrawn_is_still_named(store: Store, tamis: Command) -> None:
    add_model(store, "old-lora", ["docs@1.0.0"])
    erase(store, P1)
    again = [select.record("d2")]
    assert [m.name for m in plan(store, again).models] == ["old-lora"]
    assert "old-lora" in tamis("trace", "docs", "--store", store.root, "--record", "d2")[1]
    erase(store, again)
    assert [m.name for m in plan(store, [select.record("d2")]).models] == []


def test_a_file_named_with_the_value_is_found(store: Store) -> None:
    (store.root / "notes p1@example.org.txt").touch()
    told = erase(store, P1).receipt["residual"]["found"]
    assert told == [{"file": "notes ….txt", "what": "value 1 by name", "column": None}]


def test_what_could_not_be_looked_into_is_no_success(store: Store, tamis: Command) -> None:
    (store.root / "notes.gz").write_bytes(b"\x1f\x8bnot gzip")
    code, said = tamis("erase", store.root, "--record", "d1", "--yes")
    assert code == 1 and "could not look into" in said and "nothing left" not in said


def test_a_record_id_that_is_nowhere_counts_as_none(store: Store, tamis: Command) -> None:
    code, said = tamis("erase", store.root, "--record", "0" * 32, "--dry-run")
    assert code == 1 and ": 0 records" in said and "1 record" not in said


def test_the_licences_of_a_withdrawn_version_are_not_looked_for(store: Store, tamis: Command) -> None:
    erase(store, P1)
    code, said = tamis("licenses", "docs@1.0.0", "--store", store.root)
    assert code == 2 and "withdrawn on" in said and "superseded by docs@1.0.1" in said


@pytest.mark.parametrize("name", ["withdrawn.json", "tombstones.jsonl"])
@pytest.mark.parametrize("said", ["[]", '{"snapshot": "x"}', "[" * 100_000])
def test_a_damaged_tombstone_is_told(name: str, said: str, store: Store, tamis: Command) -> None:
    erase(store, P1)
    old = store.root / "docs/1.0.0"
    (old / name).write_text(said)
    for level in ("manifest", "leaves"):
        code, text = tamis("verify", old, "--level", level)
        assert code in (0, 1) and "Traceback" not in text
    code, text = tamis("erase", store.root, "--record", "d2", "--yes")
    assert code == 2 and "is not what was frozen" in text


def test_a_run_that_two_stores_know_is_still_known_to_both(first: Path, tmp_path: Path) -> None:
    shutil.copytree(first / "store/runs/docs", tmp_path / "run")
    for name in "ab":
        freeze(tmp_path / "run", tmp_path / name / "docs/1.0.0")
    erase(Store(tmp_path / "a"), P1)
    found = plan(Store(tmp_path / "b"), [select.record("d2")])
    assert found.unseen == () and list(found.runs.values()) == [1]


def test_what_was_withdrawn_cannot_be_held(store: Store) -> None:
    erase(store, P1)
    with pytest.raises(InputError, match="hold the version in its place"):
        hold(store, "docs@1.0.0", "case 12")
    assert [h.ref for h in hold(store, "docs@1.0.1", "case 12")] == ["docs@1.0.1"]


def test_a_hold_that_comes_too_late_is_not_told_to_hold(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Store.work

    def slow(self: Store) -> object:
        monkeypatch.undo()
        erase(store, P1)
        return work(self)

    monkeypatch.setattr(Store, "work", slow)
    with pytest.raises(InputError, match="an erasure went over the store meanwhile"):
        hold(store, "d1", "case 12")
    assert holds(store, all=True) == []


def test_a_run_on_a_full_disk_elsewhere_is_seen_before_anything_changes(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(first / "store/runs/docs", tmp_path / "other/run")
    frozen = freeze(tmp_path / "other/run", tmp_path / "store/docs/1.0.0")
    device, room = Path.stat, os.statvfs(tmp_path)

    def stat(self: Path, **options: bool) -> os.stat_result:
        found = device(self, **options)
        return os.stat_result((*found[:2], 7, *found[3:])) if self.is_relative_to(tmp_path / "other") else found

    monkeypatch.setattr(Path, "stat", stat)
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result((*room[:4], 0, *room[5:])))
    said: list[str] = []
    with pytest.raises(OutputError, match="no room for it; nothing was changed"):
        erase(Store(tmp_path / "store"), P1, on_progress=said.append)
    assert "its nonces are" in said[-1] and frozen.data().num_rows == 4
    assert Store(tmp_path / "store").current("docs") == frozen.id


NO_TEXT = "\udcff"
"""What a byte of the command line becomes that is no UTF-8."""


@pytest.mark.parametrize(
    "command",
    [
        ["erase", "docs", "--record", NO_TEXT, "--yes"],
        ["erase", "docs", "--record", "d1", "--note", NO_TEXT, "--yes"],
        ["hold", "add", NO_TEXT, "--reason", "case"],
        ["hold", "add", "d1", "--reason", NO_TEXT],
        ["hold", "add", "a" * 5000, "--reason", "case"],
        ["trace", "docs", "--source", NO_TEXT],
        ["trace", "docs", "--license", NO_TEXT],
        ["model", "add", "lora", "--trained-on", "docs", "--note", NO_TEXT],
        ["model", "add", "../lora", "--trained-on", "docs"],
        ["model", "show", "../names/docs"],
    ],
)
def test_what_is_no_text_or_no_name_is_refused(command: list[str], store: Store, tamis: Command) -> None:
    code, said = tamis(*command, "--store", store.root)
    assert code == 2 and "Traceback" not in said and not list((store.inside / "work").iterdir())


def test_a_model_of_odd_files_is_registered(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / os.fsdecode(b"\xff.bin")).write_bytes(b"x")
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "fifo")
    assert [f["path"] for f in add_model(store, "odd", ["docs"], folder)["files"]] == ["\\xff.bin"]


def test_a_key_that_is_a_fifo_is_not_waited_for(store: Store, tmp_path: Path, tamis: Command) -> None:
    os.mkfifo(tmp_path / "key.pem")
    code, said = tamis("erase", store.root, "--record", "d1", "--yes", "--sign", tmp_path / "key.pem")
    assert code == 2 and "no plain file" in said


def test_a_withdrawn_version_is_not_traced_in(store: Store, tamis: Command) -> None:
    erase(store, P1)
    code, said = tamis("trace", "docs@1.0.0", "--record", "d2", "--store", store.root)
    assert code == 2 and "superseded by docs@1.0.1" in said
