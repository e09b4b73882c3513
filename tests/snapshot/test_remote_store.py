"""A store of snapshots in object storage: frozen to, read, compared and verified where it lies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from making import recipe, sentences, write_lines
from storing_s3 import S3

from tamis.data.storage import at, listed, put
from tamis.errors import InputError, OutputError, UsageError
from tamis.recipes.run import run
from tamis.runs import Run
from tamis.snapshot import freeze, store_at
from tamis.snapshot.folder import Snapshot, open_snapshot
from tamis.snapshot.store_far import changing
from tamis.snapshot.verify import verify

Tamis = Callable[..., tuple[int, str]]

STORE = "s3://bucket/store"


pytestmark = pytest.mark.usefixtures("own_scratch")


@pytest.fixture
def made(tmp_path: Path) -> Run:
    return run(recipe(), write_lines(tmp_path / "in.jsonl", sentences(40)), tmp_path / "run", engine="inline")


@pytest.fixture
def docs(s3: S3, made: Run) -> Snapshot:
    """docs 1.0.0 in the store."""
    return freeze(made, f"{STORE}/docs/1.0.0")


def _data(snapshot: Snapshot) -> list[dict[str, Any]]:
    return [file for file in snapshot.facts["files"] if file["path"].startswith("data/")]


def test_a_snapshot_in_object_storage_holds_what_one_on_a_disk_does(
    s3: S3, made: Run, docs: Snapshot, tmp_path: Path
) -> None:
    near = freeze(made, tmp_path / "store/docs/1.0.0")
    assert _data(docs) == _data(near) and docs.splits == near.splits
    assert verify(f"{STORE}/docs/1.0.0").whole
    assert [
        one.remote.key for one in listed(at(STORE)) if "/work/" in one.remote.key or "/journal/" in one.remote.key
    ] == []


def test_a_run_in_object_storage_is_frozen_as_it_is(s3: S3, made: Run, docs: Snapshot, tmp_path: Path) -> None:
    far = run(recipe(), tmp_path / "in.jsonl", "s3://bucket/runs/one", engine="inline")
    other = freeze(far, f"{STORE}/more/1.0.0")
    assert _data(other) == _data(docs)
    assert {entry["path"] for entry in store_at(STORE).runs()} == {str(made.path), "s3:/bucket/runs/one"}


def test_data_are_put_first_and_the_name_last(s3: S3, made: Run) -> None:
    freeze(made, f"{STORE}/docs/1.0.0")
    puts = [
        path.removeprefix("/bucket/store/") for method, path in s3.asked if method == "PUT" and "/claims/" not in path
    ]
    assert puts[-1] == ".tamis/names/docs.json" and puts.index("docs/1.0.0/snapshot.json") == len(puts) - 4


def test_versions_follow_one_another_and_are_known_by_name(s3: S3, made: Run, docs: Snapshot, tmp_path: Path) -> None:
    less = run(recipe("exact@1"), tmp_path / "in.jsonl", tmp_path / "less", engine="inline")
    later = freeze(less, f"{STORE}/docs/1.1.0")
    store = store_at(STORE)
    assert later.facts["parents"] == [docs.id] and store.current("docs") == later.id
    assert open_snapshot("docs@1.0.0", STORE).id == docs.id and len(store.snapshots()) == 2


def test_two_freezes_at_once_are_one_after_the_other(s3: S3, made: Run, docs: Snapshot) -> None:
    with (
        changing(at(f"{STORE}/docs/1.1.0"), None),
        pytest.raises(OutputError, match=r"another process is writing the store at s3://bucket/store: pid"),
    ):
        freeze(made, f"{STORE}/docs/1.1.0")
    assert freeze(made, f"{STORE}/docs/1.1.0").version == "1.1.0"


def test_a_freeze_that_broke_off_is_known_to_nobody(
    s3: S3, made: Run, docs: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3.faults = lambda number, method, path: "503" if method == "PUT" and "1.1.0/snapshot.json" in path else None
    with pytest.raises(OutputError, match="overloaded"):
        freeze(made, f"{STORE}/docs/1.1.0")
    s3.faults = {}
    assert [entry.version for entry in store_at(STORE).snapshots()] == ["1.0.0"]
    with pytest.raises(InputError, match=r"there is no snapshot at s3://bucket/store/docs/1.1.0"):
        open_snapshot(f"{STORE}/docs/1.1.0")
    with pytest.raises(UsageError, match="there already, whole or of a freeze that broke off"):
        freeze(made, f"{STORE}/docs/1.1.0")


@pytest.mark.parametrize(
    ("name", "says"),
    [("leaves.parquet", "leaves.parquet: is not what was frozen"), ("more.txt", "more.txt: was added")],
)
def test_verify_reads_every_file_though_copies_are_here(
    s3: S3, docs: Snapshot, tamis: Tamis, name: str, says: str
) -> None:
    assert verify(f"{STORE}/docs/1.0.0").whole
    put(at(f"{STORE}/docs/1.0.0") / name, b"PAR1 other")
    for command in (["verify", f"{STORE}/docs/1.0.0"], ["verify", "docs", "--store", STORE]):
        code, said = tamis(*command)
        assert code == 1 and says in said and f"{STORE}/docs/1.0.0 is not what was frozen" in said


def test_commands_read_a_store_in_object_storage(
    s3: S3, made: Run, docs: Snapshot, tmp_path: Path, tamis: Tamis
) -> None:
    freeze(made, f"{STORE}/docs/1.1.0")
    for command in (
        ["snapshots", "list", "--store", STORE],
        ["snapshots", "show", "docs", "--store", STORE],
        ["diff", "docs@1.0.0", f"{STORE}/docs/1.1.0", "--store", STORE],
        ["trace", STORE, "--record", "r7"],
        ["trace", "docs@1.0.0", "--record", "r7", "--store", STORE],
        ["verify", "docs@1.1.0", "--store", STORE, "--level", "rerun"],
        ["report", f"{STORE}/docs/1.0.0", "-o", tmp_path / "page.html"],
        ["contract", "init", f"{STORE}/docs/1.0.0", "-o", tmp_path / "c.yaml"],
        ["check", f"{STORE}/docs/1.0.0", "-c", tmp_path / "c.yaml"],
    ):
        code, said = tamis(*command)
        assert code == 0, (command, said)


def test_what_would_change_the_store_says_what_to_do(s3: S3, docs: Snapshot, tamis: Tamis) -> None:
    code, said = tamis("erase", "docs", "--store", STORE, "--record", "r7", "--yes")
    assert code == 3 and "where this command changes nothing yet; copy the store down" in said
