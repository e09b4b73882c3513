"""MinHash signatures of records, equal bit for bit to those of `datasketch.MinHash`, for an index that is asked as data come in.

    signed = sign("corpus.jsonl", ngram=5, num_perm=128)

    record_id, id     whose signature it is
    signature         num_perm slots; all bits set where the record has no word

What is hashed are n-grams of words (tamis.kernels.grams); tamis.curate.lsh puts signatures into a `datasketch.MinHashLSH`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pyarrow as pa

from tamis.data import Block, Reading, find, fragments, read, read_frame, recognise, write_parquet
from tamis.errors import InputError, UsageError
from tamis.kernels.datasketch import DTYPES, Scheme, slots
from tamis.kernels.grams import Hash, grams
from tamis.schemas import joined, text_fields
from tamis.schemas._field import field
from tamis.schemas.rows import RECORD_ID

METADATA = b"tamis.signatures"
"""Key of the parameters, as JSON, in the metadata of the schema."""

MOST_SLOTS = 1 << 16

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Signer:
    """How records are signed. Only signatures made in the same way can be compared.

    on        field or fields of text; None: all texts of the row
    ngram     words in an n-gram; a record of fewer words is one n-gram of all its words
    num_perm  slots, 2 to 65,536
    seed      of the permutations, 0 to 2^32 - 1
    scheme    `affine32`, datasketch's own since 2.0; `affine64`; `legacy`, that of before
    hash      of an n-gram: `sha1`, datasketch's own, or `xxh64`; the low 32 bits of it, but for affine64
    """

    on: str | tuple[str, ...] | None = None
    ngram: int = 5
    num_perm: int = 128
    seed: int = 1
    scheme: Scheme = "affine32"
    hash: Hash = "sha1"

    def __post_init__(self) -> None:
        if isinstance(self.on, list):
            object.__setattr__(self, "on", tuple(self.on))
        bounds = {"ngram": (1, 1 << 10), "num_perm": (2, MOST_SLOTS), "seed": (0, (1 << 32) - 1)}
        for name, (least, most) in bounds.items():
            if not least <= (value := getattr(self, name)) <= most:
                raise UsageError(f"{name} is {value!r}; it can be {least:,} to {most:,}")
        for name, names in {"scheme": get_args(Scheme), "hash": get_args(Hash)}.items():
            if (chosen := getattr(self, name)) not in names:
                raise UsageError(f"{name} is {chosen!r}; it can be {', '.join(names)}")

    @property
    def schema(self) -> pa.Schema:
        """Of what `sign` gives; its metadata say how it was made."""
        slot = pa.from_numpy_dtype(DTYPES[self.scheme])
        columns = [
            field("record_id", RECORD_ID, "Key of the record.", False),
            field("id", pa.string(), "The record's own key."),
            field("signature", pa.list_(pa.field("element", slot, False), self.num_perm), "MinHash slots.", False),
        ]
        return pa.schema(columns, {METADATA: json.dumps(asdict(self))})

    def sign(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """One row a row of `batch`, whose rows are of one of the four kinds."""
        found = grams(joined(batch, self._texts(batch.schema)), self.ngram, self.hash)
        made = slots(*found, self.num_perm, self.seed, self.scheme)
        kind = self.schema.field("signature").type
        signature = pa.FixedSizeListArray.from_arrays(pa.array(made.reshape(-1)), type=kind)
        return pa.record_batch([batch.column("record_id"), batch.column("id"), signature], schema=self.schema)

    def hashfunc(self) -> Any:
        """The function that gives `datasketch.MinHash(hashfunc=…)` the hashes used here; None: its own."""
        if self.hash == "sha1":
            return None
        from xxhash import xxh64_intdigest

        return xxh64_intdigest if self.scheme == "affine64" else lambda data: xxh64_intdigest(data) & 0xFFFFFFFF

    def _texts(self, schema: pa.Schema) -> tuple[str, ...]:
        names = text_fields(schema, self.on)
        for name in names:
            if not _is_text(schema.field(name).type):
                raise UsageError(f"on: {name!r} is {schema.field(name).type}; signatures are made of text")
        return names


class Written(NamedTuple):
    """What `write` did: records signed, rows that could not be read, and what is wrong with the first of those."""

    signed: int
    unreadable: int
    first: str | None


def sign(data: Any, **parameters: Any) -> pa.Table:
    """The signatures of `data`: paths, an Arrow table, a Polars frame, a Dataset, dicts; `parameters` are those of Signer.

    Rows that cannot be read as records are passed over with a warning in the log; a damaged file raises InputError.
    """
    signer, unreadable, parts = Signer(**parameters), 0, []
    for block in _blocks(data):
        unreadable += block.bad.num_rows
        parts.append(signer.sign(block.rows))
    if unreadable:
        _log.warning("%d rows could not be read and have no signature", unreadable)
    return pa.Table.from_batches(parts, schema=signer.schema)


def write(data: Any, output: Path | str, signer: Signer) -> Written:
    """Write the signatures of `data` (what `sign` takes) to a Parquet file, a block of input at a time.

    Raises InputError, and writes nothing, where no row can be read.
    """
    signed, unreadable, first = 0, 0, None

    def parts() -> Iterator[pa.RecordBatch]:
        nonlocal signed, unreadable, first
        for block in _blocks(data):
            signed, unreadable = signed + block.rows.num_rows, unreadable + block.bad.num_rows
            if first is None and block.bad.num_rows:
                first = block.bad.column("message")[0].as_py()
            yield signer.sign(block.rows)
        if unreadable and not signed:
            raise InputError(f"none of {unreadable:,} rows could be read; the first: {first}")

    write_parquet(output, parts(), signer.schema)
    return Written(signed, unreadable, first)


def _blocks(data: Any) -> Iterator[Block]:
    if isinstance(data, (str, Path)):
        data = [data]
    if not (isinstance(data, (list, tuple)) and data and all(isinstance(item, (str, Path)) for item in data)):
        yield from read_frame(data)
        return
    files = find(data)
    reading = Reading(recognise(files).kind)
    for file in files:
        for fragment in fragments(file):
            for block in read(fragment, reading):
                if block.damage:
                    raise InputError(f"{file.name}: {block.damage}; mend the file or leave it out")
                yield block


def _is_text(of: pa.DataType) -> bool:
    if pa.types.is_list(of):
        of = of.value_type
        if pa.types.is_struct(of):
            return "content" in [f.name for f in of]
    return bool(pa.types.is_string(of) or pa.types.is_large_string(of))
