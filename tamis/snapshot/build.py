"""A snapshot's folder, written: the one way to a new version, whether frozen from a run or rewritten by an erasure."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from tamis.data.cuts import WRITER
from tamis.data.disk import disk_errors
from tamis.data.writer import FileDigest, write_bytes, write_parquet
from tamis.errors import InputError, UsageError
from tamis.runs.manifest import seal, sha256
from tamis.schemas import LINEAGE
from tamis.snapshot import leaves as merkle
from tamis.snapshot.canonical import Room, canonical
from tamis.snapshot.emit import Census, documents
from tamis.snapshot.folder import FORMAT, Snapshot
from tamis.snapshot.gathered import Gathered
from tamis.snapshot.inherited import finder, licences
from tamis.snapshot.jcs import canonical_json
from tamis.snapshot.journal import Step, link, sync
from tamis.snapshot.licences import demand
from tamis.snapshot.parts import ONLY, Part, Parts, taken
from tamis.snapshot.salts import Salts
from tamis.snapshot.store import Store
from tamis.snapshot.tables import LEAVES

Content: TypeAlias = Path | bytes | pa.Table | Callable[[], pa.Table]


@dataclass(frozen=True)
class Draft:
    """What a new version is made of.

    schema   columns of its data; `record_id` is one of them
    batches  gives its rows, in order; ids are all different
    salts    the version that records which are the same keep their salts of
    lineage  LINEAGE rows; None: none
    facts    more members of snapshot.json: contract, recipe, inputs, conservation, …
    strict_licences  whether records under licences that contradict each other may not be frozen
    files    what else goes into the folder, by its place there: a file that is copied, bytes, a table, or what gives one
    """

    name: str
    version: str
    parents: tuple[str, ...]
    kind: str
    schema: pa.Schema
    batches: Callable[[], Iterator[pa.RecordBatch]]
    salts: Snapshot | None = None
    lineage: pa.Table | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Content] = field(default_factory=dict)
    strict_licences: bool = False
    parts: Mapping[Path, str] = field(default_factory=dict)
    """Files that `batches` reads, with their sha256, where they are cut as a snapshot's (data/cuts.py) and there is one split."""


Page = Callable[[Snapshot, Store], bytes]
"""The page about a snapshot, and what its store knows: it is made a floor above."""


class Made(NamedTuple):
    """A folder that is whole, its id, snapshot.json, where it goes, and the steps that bring it there."""

    id: str
    facts: dict[str, Any]
    path: Path
    steps: tuple[Step, ...]


