"""A snapshot's folder.

snapshot.json  MANIFEST.sha256  data/<split>-00000-of-000NN.parquet  leaves.parquet  lineage.parquet
ledger/{verdicts,edges}/*.parquet  ledger/fates.parquet  evidence/*  README.md  croissant.json  …
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tamis.data.parquet import UNREADABLE, one_line, open_file, read_table
from tamis.data.storage.address import Remote, located
from tamis.errors import InputError
from tamis.schemas import FATES, LINEAGE, VERDICT
from tamis.snapshot.names import split_order
from tamis.snapshot.store import find_store, is_ref, store_at
from tamis.snapshot.tables import LEAVES

BATCH = 4096
"""Rows that are read at a time."""

FORMAT = 1
"""The number under `tamis_snapshot` that this code writes and reads."""


@dataclass(frozen=True)
class Snapshot:
    """A snapshot at `path`. Tables are read when asked for; nothing is verified."""

    path: Path

    @cached_property
    def facts(self) -> dict[str, Any]:
        """snapshot.json."""
        loaded: dict[str, Any] = json.loads(self._bytes)
        return loaded

    @property
    def id(self) -> str:
        """sha256: and the digest of snapshot.json."""
        return f"sha256:{hashlib.sha256(self._bytes).hexdigest()}"

    @property
    def name(self) -> str:
        """What it is called."""
        return str(self.facts["name"])

    @property
    def version(self) -> str:
        """Its version, as `1.2.0`."""
        return str(self.facts["version"])

    @property
    def ref(self) -> str:
        """NAME@VERSION."""
        return f"{self.name}@{self.version}"

    @property
    def kind(self) -> str:
        """What kind its rows are: document, chat, preference or eval_item."""
        return str(self.facts["kind"])

    @property
    def splits(self) -> dict[str, int]:
        """Rows of each split, in the order in which they are stored."""
        rows = self.facts["splits"]
        return {name: rows[name] for name in sorted(rows, key=split_order)}

    @property
    def root(self) -> bytes:
        """The Merkle root of its records."""
        return bytes.fromhex(self.facts["content"]["root"])

    @property
    def schema(self) -> pa.Schema:
        """Columns of its data."""
        parts = self.parts()
        if not parts:
            raise InputError(f"{self.path} has no data files; `tamis verify {self.path}` says why")
        with reading(parts[0]):
            return pq.read_schema(parts[0])

    def parts(self, split: str | None = None) -> list[Path]:
        """Data files, in order: of one split, or of all. Raises InputError where there is no such split."""
        if split is not None and split not in self.splits:
            raise InputError(f"{self.ref} has no split {split!r}; it has {', '.join(self.splits)}")
        wanted = [split] if split is not None else list(self.splits)
        return [path for name in wanted for path in sorted((self.path / "data").glob(f"{name}-?????-of-?????.parquet"))]

    def batches(self, columns: Sequence[str] | None = None, split: str | None = None) -> Iterator[pa.RecordBatch]:
        """Its rows in order, some thousand at a time."""
        for part in self.parts(split):
            yield from self.batches_of(part, columns)

    @staticmethod
    def batches_of(part: Path, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows of one of `parts`."""
        with reading(part), open_file(part) as file:
            # One thread: several fill the memory with what is read ahead, and cost more than they save.
            yield from file.iter_batches(BATCH, columns=None if columns is None else list(columns), use_threads=False)

    def data(self, columns: Sequence[str] | None = None, split: str | None = None) -> pa.Table:
        """Its rows in order."""
        wanted = None if columns is None else list(columns)
        return pa.concat_tables([_table(part, columns=wanted) for part in self.parts(split)])

    def leaves(self) -> pa.Table:
        """LEAVES rows, in the order of the tree."""
        return _table(self.path / "leaves.parquet").select(LEAVES.names).cast(LEAVES)

    def lineage(self) -> pa.Table:
        """LINEAGE rows."""
        path = self.path / "lineage.parquet"
        with reading(path):
            return read_table(path).cast(LINEAGE)

    def verdicts(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Every decision of the run it was frozen from, sorted by record_id and step."""
        parts = sorted((self.path / "ledger/verdicts").glob("*.parquet"))
        wanted = None if columns is None else list(columns)
        if not parts:
            return VERDICT.empty_table().select(wanted or VERDICT.names)
        return pa.concat_tables([_table(p, columns=wanted) for p in parts], promote_options="permissive")

    def fates(self) -> pa.Table:
        """What became of every record of the input, in its order, each with its record_id."""
        path = self.path / "ledger/fates.parquet"
        return _table(path) if path.is_file() else FATES.empty_table()

    def evidence(self, name: str) -> bytes | None:
        """A file of evidence/, as run.json or contract.odcs.yaml; None where there is none of that name."""
        path = self.path / "evidence" / name
        return path.read_bytes() if path.is_file() else None

    @cached_property
    def _bytes(self) -> bytes:
        return (self.path / "snapshot.json").read_bytes()


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what is wrong with a file of a snapshot into an InputError that says where to look further."""
    # Opened as they are, a FIFO waits for ever and a folder is read as a data set.
    if not path.is_file():
        raise InputError(
            f"{path} is missing, or is no plain file; `tamis verify` of its snapshot says what else is damaged"
        )
    try:
        yield
    except UNREADABLE as damage:
        raise InputError(
            f"{path} cannot be read ({one_line(damage)}); `tamis verify` of its snapshot says what else is damaged"
        ) from damage


def _table(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    with reading(path):
        return read_table(path, columns)


def open_snapshot(ref: Path | str | Snapshot, store: Path | str | None = None) -> Snapshot:
    """The snapshot at a folder, or NAME, NAME@VERSION or sha256:ID in a store. Raises InputError."""
    if isinstance(ref, Snapshot):
        return ref
    if isinstance(place := located(ref), Remote):
        from tamis.snapshot.store_far import snapshot_at

        place = snapshot_at(place)
    path = place
    if (above := find_store(path)) is not None:
        above.recover()
    if not (path / "snapshot.json").is_file():
        # A folder may have the name of a snapshot, as docs: the store is asked before it is taken for a mistake.
        if not is_ref(str(ref)):
            why = (
                f"{path} is no snapshot: it has no snapshot.json"
                if path.exists()
                else f"there is no snapshot at {path}"
            )
            raise InputError(f"{why}; name the folder that `tamis freeze -o` wrote, or NAME@VERSION")
        path = store_at(store).resolve(str(ref))
    snapshot = Snapshot(path)
    try:
        found = snapshot.facts["tamis_snapshot"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as damage:
        raise InputError(
            f"{path / 'snapshot.json'} is damaged ({damage!r}); `tamis verify {path}` says what else is"
        ) from damage
    if found != FORMAT:
        raise InputError(f"{path} was written by a newer tamis (format {found}, this one reads {FORMAT}); update tamis")
    return snapshot
