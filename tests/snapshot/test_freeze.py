"""Freezing: what a snapshot holds, what it is called, and when it is refused."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import cbor2
import naive_canonical
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from contract_text import written
from making import sentences, write_lines

import tamis
from tamis.errors import GateError, InputError, OutputError, UsageError
from tamis.runs import Run
from tamis.snapshot import Snapshot, Store, freeze, open_snapshot
from tamis.snapshot.build import Draft, build


def test_a_snapshot_holds_the_rows_of_the_run(small_run: Run, frozen: Snapshot) -> None:
    assert frozen.data() == small_run.data()


def test_the_id_is_the_digest_of_snapshot_json(frozen: Snapshot) -> None:
    raw = (frozen.path / "snapshot.json").read_bytes()
    assert frozen.id == f"sha256:{hashlib.sha256(raw).hexdigest()}"


def test_leaves_and_root_are_their_definition(frozen: Snapshot) -> None:
    rows = {row["record_id"]: row for row in frozen.data().to_pylist()}
    leaves = frozen.leaves().to_pylist()
    expected = [naive_canonical.leaf(x["salt"], naive_canonical.record(rows[x["record_id"]])) for x in leaves]
    assert [x["leaf"] for x in leaves] == expected
    assert frozen.root == naive_canonical.root(expected)
    assert [x["record_id"] for x in leaves] == sorted(rows)


def test_canonical_bytes_are_what_a_cbor_library_writes(frozen: Snapshot) -> None:
    for row in frozen.data().to_pylist():
        whole = {name: value for name, value in row.items() if value is not None}
        assert cbor2.dumps(whole, canonical=True) == naive_canonical.record(row)


def test_sha256sum_checks_the_manifest(frozen: Snapshot) -> None:
    subprocess.run(["sha256sum", "--check", "--quiet", "MANIFEST.sha256"], cwd=frozen.path, check=True)


def test_a_second_version_keeps_salts_and_shares_parts(small_run: Run, frozen: Snapshot) -> None:
    second = freeze(small_run, frozen.path.parent / "1.1.0")
    assert second.leaves() == frozen.leaves()
    assert second.facts["parents"] == [frozen.id]
    assert [os.stat(p).st_ino for p in second.parts()] == [os.stat(p).st_ino for p in frozen.parts()]


def test_salts_of_versions_that_are_no_kin_differ(small_run: Run, frozen: Snapshot, tmp_path: Path) -> None:
    other = freeze(small_run, tmp_path / "other/docs")
    assert other.root != frozen.root
    assert other.facts["files"][0]["sha256"] == frozen.facts["files"][0]["sha256"]


def test_a_record_that_changed_has_a_new_salt(later_run: Run, frozen: Snapshot) -> None:
    later = freeze(later_run, frozen.path.parent / "1.1.0")
    changed = next(row["record_id"] for row in later.data().to_pylist() if row["id"] == "r3")
    salts = [{x["record_id"]: x["salt"] for x in s.leaves().to_pylist()} for s in (frozen, later)]
    assert salts[0][changed] != salts[1][changed]
    same = (salts[0].keys() & salts[1].keys()) - {changed}
    assert same and all(salts[0][id] == salts[1][id] for id in same)


@pytest.mark.parametrize(
    "place, options, ref",
    [
        ("docs/1.2.0", {}, "docs@1.2.0"),
        ("docs/v2.0.0-rc.1", {}, "docs@2.0.0-rc.1"),
        ("docs", {}, "docs@1.0.0"),
        ("docs", {"name": "other", "version": "3.0.0"}, "other@3.0.0"),
    ],
)
def test_the_folder_says_what_it_is_called(
    place: str, options: dict[str, str], ref: str, small_run: Run, tmp_path: Path
) -> None:
    assert freeze(small_run, tmp_path / "store" / place, **options).ref == ref  # type: ignore[arg-type]


def test_a_version_follows_that_of_its_parent(small_run: Run, frozen: Snapshot, tmp_path: Path) -> None:
    assert freeze(small_run, tmp_path / "store/elsewhere", name="docs").ref == "docs@1.1.0"


@pytest.mark.parametrize("name", ["a/b", "", "-x", "a b", "é", "x" * 101, "..", "a@1"])
def test_a_name_that_cannot_stand_in_a_path_is_refused(name: str, small_run: Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no name"):
        freeze(small_run, tmp_path / "store/docs", name=name)


@pytest.mark.parametrize("folder", ["1.0", "v2.0", "1.0.0.1", "01.0.0"])
def test_a_folder_that_is_nearly_a_version_is_asked_about(folder: str, small_run: Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no version; write three numbers"):
        freeze(small_run, tmp_path / "store/docs" / folder)
    assert freeze(small_run, tmp_path / "store" / folder, name=folder).ref == f"{folder}@1.0.0"


def test_a_version_is_not_frozen_twice(small_run: Run, frozen: Snapshot, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"docs@1\.0\.0 is there already"):
        freeze(small_run, tmp_path / "store/again", name="docs", version="1.0.0")


def test_nothing_is_written_over(small_run: Run, frozen: Snapshot) -> None:
    with pytest.raises(UsageError, match="never written over"):
        freeze(small_run, frozen.path)


def test_a_damaged_run_is_refused_by_file(small_run: Run, tmp_path: Path) -> None:
    run = shutil.copytree(small_run.path, tmp_path / "run")
    with (run / "fates.parquet").open("r+b") as file:
        file.seek(20)
        file.write(b"\xff")
    with pytest.raises(GateError, match=r"fates\.parquet is not what was written"):
        freeze(run, tmp_path / "store/docs")


def test_an_unfinished_run_is_refused(small_run: Run, tmp_path: Path) -> None:
    run = shutil.copytree(small_run.path, tmp_path / "run")
    (run / "run.json").unlink()
    (run / ".work").mkdir()
    with pytest.raises(InputError, match="is not finished"):
        freeze(run, tmp_path / "store/docs")


CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: docs
version: 1.0.0
status: active
schema:
  - name: docs
    properties:
      - name: text
        logicalType: string
        required: true
        logicalTypeOptions: {{minLength: {least}}}
"""