def build(
    draft: Draft,
    folder: Path,
    store: Store,
    target: Path,
    *,
    sign: Path | str | None = None,
    page: Page | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Made:
    """Write `draft` to `folder`, which is in the store's work; the steps move it to `target`, and share its parts.

    page  gives report.html; None: there is none

    Raises UsageError, InputError or OutputError. Nothing outside `folder` is changed.
    """
    if "record_id" not in draft.schema.names:
        raise UsageError(f"the data has columns {', '.join(draft.schema.names) or '(none)'}, and no record_id")
    with disk_errors(target):
        folder.mkdir(parents=True)
    census = Census()
    parts, splits, table, root = _rows(draft, folder, census, on_progress)
    files = [{**part._asdict()} for part in parts]
    shared = [_share(store, folder / part.path, part.sha256) for part in parts]
    files += [_listed(folder, write_parquet(folder / "leaves.parquet", [table], LEAVES))]
    leaves = len(table)
    del table  # 64 bytes a record
    lineage = draft.lineage if draft.lineage is not None else LINEAGE.empty_table()
    files += [_listed(folder, write_parquet(folder / "lineage.parquet", [lineage], LINEAGE))]
    files += [_listed(folder, _put(folder / path, content)) for path, content in sorted(draft.files.items())]
    facts = _facts(draft, files, splits, root, leaves)
    raw = canonical_json(facts)
    write_bytes(folder / "snapshot.json", raw)
    id = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    found = licences(Snapshot(folder), finder(store), census)
    if draft.strict_licences:
        demand(found)
    for name, data in documents(Snapshot(folder), census, found).items():
        _put(folder / name, data)
    if page is not None:
        _put(folder / "report.html", page(Snapshot(folder), store))
    if sign is not None:
        from tamis.snapshot.sign import provenance

        write_bytes(folder / "provenance.dsse.json", provenance(Snapshot(folder), Path(sign)))
    seal(folder, {str(file["path"]): str(file["sha256"]) for file in files})
    for place in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        sync(place)
    target = Path(os.path.abspath(target))
    steps = [Step("move", folder, target)]
    steps += [
        Step("link", target / part.path, store.object(part.sha256))
        for part, there in zip(parts, shared, strict=True)
        if not there
    ]
    return Made(id, facts, target, tuple(steps))


def _rows(
    draft: Draft, folder: Path, census: Census, on_progress: Callable[[int], None] | None
) -> tuple[list[Part], dict[str, int], pa.Table, bytes]:
    """Data files, rows of each split, LEAVES, and the root over them."""
    copied: list[Part] = []
    parts, known = Parts(folder, draft.schema), Salts.of(draft.salts)
    ids, salts, leaves = Gathered(16), Gathered(16), Gathered(32)
    room = Room()
    for batch in taken(folder, draft.parts, copied) if draft.parts else draft.batches():
        records = canonical(batch, merkle.LEAD, room)
        own = merkle.fixed(batch.column("record_id").cast(pa.binary(16)), 16)
        salt, leaf = known.leaves(own, records)
        for gathered, found in ((ids, own), (salts, salt), (leaves, leaf)):
            gathered.add(found)
        if not draft.parts:
            parts.add(batch)
        census.add(batch)
        if on_progress:
            on_progress(ids.rows)
    del known, room
    written, splits = (copied, {ONLY: ids.rows}) if draft.parts else parts.finish()
    table = merkle.table(ids, salts, leaves)
    _all_differ(table)
    return written, splits, table, merkle.root(merkle.fixed(table.column("leaf"), 32))


def _all_differ(table: pa.Table) -> None:
    keys = merkle.numbers(merkle.fixed(table.column("record_id"), 16))
    same = np.flatnonzero((keys[1:] == keys[:-1]).all(axis=1))
    if same.size:
        raise InputError(
            f"{same.size:,} record ids are there twice, the first {table.column('record_id')[int(same[0])].as_py().hex()}; "
            "a snapshot needs each record once: add exact@1 to the recipe, or mend the ids"
        )


def _share(store: Store, path: Path, digest: str) -> bool:
    """Make the file at `path` another name of the object that has its bytes; False where there is none that is whole."""
    if not store.holds(digest):
        return False
    path.unlink()
    link(store.object(digest), path)
    return True


def _put(path: Path, content: Content) -> FileDigest:
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    if callable(content):
        content = content()
    if isinstance(content, pa.Table):
        return write_parquet(path, [content], content.schema)
    if isinstance(content, bytes):
        return write_bytes(path, content)
    with disk_errors(path):
        shutil.copyfile(content, path)
        sync(path)
    return FileDigest(path, None, path.stat().st_size, sha256(path))


def _listed(folder: Path, file: FileDigest) -> dict[str, Any]:
    rows = {} if file.rows is None else {"rows": file.rows}
    return {"path": file.path.relative_to(folder).as_posix(), "bytes": file.bytes, **rows, "sha256": file.sha256}


def _facts(
    draft: Draft, files: list[dict[str, Any]], splits: dict[str, int], root: bytes, leaves: int
) -> dict[str, Any]:
    fields = [{"name": f.name, "type": str(f.type), "nullable": f.nullable} for f in draft.schema]
    return {
        "tamis_snapshot": FORMAT,
        "name": draft.name,
        "version": draft.version,
        "parents": list(draft.parents),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "kind": draft.kind,
        "files": sorted(files, key=lambda file: str(file["path"])),
        "content": {"algo": merkle.ALGORITHM, "leaves": leaves, "root": root.hex(), "order": "record_id"},
        "schema": {"fields": fields, "fingerprint": hashlib.sha256(canonical_json(fields)).hexdigest()},
        "splits": splits,
        "tombstones": 0,
        "code": {"package": f"tamis {version('tamis')}"},
        "writer": {**WRITER, "pyarrow": version("pyarrow")},
        **draft.facts,
    }
