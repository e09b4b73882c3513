"""Other tables of a contract: their keys, and their rows as files that a query can read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from tamis.contracts.columns import named
from tamis.contracts.json_lines import read_json_lines
from tamis.contracts.keys import as_key, hashes
from tamis.contracts.model import Property, Table
from tamis.contracts.relations import Referred
from tamis.contracts.sources import Part
from tamis.contracts.types import mismatches
from tamis.errors import UsageError


def referred(table: Table, columns: Sequence[str], sources: Sequence[Part], as_float: bool) -> Referred:
    """The keys in `columns` of the rows of `table`. Raises UsageError where they are not there or of another type."""
    members = [next(p for p in table.properties if p.column == c) for c in columns]
    return Referred.of(_hashed(members, sources, as_float, table.name), "to")


def _hashed(members: Sequence[Property], sources: Sequence[Part], as_float: bool, name: str) -> Iterator[pl.DataFrame]:
    for part in sources:
        if part.is_json:
            assert part.path is not None
            for batch in read_json_lines(part.path, members, ()):
                yield batch.frame.select(_keys(members, dict(batch.frame.schema), as_float))
            continue
        for member in members:
            if member.column not in part.schema:
                raise UsageError(f"{part.file or name} has no column {member.column!r} to refer to")
            for wrong in mismatches(member, part.schema[member.column], is_json=False):
                raise UsageError(f"{name}.{wrong.path}: found {wrong.found}, wanted {wrong.wanted}")
        assert part.lazy is not None
        with part.readable():
            yield part.lazy.select(_keys(members, part.schema, as_float)).unique().collect(engine="streaming")


def _keys(members: Sequence[Property], found: Mapping[str, pl.DataType], as_float: bool) -> list[pl.Expr]:
    return hashes([as_key(named(m.column), m.name, found[m.column], as_float) for m in members], "to")


@contextmanager
def on_disk(given: Mapping[str, Sequence[Part]], tables: Mapping[str, Table]) -> Iterator[dict[str, list[Path]]]:
    """The rows of every table as Parquet files, as long as the block lasts: those that are none are written anew.

    Of JSON Lines the values of the promised types are written; any other is null there, as in the other rules.
    """
    with TemporaryDirectory(prefix="tamis-check-") as folder:
        place = Path(folder)
        found: dict[str, list[Path]] = {}
        for k, (name, sources) in enumerate(given.items()):
            found[name] = [
                _file(part, tables[name].properties, place / f"{k}-{n}.parquet") for n, part in enumerate(sources)
            ]
        yield found


def _file(part: Part, properties: Sequence[Property], place: Path) -> Path:
    if part.lazy is not None and part.path is not None:
        return part.path
    if part.lazy is not None:
        part.lazy.select(named(p.column) for p in properties if p.column in part.schema).sink_parquet(place)
        return place
    # Imported here: it takes as long as a small check.
    import pyarrow.parquet as pq

    assert part.path is not None
    writer: pq.ParquetWriter | None = None
    for batch in read_json_lines(part.path, properties, ()):
        table = batch.frame.with_columns(pl.col(pl.Int128).cast(pl.Int64, strict=False)).to_arrow()
        writer = writer or pq.ParquetWriter(place, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()
    return place