def test_a_broken_contract_cannot_be_frozen(small_run: Run, tmp_path: Path) -> None:
    (tmp_path / "c.odcs.yaml").write_text(CONTRACT.format(least=100))
    with pytest.raises(GateError, match=r"text: .* rows? (is|are) shorter than minLength 100"):
        freeze(small_run, tmp_path / "store/docs", contract=tmp_path / "c.odcs.yaml")
    assert not (tmp_path / "store/docs").exists()


def test_a_contract_that_is_kept_is_evidence(small_run: Run, tmp_path: Path) -> None:
    (tmp_path / "c.odcs.yaml").write_text(CONTRACT.format(least=1))
    frozen = freeze(small_run, tmp_path / "store/docs", contract=tmp_path / "c.odcs.yaml")
    assert frozen.facts["contract"]["result"] == "passed"
    assert json.loads(frozen.evidence("contract.result.json") or b"")["passed"] is True


def test_what_a_contract_classifies_is_told(small_run: Run, tmp_path: Path) -> None:
    contract = written(tmp_path, [{"name": "text", "classification": "restricted"}, {"name": "source"}]).path
    frozen = freeze(small_run, tmp_path / "docs/1.0.0", contract=contract)
    assert frozen.facts["sensitivity"] == {"text": "restricted"}


