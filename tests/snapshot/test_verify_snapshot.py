"""Every manipulation of a snapshot is caught by the level that can see it, and named."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tamis.errors import InputError
from tamis.runs import Run, seal
from tamis.runs.manifest import MANIFEST
from tamis.snapshot import Snapshot, freeze
from tamis.snapshot.jcs import canonical_json
from tamis.snapshot.sign import sign
from tamis.snapshot.verify import LEVELS, Verified, verify

DATA = "data/train-00000-of-00001.parquet"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two keys and their public halves."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("own", "other"):
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / f"{name}.pem").write_bytes(private)
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (folder / f"{name}.pub").write_bytes(public)
    return folder


@pytest.fixture(scope="module")
def signed(small_run: Run, keys: Path, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """A signed snapshot; tests work on copies."""
    return freeze(small_run, tmp_path_factory.mktemp("signed") / "docs", sign=keys / "own.pem")


@pytest.fixture
def copy(signed: Snapshot, tmp_path: Path) -> Path:
    """A copy of it, in no store."""
    return shutil.copytree(signed.path, tmp_path / "docs")


def rewritten(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """The Parquet file with `change` applied."""
    table = change(pq.read_table(path))
    pq.write_table(table, path, compression="zstd")


def other_text(table: pa.Table) -> pa.Table:
    """`table` with another text in its third row."""
    texts = table.column("text").to_pylist()
    texts[2] = "Something else altogether."
    return table.set_column(table.schema.get_field_index("text"), table.schema.field("text"), pa.array(texts))


def flip(path: Path, at: int) -> None:
    """Another bit at byte `at`; size and time stay."""
    was = path.stat()
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(raw)
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


def resealed(folder: Path) -> None:
    """The manifest made anew, as whoever can write the folder can."""
    (folder / MANIFEST).unlink()
    seal(folder, {})


def refacted(folder: Path, change: Callable[[dict[str, object]], None]) -> None:
    """snapshot.json with `change` applied, and the manifest made anew."""
    facts = json.loads((folder / "snapshot.json").read_bytes())
    change(facts)
    (folder / "snapshot.json").write_bytes(canonical_json(facts))
    resealed(folder)


def byte_of_data(folder: Path) -> None:
    flip(folder / DATA, 200)


def swapped(folder: Path) -> None:
    """A verdict file in the place of another, of equal size and time."""
    one = folder / "evidence/recipe.yaml"
    was, text = one.stat(), one.read_bytes()
    one.write_bytes(text.swapcase())
    os.utime(one, ns=(was.st_atime_ns, was.st_mtime_ns))


def row_changed(folder: Path) -> None:
    rewritten(folder / DATA, other_text)


def row_removed(folder: Path) -> None:
    rewritten(folder / DATA, lambda table: table.slice(1))


def row_twice(folder: Path) -> None:
    rewritten(folder / DATA, lambda table: pa.concat_tables([table, table.slice(0, 1)]))


def rows_added(folder: Path) -> None:
    def more(table: pa.Table) -> pa.Table:
        row = table.slice(0, 1)
        return pa.concat_tables([table, row.set_column(0, table.schema.field(0), pa.array([b"x" * 16], pa.binary(16)))])

    rewritten(folder / DATA, more)


def leaf_changed(folder: Path) -> None:
    def change(table: pa.Table) -> pa.Table:
        leaves = table.column("leaf").to_pylist()
        leaves[0] = bytes(32)
        return table.set_column(2, table.schema.field(2), pa.array(leaves, pa.binary(32)))

    rewritten(folder / "leaves.parquet", change)


def salt_changed(folder: Path) -> None:
    def change(table: pa.Table) -> pa.Table:
        salts = table.column("salt").to_pylist()
        salts[0] = bytes(16)
        return table.set_column(1, table.schema.field(1), pa.array(salts, pa.binary(16)))

    rewritten(folder / "leaves.parquet", change)


def manifest_line(folder: Path) -> None:
    path = folder / MANIFEST
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[1:]))


def manifest_gone(folder: Path) -> None:
    (folder / MANIFEST).unlink()


def traversal(folder: Path) -> None:
    (folder.parent / "outside").write_text("x")
    from tamis.runs.manifest import closing

    path = folder / MANIFEST
    body = path.read_text().rpartition("# ")[0] + "0" * 64 + "  ../outside\n"
    path.write_text(body + closing(body))


def file_gone(folder: Path) -> None:
    (folder / "ledger/fates.parquet").unlink()


def file_added(folder: Path) -> None:
    (folder / "data/train-00001-of-00002.parquet").write_bytes(b"PAR1")


def split_added(folder: Path) -> None:
    shutil.copy(folder / DATA, folder / "data/test-00000-of-00001.parquet")
    resealed(folder)


def linked(folder: Path) -> None:
    (folder / DATA).rename(folder.parent / "elsewhere.parquet")
    (folder / DATA).symlink_to(folder.parent / "elsewhere.parquet")


def folder_linked(folder: Path) -> None:
    (folder / "data").rename(folder.parent / "elsewhere")
    (folder / "data").symlink_to(folder.parent / "elsewhere")


def contract_forged(folder: Path) -> None:
    refacted(
        folder, lambda facts: facts.update(contract={"id": "x", "version": "1", "sha256": "0", "result": "passed"})
    )


def books_forged(folder: Path) -> None:
    refacted(folder, lambda facts: facts["conservation"].update(dropped=0))  # type: ignore[attr-defined]


def spelled_otherwise(folder: Path) -> None:
    path = folder / "snapshot.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()), indent=1))
    resealed(folder)


def facts_cut(folder: Path) -> None:
    path = folder / "snapshot.json"
    path.write_bytes(path.read_bytes()[:-20])


def facts_misshapen(folder: Path) -> None:
    refacted(folder, lambda facts: facts.update(files=[{"path": "../../etc/passwd", "bytes": 1, "sha256": "x"}]))


def signature_changed(folder: Path) -> None:
    flip(folder / "provenance.dsse.json", 40)


def document_changed(folder: Path) -> None:
    (folder / "README.md").write_text("All rights given.")
    resealed(folder)


TAMPERED = [
    (byte_of_data, "files", DATA, "sha256 differs"),
    (swapped, "files", "evidence/recipe.yaml", "sha256 differs"),
    (row_changed, "leaves", DATA, "record .* is not what was frozen"),
    (row_removed, "leaves", "leaves.parquet", "record .* is missing from data/"),
    (row_twice, "leaves", "leaves.parquet", "record .* is more than once in data/"),
    (rows_added, "leaves", DATA, "record 7878.* was added: it has no leaf"),
    (leaf_changed, "leaves", "leaves.parquet", "has the root"),
    (salt_changed, "leaves", DATA, "record .* is not what was frozen"),
    (manifest_line, "manifest", MANIFEST, "its last line does not fit"),
    (manifest_gone, "manifest", MANIFEST, "is missing"),
    (traversal, "manifest", MANIFEST, r"names '\.\./outside', which is not in the folder"),
    (file_gone, "manifest", "ledger/fates.parquet", "is missing"),
    (file_added, "manifest", "data/train-00001-of-00002.parquet", "was added"),
    (split_added, "manifest", "data/test-00000-of-00001.parquet", "snapshot.json does not name it"),
    (linked, "manifest", DATA, "is not a plain file"),
    (folder_linked, "manifest", "data", "was added"),
    (contract_forged, "manifest", "provenance.dsse.json", "made for other files: snapshot.json"),
    (books_forged, "leaves", "snapshot.json", "does not balance"),
    (spelled_otherwise, "manifest", "snapshot.json", "not in its one spelling"),
    (facts_cut, "manifest", "snapshot.json", "cannot be read"),
    (facts_misshapen, "manifest", "snapshot.json", "which is not in the folder"),
    (signature_changed, "manifest", "provenance.dsse.json", "."),
    (document_changed, "manifest", "provenance.dsse.json", "made for other files: README.md"),
]


def named(found: Verified, file: str, problem: str) -> bool:
    """Whether a finding about `file` says so."""
    import re

    return any(f.file == file and re.search(problem, f.problem) for f in found.findings)


@pytest.mark.parametrize("level", LEVELS[:3])
def test_what_was_frozen_is_whole(level: str, copy: Path, keys: Path) -> None:
    found = verify(copy, level, key=keys / "own.pub")  # type: ignore[arg-type]
    assert (found.findings, found.notes[0][-23:]) == ([], "and the signature holds")


@pytest.mark.parametrize("tamper, level, file, problem", TAMPERED, ids=[row[0].__name__ for row in TAMPERED])
def test_tampering_is_caught_and_named(
    tamper: Callable[[Path], None], level: str, file: str, problem: str, copy: Path, keys: Path
) -> None:
    tamper(copy)
    found = verify(copy, level, key=keys / "own.pub")  # type: ignore[arg-type]
    assert named(found, file, problem), found.findings


@pytest.mark.parametrize("tamper", [row[0] for row in TAMPERED], ids=[row[0].__name__ for row in TAMPERED])
def test_the_command_catches_it_without_a_traceback(
    tamper: Callable[[Path], None], copy: Path, keys: Path, tamis: Callable[..., tuple[int, str]]
) -> None:
    tamper(copy)
    code, printed = tamis("verify", copy, "--key", keys / "own.pub")
    assert (code, "Traceback" in printed) == (1, False)


def test_another_key_does_not_vouch(copy: Path, keys: Path) -> None:
    found = verify(copy, "manifest", key=keys / "other.pub")
    assert named(found, "provenance.dsse.json", "another key than other.pub")


def test_a_snapshot_that_is_not_signed_has_no_key(frozen: Snapshot, keys: Path) -> None:
    assert named(verify(frozen.path, "manifest", key=keys / "own.pub"), "provenance.dsse.json", "not signed")


def test_a_signature_by_somebody_else_over_the_right_files_does_not_hold(copy: Path, keys: Path) -> None:
    from tamis.snapshot.sign import statement

    (copy / "provenance.dsse.json").write_bytes(sign(statement(Snapshot(copy)), keys / "other.pem"))
    resealed(copy)
    assert verify(copy, "leaves").whole
    assert named(verify(copy, "manifest", key=keys / "own.pub"), "provenance.dsse.json", "does not hold")


def test_what_an_envelope_says_of_its_key_is_not_believed(copy: Path, keys: Path) -> None:
    path = copy / "provenance.dsse.json"
    envelope = json.loads(path.read_bytes())
    envelope["signatures"].insert(0, {"keyid": "somebody else", "sig": "YQ=="})
    path.write_text(json.dumps(envelope))
    resealed(copy)
    found = verify(copy, "manifest", key=keys / "own.pub")
    assert found.whole and "somebody else" not in found.notes[0]
    path.write_text(json.dumps({**envelope, "payloadType": "\ud800"}))
    resealed(copy)
    assert named(verify(copy, "manifest", key=keys / "own.pub"), "provenance.dsse.json", "cannot be read")


def reworded(change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], object]:
    """What changes the statement in an envelope."""

    def to(envelope: dict[str, Any]) -> None:
        payload = json.loads(base64.b64decode(envelope["payload"]))
        change(payload)
        envelope["payload"] = base64.b64encode(json.dumps(payload).encode()).decode()

    return to


@pytest.mark.parametrize(
    "change, says",
    [
        (lambda e: e.clear(), "it has no payloadType; a DSSE envelope was wanted"),
        (lambda e: e.pop("payload"), "it has no payload;"),
        (lambda e: e.update(payload=7), "it has a number as payload, not a text"),
        (lambda e: e.update(payload="*"), "it has a payload that is not base64"),
        (
            lambda e: e.update(payload="W10="),
            "its payload is a list, not a JSON object; an in-toto statement was wanted",
        ),
        (lambda e: e.update(payload="eA=="), "its payload is not JSON"),
        (lambda e: e.update(payload=base64.b64encode(b"[" * 9000).decode()), "its payload is not JSON"),
        (lambda e: e.update(payloadType=None), "it has null as payloadType, not a text"),
        (lambda e: e.update(payloadType="\ud800"), "half of a surrogate pair"),
        (lambda e: e.update(signatures={}), "it has a JSON object as signatures, not a list"),
        (lambda e: e.update(signatures=[]), "so nobody signed it"),
        (lambda e: e.update(signatures=[True]), "signature 1 of it is true or false, not a JSON object"),
        (lambda e: e["signatures"].append({}), "signature 2 of it has no sig"),
        (reworded(lambda p: p.pop("subject")), "its payload has no subject; an in-toto statement was wanted"),
        (reworded(lambda p: p.update(subject=["x"])), "subject 1 of its payload is a text, not a JSON object"),
        (reworded(lambda p: p["subject"][1].pop("digest")), "subject 2 of its payload has no digest"),
        (reworded(lambda p: p["subject"][0].update(digest={})), "the digest of subject 1 of its payload has no sha256"),
    ],
)
def test_a_damaged_signature_is_told_in_words(
    copy: Path, change: Callable[[dict[str, Any]], object], says: str
) -> None:
    path = copy / "provenance.dsse.json"
    envelope = json.loads(path.read_bytes())
    change(envelope)
    path.write_text(json.dumps(envelope))
    resealed(copy)
    found = [f.problem for f in verify(copy, "manifest").findings if f.file == path.name]
    assert found and says in found[0] and "Error(" not in found[0]


@pytest.mark.parametrize("written", ["", "nonsense", "[1]", "[" * 9000])
def test_a_signature_that_is_no_envelope_is_told_in_words(copy: Path, written: str) -> None:
    (copy / "provenance.dsse.json").write_text(written)
    resealed(copy)
    assert named(verify(copy, "manifest"), "provenance.dsse.json", "a DSSE envelope was wanted")


@pytest.mark.parametrize("file, says", [(DATA, "more than there are leaves"), ("leaves.parquet", "50,000 leaves")])
def test_a_small_file_of_any_number_of_rows_is_not_read_out(file: str, says: str, copy: Path) -> None:
    rewritten(copy / file, lambda table: table.take(pa.array([0] * 50_000)))
    assert named(verify(copy), file, says)


def test_the_id_that_was_told_is_held_against_it(copy: Path, signed: Snapshot) -> None:
    assert verify(copy, "manifest", id=signed.id).whole
    refacted(copy, lambda facts: facts.update(created="2000-01-01T00:00:00+00:00"))
    assert named(verify(copy, "manifest", id=signed.id), "snapshot.json", "is not that of sha256:")


def test_the_store_knows_what_was_frozen(frozen: Snapshot) -> None:
    refacted(frozen.path, lambda facts: facts.update(created="2000-01-01T00:00:00+00:00"))
    assert named(verify(frozen.path, "manifest"), "snapshot.json", "the store at .* knows")


def test_a_file_that_the_id_does_not_cover_is_no_part_of_it(copy: Path, signed: Snapshot) -> None:
    shutil.copy(signed.parts()[0], copy / "data/test-00000-of-00001.parquet")
    (copy / "provenance.dsse.json").unlink()
    resealed(copy)
    found = verify(copy, "manifest", id=signed.id)
    assert named(found, "data/test-00000-of-00001.parquet", "snapshot.json does not name it")


@pytest.mark.parametrize(
    "change, problem",
    [
        ({"splits": {"*": 5}}, "no part of a split"),
        ({"name": "../../x"}, "name or version"),
        ({"contract": {"sha256": "0" * 64}}, "not the contract that snapshot.json tells of"),
        ({"recipe": {"sha256": "0" * 64}}, "not the recipe that snapshot.json tells of"),
        ({"schema": {"fields": [], "fingerprint": ""}}, "fingerprint"),
        ({"schema": {"fields": 2**60, "fingerprint": None}}, "spelling"),
    ],
)
def test_snapshot_json_contradicts_nothing(change: dict[str, Any], problem: str, copy: Path) -> None:
    (copy / "provenance.dsse.json").unlink()
    raw = {**json.loads((copy / "snapshot.json").read_bytes()), **change}
    (copy / "snapshot.json").write_text(json.dumps(raw))
    resealed(copy)
    assert any(problem in f.problem for f in verify(copy).findings)


def test_a_newer_snapshot_is_told_apart_from_a_damaged_one(copy: Path) -> None:
    refacted(copy, lambda facts: facts.update(tamis_snapshot=2))
    with pytest.raises(InputError, match="written by a newer tamis"):
        verify(copy)


def test_an_envelope_is_one_to_securesystemslib(copy: Path, keys: Path) -> None:
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import SSlibKey

    envelope = Envelope.from_dict(json.loads((copy / "provenance.dsse.json").read_bytes()))
    public = SSlibKey.from_crypto(load_pem_public_key((keys / "own.pub").read_bytes()))
    public.keyid = next(iter(envelope.signatures))
    assert envelope.verify([public], 1)


def test_a_file_whose_name_is_no_unicode_is_told(copy: Path, tamis: Callable[..., tuple[int, str]]) -> None:
    (copy / os.fsdecode(b"x\xff\n\x1b[2J")).write_text("")
    for options in ((), ("--json",)):
        code, printed = tamis("verify", copy, "--level", "manifest", *options)
        assert (code, "\x1b" in printed, "was added" in printed) == (1, False, True)
