"""Signatures in a `datasketch.MinHashLSH`: filled in bulk, then asked what in it is like new records.

    lsh = MinHashLSH(threshold=0.8, num_perm=128)      or with storage_config={"type": "redis", …}
    fill(lsh, sign("corpus.jsonl"))
    similar(lsh, sign("new.jsonl"))

A record without a word has the signature of every other such record. It is never put in, and is like nothing.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.curate.signatures import METADATA, Signer
from tamis.errors import InputError, UsageError
from tamis.extras import extra
from tamis.schemas._field import field

if TYPE_CHECKING:
    from datasketch import LeanMinHash, MinHashLSH

SIMILAR = pa.schema(
    [
        field("key", pa.string(), "Key of the record that was asked about.", False),
        field("peer", pa.string(), "Key of a record in the index that shares a band with it.", False),
        field("jaccard", pa.float32(), "Share of equal slots, an estimate; null: the index keeps hashes of bands."),
    ]
)

Signed: TypeAlias = pa.Table | Path | str
"""Signatures: a table from `sign`, or the Parquet file they were written to."""


def signer_of(signed: Signed) -> Signer:
    """How `signed` was made. Raises InputError for what holds no signatures."""
    schema = signed.schema if isinstance(signed, pa.Table) else _opened(signed).schema_arrow
    if METADATA not in (schema.metadata or {}):
        what = "the table" if isinstance(signed, pa.Table) else signed
        raise InputError(f"{what}: no signatures of tamis in it, but {schema.names}; make them with tamis signatures")
    return Signer(**json.loads(schema.metadata[METADATA]))


def minhashes(signed: Signed, key: str = "record_id") -> Iterator[tuple[str, LeanMinHash]]:
    """Key and `datasketch.LeanMinHash` of every record; `key` is record_id, in hexadecimal, or id.

    `MinHash(seed=m.seed, hashvalues=m.digest(), scheme=m.scheme, hashfunc=signer_of(signed).hashfunc())` can be updated.
    """
    with extra("lsh"):
        from datasketch import LeanMinHash
    signer = signer_of(signed)
    for batch in _batches(signed):
        slots = batch.column("signature").flatten().to_numpy().reshape(batch.num_rows, signer.num_perm)
        for name, values in zip(_keys(batch.column(key), key), slots, strict=True):
            yield name, LeanMinHash(seed=signer.seed, hashvalues=values, scheme=signer.scheme)


def fill(lsh: MinHashLSH, signed: Signed, key: str = "record_id", skip_known: bool = False) -> int:
    """Put `signed` into `lsh`; give how many went in.

    A key that is in it already is passed over with `skip_known`; else UsageError is raised, and nothing has gone in.
    """
    _check(lsh, signed)
    known, seen = set(), set()
    for batch in _batches(signed):
        for name in _keys(batch.column(key), key):
            if name in seen:
                raise UsageError(f"two signatures have the {key} {name!r}; a key of the index must be of one record")
            seen.add(name)
            if name in lsh:
                known.add(name)
    if known and not skip_known:
        raise UsageError(f"{min(known)!r} and {len(known) - 1:,} other keys are in the index; pass skip_known=True")
    inserted = 0
    with lsh.insertion_session() as session:
        for name, minhash in minhashes(signed, key):
            if name not in known and not minhash.is_empty():
                session.insert(name, minhash, check_duplication=False)
                inserted += 1
    return inserted


def similar(lsh: MinHashLSH, signed: Signed, key: str = "record_id", at_least: float = 0.0) -> pa.Table:
    """SIMILAR rows: what in `lsh` is like each record of `signed`, the most alike first; itself, too, where it is in it.

    at_least  0–1: peers whose estimated Jaccard similarity is lower are left out
    """
    _check(lsh, signed)
    rows: list[tuple[str, str, float | None]] = []
    for name, minhash in minhashes(signed, key):
        if minhash.is_empty():
            continue
        peers = lsh.query(minhash)
        found = [(name, str(peer), alike) for peer, alike in zip(peers, _estimates(lsh, minhash, peers), strict=True)]
        found = [row for row in found if row[2] is None or row[2] >= at_least]
        rows += sorted(found, key=lambda row: (-(row[2] or 0.0), row[1]))
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], []]
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, SIMILAR, strict=True)], schema=SIMILAR)


def _estimates(lsh: Any, minhash: LeanMinHash, peers: list[Any]) -> list[float | None]:
    """Share of slots of `minhash` that each peer has, too: the index keeps the bands of what is in it, byte for byte."""
    if lsh.hashfunc is not None or not peers:
        return [None] * len(peers)
    stored = lsh.keys.getmany(*(pickle.dumps(peer) if lsh.prepickle else peer for peer in peers))
    own = minhash.hashvalues[: lsh.b * lsh.r]
    # datasketch swaps the bytes of every slot: on a little-endian machine they are big-endian.
    swapped = own.dtype.newbyteorder("S")
    return [float(np.mean(np.frombuffer(b"".join(bands[: lsh.b]), swapped) == own)) for bands in stored]


def _check(lsh: MinHashLSH, signed: Signed) -> None:
    if (slots := signer_of(signed).num_perm) != lsh.h:
        raise UsageError(f"the index takes {lsh.h} slots and the signatures have {slots}; sign with num_perm={lsh.h}")


def _keys(column: pa.Array, key: str) -> list[str]:
    if column.null_count:
        raise UsageError(f"key is {key!r}, and {column.null_count:,} records have none; use record_id, which all have")
    values = column.to_pylist()
    return [value.hex() for value in values] if pa.types.is_fixed_size_binary(column.type) else values


def _batches(signed: Signed) -> Iterator[pa.RecordBatch]:
    yield from signed.to_batches(1 << 14) if isinstance(signed, pa.Table) else _opened(signed).iter_batches(1 << 14)


def _opened(path: Path | str) -> Any:
    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"cannot read signatures from {path}: {error}") from error