def test_the_commit_of_the_recipe_is_told(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/HEAD").write_text("c" * 40)
    write_lines(tmp_path / "corpus.jsonl", sentences(9))
    (tmp_path / "recipe.yaml").write_text("name: x\ninput: {paths: [corpus.jsonl]}\nstages: [exact@1: {}]\n")
    run = tamis.run(tmp_path / "recipe.yaml", None, tmp_path / "run", engine="inline")
    assert freeze(run, tmp_path / "docs/1.0.0").facts["code"]["git"] == "c" * 40


def test_a_full_disk_leaves_nothing_behind(small_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(OutputError, match="the disk is full"):
        freeze(small_run, tmp_path / "store/docs")
    monkeypatch.undo()
    assert not (tmp_path / "store/docs").exists()
    assert list((tmp_path / "store/.tamis/work").iterdir()) == []


def test_a_damaged_object_is_not_shared(small_run: Run, frozen: Snapshot) -> None:
    part = frozen.parts()[0]
    raw = bytearray(part.read_bytes())
    raw[100] ^= 1
    part.write_bytes(raw)  # the object is another name of it
    second = freeze(small_run, frozen.path.parent / "1.1.0")
    assert second.data() == small_run.data()


def test_each_split_has_its_files_in_the_order_of_the_run(tmp_path: Path) -> None:
    rows = pa.table(
        {
            "record_id": pa.array([bytes([k]) * 16 for k in range(6)], pa.binary(16)),
            "text": [f"text {k}" for k in range(6)],
            "split": ["train", "test", "train", "validation", "test", "train"],
        }
    )
    made = drafted(rows, tmp_path)
    names = [p.name for p in made.parts()]
    assert names == [f"{s}-00000-of-00001.parquet" for s in ("train", "validation", "test")]
    assert made.data(["text"], "train").column("text").to_pylist() == ["text 0", "text 2", "text 5"]
    assert made.splits == {"train": 3, "validation": 1, "test": 2}


def test_no_rows_make_a_snapshot_too(tmp_path: Path) -> None:
    schema = pa.schema([("record_id", pa.binary(16)), ("text", pa.string())])
    made = drafted(schema.empty_table(), tmp_path)
    assert (made.data().num_rows, made.splits) == (0, {"train": 0})


def test_an_id_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    rows = pa.table({"record_id": pa.array([b"a" * 16] * 2, pa.binary(16)), "text": ["x", "y"]})
    with pytest.raises(InputError, match="record ids are there twice"):
        drafted(rows, tmp_path)


@pytest.mark.parametrize("name", ["", "a/b", "../x", ".x", "é"])
def test_a_split_that_cannot_name_a_file_is_refused(name: str, tmp_path: Path) -> None:
    rows = pa.table({"record_id": pa.array([b"a" * 16], pa.binary(16)), "split": [name]})
    with pytest.raises(UsageError, match="cannot name files"):
        drafted(rows, tmp_path)


def drafted(rows: pa.Table, folder: Path) -> Snapshot:
    """`rows` as a snapshot folder, not put in its place."""
    store = Store(folder / "store").make()
    draft = Draft("x", "1.0.0", (), "document", rows.schema, lambda: iter(rows.to_batches(max_chunksize=4)))
    build(draft, folder / "made", store, folder / "store/x")
    return Snapshot(folder / "made")


def test_a_snapshot_is_found_by_name_version_and_id(frozen: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(frozen.path.parent)
    for ref in ("docs", "docs@1.0.0", "docs@v1.0.0", frozen.id, frozen.id[:20], "1.0.0"):
        assert open_snapshot(ref).id == frozen.id


def test_a_newer_format_is_told(frozen: Snapshot) -> None:
    path = frozen.path / "snapshot.json"
    path.write_bytes(path.read_bytes().replace(b'"tamis_snapshot":1', b'"tamis_snapshot":2'))
    with pytest.raises(InputError, match="written by a newer tamis"):
        open_snapshot(frozen.path)


def test_statistics_hold_no_text(frozen: Snapshot) -> None:
    group = pq.read_metadata(frozen.parts()[0]).row_group(0)
    text = next(group.column(k) for k in range(group.num_columns) if group.column(k).path_in_schema == "text")
    assert text.statistics is None
